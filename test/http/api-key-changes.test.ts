import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import {
  aYearAhead,
  createKey,
  KEY,
  legacy,
  type Made,
  statusFor as statusOf,
  TS,
} from '../support/api-keys.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const create = (more: object = {}, headers: Record<string, string> = {}) => createKey(app, more, headers);
const statusFor = (key: string, path?: string) => statusOf(app, key, path);

describe('PATCH /api-keys/{id}', () => {
  test('changes what is given, and only that', async () => {
    const { id } = await create({ metadata: { a: '1', b: '2' }, expires_at: aYearAhead() });
    const changes = {
      name: 'New',
      scopes: ['posts:*'],
      rate_limit_tier: 'pro',
      expires_at: null,
      allowed_ips: ['203.0.113.0/24'],
      metadata: { a: null, c: '3' },
      dialect: '2024',
    };
    const { status, body } = await app.call('PATCH', `/api-keys/${id}`, { body: changes });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      message: 'API key updated successfully.',
      data: { id, name: 'New', scopes: ['posts:*'] },
    });
    const fields = 'name,scopes,rate_limit_tier,expires_at,allowed_ips,metadata,dialect,is_enabled';
    expect((await app.call('GET', `/api-keys/${id}?fields=${fields}`)).body.data).toEqual({
      ...changes,
      metadata: { b: '2', c: '3' },
      is_enabled: true,
    });
    await app.call('PATCH', `/api-keys/${id}`, { body: { rate_limit_tier: null, dialect: null } });
    expect((await app.call('GET', `/api-keys/${id}?fields=rate_limit_tier,dialect,name`)).body.data).toEqual({
      rate_limit_tier: 'enterprise',
      dialect: null,
      name: 'New',
    });
  });

  test('switches a key off at once and on again', async () => {
    const { id, key } = await create();
    await app.call('PATCH', `/api-keys/${id}`, { body: { is_enabled: false } });
    expect(await app.call('GET', '/workspaces', { key })).toMatchObject({
      status: 401,
      body: { error: 'unauthorized', message: 'Invalid or missing API key.' },
    });
    await app.call('PATCH', `/api-keys/${id}`, { body: { is_enabled: true } });
    expect(await statusFor(key)).toBe(200);
  });

  test('binds a key to addresses', async () => {
    const { id, key } = await create();
    await app.call('PATCH', `/api-keys/${id}`, { body: { allowed_ips: ['203.0.113.0/24'] } });
    expect(await app.call('GET', '/workspaces', { key })).toMatchObject({
      status: 403,
      body: { error: 'access_denied', message: 'IP address not allowed for this API key.' },
    });
    await app.call('PATCH', `/api-keys/${id}`, { body: { allowed_ips: ['127.0.0.0/8', '::1'] } });
    expect(await statusFor(key)).toBe(200);
  });

  test('does not give scopes that the asking key does not hold', async () => {
    const { id } = await create({ scopes: ['posts:read'] });
    const { key } = await create({ scopes: ['api-keys:write'] });
    const refused = await app.call('PATCH', `/api-keys/${id}`, { body: { scopes: ['*'] }, key });
    expect(refused).toMatchObject({
      status: 403,
      body: { message: 'Insufficient permissions. Required scope: *' },
    });
  });

  test.each([
    [{ name: null }],
    [{ is_enabled: 'yes' }],
    [{ expires_at: '2020-01-01' }],
    [{ environment: 'test' }],
    [{ metadata: { a: 1 } }],
  ])('with %j is 422 and names the field', async (body) => {
    const { id } = await create();
    const answer = await app.call('PATCH', `/api-keys/${id}`, { body });
    expect([answer.status, Object.keys(answer.body['errors'] as object)[0]?.split('.')[0]]).toEqual([
      422,
      Object.keys(body)[0],
    ]);
  });
});

