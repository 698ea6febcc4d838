import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { createKey } from '../support/api-keys.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const create = (more: object = {}, headers: Record<string, string> = {}) => createKey(app, more, headers);
const verify = (body: object, headers: Record<string, string> = {}) =>
  app.call('POST', '/api-keys/verify', { body, headers });
const no = (code: string) => ({ status: 200, body: { valid: false, code } });

describe('POST /api-keys/verify', () => {
  test('describes a key that counts, and counts as its use', async () => {
    const { id, key } = await create({
      scopes: ['posts:*'],
      metadata: { plan: 'gold' },
      rate_limit_tier: 'pro',
    });
    const { status, body } = await verify({ key, scope: 'posts:publish', ip: '203.0.113.9' });
    expect(status).toBe(200);
    expect(body).toEqual({
      valid: true,
      code: 'VALID',
      data: {
        id,
        name: 'Key',
        scopes: ['posts:*'],
        rate_limit_tier: 'pro',
        expires_at: null,
        metadata: { plan: 'gold' },
      },
    });
    const used = (await app.call('GET', `/api-keys/${id}`)).body.data['last_used_at'];
    expect(used).toEqual(expect.any(String));
  });

  test('says why a key does not count, and describes none of them', async () => {
    const disabled = await create();
    await app.call('PATCH', `/api-keys/${disabled.id}`, { body: { is_enabled: false } });
    const revoked = await create();
    await app.call('DELETE', `/api-keys/${revoked.id}`);
    const rotated = await create();
    await app.call('POST', `/api-keys/${rotated.id}/rotate`, { body: { grace_period_hours: 0 } });
    expect(await verify({ key: disabled.key })).toMatchObject(no('DISABLED'));
    expect(await verify({ key: revoked.key })).toMatchObject(no('REVOKED'));
    expect(await verify({ key: rotated.key })).toMatchObject(no('EXPIRED'));
    for (const key of ['', 'nonsense', `sk_live_${'a'.repeat(40)}`])
      expect((await verify({ key })).body).toEqual({ valid: false, code: 'NOT_FOUND' });
  });

  test('checks the scope where one is named', async () => {
    const { key } = await create({ scopes: ['posts:read'] });
    expect(await verify({ key })).toMatchObject({ body: { valid: true } });
    expect(await verify({ key, scope: 'posts:read' })).toMatchObject({ body: { valid: true } });
    expect(await verify({ key, scope: 'posts:write' })).toMatchObject(no('INSUFFICIENT_SCOPE'));
    expect(await verify({ key, scope: 'no scope' })).toMatchObject(no('INSUFFICIENT_SCOPE'));
  });

  test('checks the address of a key that is bound to some; without one it does not count', async () => {
    const { key } = await create({ allowed_ips: ['203.0.113.0/24', '2001:db8::/32'] });
    for (const ip of ['203.0.113.9', '2001:db8::1', '::ffff:203.0.113.9'])
      expect(await verify({ key, ip })).toMatchObject({ body: { valid: true } });
    for (const ip of ['203.0.114.1', '2001:db9::1'])
      expect(await verify({ key, ip })).toMatchObject(no('IP_NOT_ALLOWED'));
    expect(await verify({ key })).toMatchObject(no('IP_NOT_ALLOWED'));
  });

  test('refuses what is no address, also for a key that is bound to none', async () => {
    const { key } = await create();
    const fault = ['The ip must be a valid IP address.'];
    for (const ip of ['nonsense', '', '203.0.113', '203.0.113.256', '203.0.113.0/24', '2001:db8::g']) {
      expect(await verify({ key, ip })).toMatchObject({
        status: 422,
        body: { error: 'validation_failed', errors: { ip: fault } },
      });
      expect(await verify({ key, ip }, { 'X-API-Dialect': '2024' })).toMatchObject({
        status: 422,
        body: { error: { code: 'VALIDATION_ERROR', details: { ip: fault } } },
      });
    }
    expect(await verify({ key, ip: 5 })).toMatchObject({
      status: 422,
      body: { errors: { ip: ['The ip must be a string.'] } },
    });
  });

  test('counts against the key’s own rate limit; what is refused otherwise does not', async () => {
    const { key } = await create({ rate_limit_tier: 'free', scopes: ['posts:read'] });
    for (let n = 0; n < 70; n++)
      expect(await verify({ key, scope: 'posts:write' })).toMatchObject(no('INSUFFICIENT_SCOPE'));
    for (let n = 0; n < 60; n++) expect(await verify({ key })).toMatchObject({ body: { valid: true } });
    expect(await verify({ key })).toMatchObject(no('RATE_LIMITED'));
    expect((await app.call('GET', '/api-keys/current', { key })).status).toBe(429);
  });

  test('knows only keys of the caller’s workspace', async () => {
    const other = (await app.call('POST', '/workspaces', { body: { name: 'Other' } })).body.data['id'];
    const headers = { 'X-Workspace-ID': String(other) };
    const { key } = await create({}, headers);
    expect(await verify({ key })).toMatchObject(no('NOT_FOUND'));
    expect(await verify({ key }, headers)).toMatchObject({ body: { valid: true } });
  });

  test('in the older dialect describes the key by its prefixed id', async () => {
    const { key } = await create();
    const { body } = await verify({ key }, { 'X-API-Dialect': '2024' });
    expect(body.data).toMatchObject({ id: expect.stringMatching(/^key_/) });
  });

  test('needs a key, and a scope of its own', async () => {
    expect(await verify({})).toMatchObject({
      status: 422,
      body: { errors: { key: ['The key field is required.'] } },
    });
    const { key } = await create({ scopes: ['read', 'write'] });
    expect(await app.call('POST', '/api-keys/verify', { body: { key }, key })).toMatchObject({
      status: 403,
      body: { message: 'Insufficient permissions. Required scope: api-keys:verify' },
    });
  });
});
