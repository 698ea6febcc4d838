import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import {
  aYearAhead,
  createKey,
  createWorkspace,
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
const workspace = (more: object = {}) => createWorkspace(app, more);

describe('POST /api-keys', () => {
  test('E18: answers the whole key, once, with what was asked for', async () => {
    const wanted = {
      name: 'Mobile App Key',
      scopes: ['posts:read', 'users:read'],
      rate_limit_tier: 'pro',
      expires_at: aYearAhead(),
    };
    const { status, body } = await app.call('POST', '/api-keys', { body: wanted });
    expect(status).toBe(201);
    expect(body).toEqual({
      message: 'API key created successfully.',
      data: {
        ...wanted,
        id: expect.any(Number),
        key: expect.stringMatching(KEY),
        created_at: expect.stringMatching(TS),
      },
    });
    const { id, key } = body.data as Made;
    for (const path of ['/api-keys', `/api-keys/${id}`, `/api-keys/${id}?include=workspace,user`]) {
      const read = await app.call('GET', path);
      expect(read.status).toBe(200);
      expect(read.text).not.toContain(key.slice(12));
      expect(read.text).not.toContain('secret');
    }
    expect((await app.call('GET', `/api-keys/${id}?fields=key`)).status).toBe(422);
  });

  test('E20: by default gives read and write, the workspace’s tier and no end: such a key reads and writes but does not delete', async () => {
    const { key, id, ...rest } = await create();
    expect(rest).toMatchObject({
      scopes: ['read', 'write'],
      rate_limit_tier: 'enterprise',
      expires_at: null,
    });
    expect(await statusFor(key)).toBe(200);
    const refused = await app.call('DELETE', `/api-keys/${id}`, { key });
    expect(refused).toMatchObject({
      status: 403,
      body: { error: 'access_denied', message: 'Insufficient permissions. Required scope: api-keys:delete' },
    });
  });

  test('in the older dialect has no message, prefixed ids and fewer fields', async () => {
    const { status, body } = await app.call('POST', '/api-keys', {
      body: { name: 'Old', scopes: ['read:all'] },
      headers: legacy,
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      data: {
        id: expect.stringMatching(/^key_[0-9a-z]{26}$/),
        name: 'Old',
        key: expect.stringMatching(KEY),
        scopes: ['read:all'],
        created_at: expect.stringMatching(TS),
      },
    });
    const { key } = body.data as Made;
    expect(await statusFor(key)).toBe(200);
    expect((await app.call('POST', '/workspaces', { body: { name: 'W' }, key })).status).toBe(403);
  });

  test('makes a key for tests, and one that speaks the older dialect', async () => {
    const { key } = await create({ environment: 'test', dialect: 2024 });
    expect(key).toMatch(/^sk_test_/);
    const { body } = await app.call('GET', '/api-keys/current', { key });
    expect(body.data['id']).toMatch(/^key_/);
  });

  test('is one event in the audience of the workspace, which holds no key', async () => {
    let made: Made | undefined;
    const events = await app.appended(async () => {
      made = await create({ name: 'Audited' });
    });
    const created = events.filter(({ type }) => type === 'ApiKeyCreated');
    expect(created).toMatchObject([
      {
        data: { name: 'Audited', prefix: made?.key.slice(0, 11) },
        metadata: { actor: { key: expect.any(String) } },
      },
    ]);
    const { workspaceId } = (created[0]?.data ?? {}) as { workspaceId?: string };
    expect(created[0]?.metadata.audience).toEqual([workspaceId]);
    expect(JSON.stringify(events)).not.toContain(made?.key.slice(12));
  });

  test('makes the same key again for the same Idempotency-Key', async () => {
    const request = { body: { name: 'Once' }, headers: { 'Idempotency-Key': 'create-once' } };
    const first = await app.call('POST', '/api-keys', request);
    const again = await app.call('POST', '/api-keys', request);
    expect(again.text).toBe(first.text);
    expect((await app.call('GET', '/api-keys?search=once')).body['meta']).toMatchObject({ total: 1 });
  });

  test.each<[object, string]>([
    [{ name: undefined }, 'name'],
    [{ name: 'x'.repeat(256) }, 'name'],
    [{ scopes: 'read' }, 'scopes'],
    [{ scopes: ['posts'] }, 'scopes.0'],
    [{ scopes: null }, 'scopes'],
    [{ rate_limit_tier: 'gold' }, 'rate_limit_tier'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    [{ expires_at: '2027-02-30' }, 'expires_at'],
    [{ expires_at: 1_900_000_000 }, 'expires_at'],
    [{ allowed_ips: ['10.0.0.0/33'] }, 'allowed_ips.0'],
    [{ environment: 'prod' }, 'environment'],
    [{ dialect: '2025' }, 'dialect'],
    [{ metadata: { a: 1 } }, 'metadata.a'],
    [{ is_enabled: false }, 'is_enabled'],
  ])('with %j is 422 and names the field', async (more, field) => {
    const { status, body } = await app.call('POST', '/api-keys', { body: { name: 'Key', ...more } });
    expect([status, body['error'], Object.keys(body['errors'] as object)]).toEqual([
      422,
      'validation_failed',
      [field],
    ]);
  });

  test('does not give scopes that the asking key does not hold', async () => {
    const { key } = await create({ scopes: ['api-keys:write', 'posts:read'] });
    const asked = (scopes: string[]) => app.call('POST', '/api-keys', { body: { name: 'Key', scopes }, key });
    expect((await asked(['posts:read'])).status).toBe(201);
    for (const scopes of [['posts:*'], ['*'], ['read'], ['posts:read', 'posts:write']])
      expect(await asked(scopes)).toMatchObject({ status: 403, body: { error: 'access_denied' } });
  });

  test('does not give a tier above the workspace’s own, but to a key that may manage entitlements', async () => {
    const headers = await workspace({ tier: 'free' });
    const weak = await create({ scopes: ['read', 'write'] }, headers);
    const asked = { name: 'Key', scopes: ['read'], rate_limit_tier: 'pro' };
    expect(await app.call('POST', '/api-keys', { body: asked, key: weak.key })).toMatchObject({
      status: 403,
      body: { message: 'Insufficient permissions. Required scope: entitlements:manage' },
    });
    expect((await app.call('POST', '/api-keys', { body: asked, headers })).status).toBe(201);
  });

  test('a workspace has as many active keys as its tier allows', async () => {
    const headers = await workspace({ tier: 'free' });
    const made = await Promise.all(
      Array.from({ length: 12 }, () => app.call('POST', '/api-keys', { body: { name: 'Key' }, headers })),
    );
    expect(made.filter(({ status }) => status === 201)).toHaveLength(10);
    expect(made.find(({ status }) => status === 403)?.body).toEqual({
      error: 'feature_limit_reached',
      message: 'You have reached your limit for this feature.',
      feature: 'api_keys',
      upgrade_url: expect.any(String),
    });
    const id = made.find(({ status }) => status === 201)?.body.data['id'];
    await app.call('DELETE', `/api-keys/${id}`, { headers });
    expect((await app.call('POST', '/api-keys', { body: { name: 'Key' }, headers })).status).toBe(201);
  });
});

describe('GET /api-keys', () => {
  test('E19: shows keys with the first 11 characters, and when they were last used', async () => {
    const headers = await workspace();
    const { id, key } = await create({ scopes: ['read'] }, headers);
    const row = {
      id,
      name: 'Key',
      prefix: key.slice(0, 11),
      scopes: ['read'],
      rate_limit_tier: 'free',
      last_used_at: null,
      expires_at: null,
      created_at: expect.stringMatching(TS),
    };
    expect((await app.call('GET', '/api-keys', { headers })).body).toMatchObject({
      data: [row],
      meta: { total: 1 },
    });
    expect((await app.call('GET', `/api-keys/${id}`, { headers })).body).toEqual({ data: row });
    expect(await statusFor(key)).toBe(200);
    const used = { ...row, last_used_at: expect.stringMatching(TS) };
    expect((await app.call('GET', '/api-keys', { headers })).body['data']).toEqual([used]);
    expect((await app.call('GET', `/api-keys/${id}`, { headers })).body).toEqual({ data: used });
  });

  test('in the older dialect shows the first 8 characters and prefixed ids', async () => {
    const headers = { ...(await workspace()), ...legacy };
    const { id } = await create({}, headers);
    const expected = {
      id,
      name: 'Key',
      prefix: 'sk_live_',
      last_used_at: null,
      expires_at: null,
      scopes: ['read', 'write'],
      rate_limit_tier: 'free',
      created_at: expect.stringMatching(TS),
    };
    expect((await app.call('GET', '/api-keys', { headers })).body['data']).toEqual([expected]);
    expect((await app.call('GET', `/api-keys/${id}`, { headers })).body).toEqual({ data: expected });
  });

  test('filters by status: each key is in exactly the list of its status', async () => {
    const headers = await workspace();
    const ids: Record<string, number> = {};
    for (const status of ['active', 'rotating', 'disabled', 'revoked'])
      ids[status] = (await create({}, headers)).id;
    const successor = (await app.call('POST', `/api-keys/${ids['rotating']}/rotate`, { headers })).body.data[
      'id'
    ];
    await app.call('PATCH', `/api-keys/${ids['disabled']}`, { body: { is_enabled: false }, headers });
    await app.call('DELETE', `/api-keys/${ids['revoked']}`, { headers });
    const listed = async (query: string) =>
      ((await app.call('GET', `/api-keys?fields=id,status&${query}`, { headers })).body[
        'data'
      ] as object[]) ?? [];
    expect(await listed('status=active')).toEqual([
      { id: ids['active'], status: 'active' },
      { id: successor, status: 'active' },
    ]);
    for (const status of ['rotating', 'disabled', 'revoked'])
      expect(await listed(`status=${status}`)).toEqual([{ id: ids[status], status }]);
    expect(await listed('status=expired')).toEqual([]);
    expect(await listed('')).toHaveLength(4);
    expect((await app.call('GET', '/api-keys?status=bogus', { headers })).body['errors']).toHaveProperty(
      'status',
    );
  });

  test('sorts, searches name and prefix, and shows related records', async () => {
    const headers = await workspace();
    for (const name of ['Beta', 'alpha', 'Gamma']) await create({ name }, headers);
    const names = async (query: string) =>
      (
        (await app.call('GET', `/api-keys?fields=name&${query}`, { headers })).body['data'] as {
          name: string;
        }[]
      ).map(({ name }) => name);
    expect(await names('sort=-name')).toEqual(['alpha', 'Gamma', 'Beta']);
    expect(await names('search=ALPH')).toEqual(['alpha']);
    expect(await names('search=sk_live')).toHaveLength(3);
    const { body } = await app.call('GET', '/api-keys?fields=id&include=workspace,user&per_page=1', {
      headers,
    });
    expect(body['data']).toEqual([
      {
        id: expect.any(Number),
        workspace: expect.objectContaining({ id: Number(headers['X-Workspace-ID']), tier: 'free' }),
        user: expect.objectContaining({ id: 1, email: expect.stringContaining('@') }),
      },
    ]);
    expect((await app.call('GET', '/api-keys?include=owner', { headers })).status).toBe(422);
  });

  test('takes an id in any form, and has no key that was revoked', async () => {
    const { id, key } = await create();
    const prefixed = (await app.call('GET', `/api-keys/${id}`, { headers: legacy })).body.data['id'];
    expect((await app.call('GET', `/api-keys/${prefixed}`)).body.data['id']).toBe(id);
    expect((await app.call('DELETE', `/api-keys/${id}`)).status).toBe(204);
    const unknown = await app.call('GET', '/api-keys/999999');
    expect(unknown).toMatchObject({
      status: 404,
      body: { error: 'not_found', message: 'Resource not found.' },
    });
    for (const [method, path] of [
      ['GET', `/api-keys/${id}`],
      ['PATCH', `/api-keys/${id}`],
      ['POST', `/api-keys/${id}/rotate`],
      ['DELETE', `/api-keys/${id}`],
    ] as const) {
      const { status, text } = await app.call(
        method,
        path,
        method === 'PATCH' ? { body: { name: 'New' } } : {},
      );
      expect([status, text]).toEqual([404, unknown.text]);
    }
    expect(await statusFor(key)).toBe(401);
  });
});

describe('GET /api-keys/current', () => {
  test('is the key of the request, whatever its scopes and the context', async () => {
    const headers = await workspace();
    const { id, key } = await create({ scopes: [], metadata: { team: 'app' } });
    const { status, body } = await app.call('GET', '/api-keys/current?fields=id,metadata,rate_limit_tier', {
      headers,
      key,
    });
    expect(status).toBe(200);
    expect(body).toEqual({ data: { id, metadata: { team: 'app' }, rate_limit_tier: 'enterprise' } });
  });
});

test('another workspace does not see a key, by any method', async () => {
  const [mine, theirs] = [await workspace(), await workspace()];
  const { id, key } = await create({}, mine);
  expect((await app.call('GET', '/api-keys', { headers: theirs })).body['data']).toEqual([]);
  for (const [method, path] of [
    ['GET', ''],
    ['PATCH', ''],
    ['POST', '/rotate'],
    ['DELETE', ''],
  ] as const) {
    const more = { headers: theirs, ...(method === 'PATCH' ? { body: { name: 'New' } } : {}) };
    const answer = await app.call(method, `/api-keys/${id}${path}`, more);
    const unknown = await app.call(method, `/api-keys/999999${path}`, more);
    expect([answer.status, answer.text]).toEqual([404, unknown.text]);
  }
  expect(await statusFor(key)).toBe(200);
});