describe('POST /api-keys/{id}/rotate', () => {
  test('E21: makes a new key with a new id; both work until the grace ends', async () => {
    const old = await create({ name: 'App', scopes: ['read', 'posts:*'] });
    const before = Date.now();
    const { status, body } = await app.call('POST', `/api-keys/${old.id}/rotate`, {
      body: { grace_period_hours: 24 },
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      message: 'API key rotated successfully.',
      data: {
        id: expect.any(Number),
        name: 'App',
        key: expect.stringMatching(KEY),
        scopes: ['read', 'posts:*'],
        grace_period_ends_at: expect.stringMatching(TS),
      },
    });
    const { id, key, grace_period_ends_at: end } = body.data as Made;
    expect(Math.abs(Date.parse(String(end)) - before - 86_400_000)).toBeLessThan(10_000);
    expect(id).toBeGreaterThan(old.id);
    expect([await statusFor(old.key), await statusFor(key)]).toEqual([200, 200]);
    const told = async (which: number) =>
      (await app.call('GET', `/api-keys/${which}?fields=rotated_from,rotated_to,grace_period_ends_at,status`))
        .body.data;
    expect(await told(old.id)).toEqual({
      rotated_from: null,
      rotated_to: id,
      grace_period_ends_at: end,
      status: 'rotating',
    });
    expect(await told(id)).toEqual({
      rotated_from: old.id,
      rotated_to: null,
      grace_period_ends_at: null,
      status: 'active',
    });
  });

  test('E21: without a body gives 24 hours; with 0 the old key is refused at once', async () => {
    const [one, other] = [await create(), await create()];
    const { body } = await app.call('POST', `/api-keys/${one.id}/rotate`);
    expect(Date.parse(String(body.data['grace_period_ends_at'])) - Date.now()).toBeGreaterThan(86_000_000);
    const ended = await app.call('POST', `/api-keys/${other.id}/rotate`, { body: { grace_period_hours: 0 } });
    expect([await statusFor(other.key), await statusFor(String(ended.body.data['key']))]).toEqual([401, 200]);
  });

  test('in the older dialect has no message', async () => {
    const { id } = await create();
    const { body } = await app.call('POST', `/api-keys/${id}/rotate`, { headers: legacy });
    expect(Object.keys(body)).toEqual(['data']);
    expect(body.data).toMatchObject({ id: expect.stringMatching(/^key_/), key: expect.stringMatching(KEY) });
  });

  test('of a key that has been rotated is 409', async () => {
    const { id } = await create();
    await app.call('POST', `/api-keys/${id}/rotate`);
    expect(await app.call('POST', `/api-keys/${id}/rotate`)).toMatchObject({
      status: 409,
      body: { error: 'rotation_in_progress' },
    });
  });

  test('takes a week of grace at most', async () => {
    const { id } = await create();
    const { body } = await app.call('POST', `/api-keys/${id}/rotate`, { body: { grace_period_hours: 168 } });
    const ends = Date.parse(String(body.data['grace_period_ends_at']));
    expect(Math.abs(ends - Date.now() - 604_800_000)).toBeLessThan(10_000);
  });

  test.each([[-1], [169], [1.5], ['24'], [null]])('with a grace of %j hours is 422', async (hours) => {
    const { id } = await create();
    const { status, body } = await app.call('POST', `/api-keys/${id}/rotate`, {
      body: { grace_period_hours: hours },
    });
    expect([status, Object.keys(body['errors'] as object)]).toEqual([422, ['grace_period_hours']]);
  });

  test('does not hand out a key that is stronger than the one that asks', async () => {
    const { id } = await create({ scopes: ['*'] });
    const { key } = await create({ scopes: ['api-keys:write'] });
    expect(await app.call('POST', `/api-keys/${id}/rotate`, { key })).toMatchObject({
      status: 403,
      body: { error: 'access_denied' },
    });
  });

  test('by the key itself with no grace can be repeated under its Idempotency-Key, and nothing else', async () => {
    const { id, key } = await create({ scopes: ['*'] });
    const request = {
      body: { grace_period_hours: 0 },
      key,
      headers: { 'Idempotency-Key': 'rotate-myself' },
    };
    const first = await app.call('POST', `/api-keys/${id}/rotate`, request);
    const again = await app.call('POST', `/api-keys/${id}/rotate`, request);
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    expect(await statusFor(key)).toBe(401);
  });
});

describe('DELETE /api-keys/{id}', () => {
  test('E22: ends the key at once, and can be repeated by the key itself under its Idempotency-Key', async () => {
    const { id, key } = await create({ scopes: ['*'] });
    const request = { key, headers: { 'Idempotency-Key': 'revoke-myself' } };
    expect(await app.call('DELETE', `/api-keys/${id}`, request)).toMatchObject({ status: 204, text: '' });
    expect((await app.call('DELETE', `/api-keys/${id}`, request)).status).toBe(204);
    expect(await statusFor(key)).toBe(401);
  });
});

test('E23: a key works until it expires, an old one until its grace ends, and not after', async () => {
  let now = new Date('2026-01-15T10:30:00.000Z');
  const clocked = await startTestApp({}, { now: () => now });
  const make = async (body: object) => (await clocked.call('POST', '/api-keys', { body })).body.data as Made;
  const status = async ({ key }: Made) => (await clocked.call('GET', '/workspaces', { key })).status;
  const expiring = await make({ name: 'Short', expires_at: '2026-01-15T12:30:00Z' });
  const old = await make({ name: 'Old' });
  const { body } = await clocked.call('POST', `/api-keys/${old.id}/rotate`, {
    body: { grace_period_hours: 2 },
  });
  expect(body.data.grace_period_ends_at).toBe('2026-01-15T12:30:00Z');
  now = new Date('2026-01-15T12:29:59.999Z');
  expect([await status(expiring), await status(old)]).toEqual([200, 200]);
  now = new Date('2026-01-15T12:30:00.000Z');
  expect([await status(expiring), await status(old), await status(body.data)]).toEqual([401, 401, 200]);
  const expired = await clocked.call('GET', '/api-keys?status=expired&fields=id');
  expect(expired.body.data).toEqual([{ id: expiring.id }, { id: old.id }]);
  await clocked.stop();
});

test('when a key was last used survives a restart', async () => {
  const restarted = await startTestApp();
  const { id, key } = (await restarted.call('POST', '/api-keys', { body: { name: 'Key' } })).body
    .data as Made;
  await restarted.call('GET', '/workspaces', { key });
  const before = (await restarted.call('GET', `/api-keys/${id}`)).body.data.last_used_at;
  await restarted.restart();
  expect(before).toMatch(TS);
  expect((await restarted.call('GET', `/api-keys/${id}`)).body.data.last_used_at).toBe(before);
  await restarted.stop();
});
