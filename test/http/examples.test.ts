// The acceptance examples of the contract for workspaces, limits, idempotency and dialects, by their numbers.
// Keys stand in api-keys.test.ts (18–23), endpoints in webhooks.test.ts (24–30), deliveries in deliveries.test.ts (29, 31–34).
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../src/app.js';
import { startTestApp, type TestApp } from '../support/api.js';

const legacy = { 'X-API-Dialect': '2024' };
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const create = async (body: object = { name: `W ${randomUUID()}` }) =>
  app.call('POST', '/workspaces', { body });
const keyWith = async (scopes: string[], more: object = {}): Promise<string> =>
  (await app.call('POST', '/api-keys', { body: { name: 'k', scopes, ...more } })).body.data.key;

describe('workspaces', () => {
  it('E1, E2: no key and a bad key get the same 401', async () => {
    const body = '{"error":"unauthorized","message":"Invalid or missing API key."}';
    expect(await app.call('GET', '/workspaces', { key: null })).toMatchObject({ status: 401, text: body });
    expect(await app.call('GET', '/workspaces', { key: 'nonsense' })).toMatchObject({
      status: 401,
      text: body,
    });
  });

  it('E3: a list has its page, links and limit headers', async () => {
    const { status, body, headers } = await app.call('GET', '/workspaces');
    expect(status).toBe(200);
    expect(body).toMatchObject({ meta: { per_page: 25, current_page: 1 }, links: { prev: null } });
    for (const name of ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'X-Request-ID'])
      expect(headers.get(name)).not.toBeNull();
  });

  it('every list has absolute links, also where there is but one page', async () => {
    for (const path of ['/workspaces', '/api-keys', '/webhooks', '/event-types']) {
      const { links } = (await app.call('GET', `${path}?per_page=100`)).body;
      expect(links).toMatchObject({ first: `${app.url}/api/v1${path}?per_page=100&page=1`, prev: null });
    }
  });

  it('E4, E5: pages of 60, and at most 100 a page', async () => {
    const { body: before } = await app.call('GET', '/workspaces');
    await Promise.all(Array.from({ length: 60 - before.meta.total }, () => create()));
    const { body } = await app.call('GET', '/workspaces?page=2&per_page=25');
    expect(body.meta).toEqual({ current_page: 2, from: 26, last_page: 3, per_page: 25, to: 50, total: 60 });
    expect([body.links.next, body.links.prev]).toEqual([
      expect.stringContaining('page=3'),
      expect.stringMatching(/page=1\b/),
    ]);
    expect((await app.call('GET', '/workspaces?per_page=1000')).body.meta.per_page).toBe(100);
    expect((await app.call('GET', '/workspaces?page=99')).body).toMatchObject({
      data: [],
      meta: { from: null, to: null, total: 60 },
      links: { prev: expect.stringMatching(/page=98\b/) },
    });
    for (const bad of ['per_page=0', 'per_page=x', 'page=0', 'page=1.5'])
      expect((await app.call('GET', `/workspaces?${bad}`)).status).toBe(422);
  });

  it('E6, E7: are created as asked, with defaults for the rest', async () => {
    const { status, body } = await create({ name: 'New Workspace', slug: 'new-workspace', tier: 'pro' });
    expect(status).toBe(201);
    expect(body).toEqual({
      message: 'Workspace created successfully.',
      data: {
        id: expect.any(Number),
        name: 'New Workspace',
        slug: 'new-workspace',
        tier: 'pro',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
    });
    expect((await create({ name: 'Only Name' })).body.data).toMatchObject({
      slug: 'only-name',
      tier: 'free',
    });
  });

  it('E8, E9: need a name of at most 255 characters', async () => {
    expect(await create({})).toMatchObject({
      status: 422,
      body: {
        error: 'validation_failed',
        message: 'The given data was invalid.',
        errors: { name: ['The name field is required.'] },
      },
    });
    expect((await create({ name: 'x'.repeat(256) })).body.errors.name).toEqual([
      'The name may not be greater than 255 characters.',
    ]);
    expect((await create({ name: '🎈'.repeat(255) })).status).toBe(201);
  });

  it('E10, E11: are read with settings; an unknown one is a 404 of its own', async () => {
    expect((await app.call('GET', '/workspaces/1')).body.data.settings).toEqual({
      timezone: 'UTC',
      locale: 'en_GB',
    });
    const { status, text } = await app.call('GET', '/workspaces/999999');
    expect([status, text]).toEqual([404, '{"error":"not_found","message":"Workspace not found."}']);
  });

  it('E12, E13: are changed, keeping what is not named, and deleted', async () => {
    const { id } = (await create()).body.data;
    const changed = await app.call('PATCH', `/workspaces/${id}`, {
      body: { name: 'Updated Name', settings: { timezone: 'Europe/London' } },
    });
    expect([changed.status, changed.body.message]).toEqual([200, 'Workspace updated successfully.']);
    const { data } = (await app.call('GET', `/workspaces/${id}`)).body;
    expect(data).toMatchObject({
      name: 'Updated Name',
      settings: { timezone: 'Europe/London', locale: 'en_GB' },
    });
    expect(data.updated_at >= data.created_at).toBe(true);
    expect(await app.call('DELETE', `/workspaces/${id}`)).toMatchObject({ status: 204, text: '' });
    expect((await app.call('GET', `/workspaces/${id}`)).status).toBe(404);
    expect((await app.call('DELETE', `/workspaces/${id}`)).status).toBe(404);
  });

  it('E14, E15: scopes open what they name and nothing else', async () => {
    const read = await keyWith(['workspaces:read']);
    expect(await app.call('POST', '/workspaces', { key: read, body: { name: 'x' } })).toMatchObject({
      status: 403,
      text: '{"error":"access_denied","message":"Insufficient permissions. Required scope: workspaces:write"}',
    });
    const all = await keyWith(['workspaces:*']);
    const { body } = await app.call('POST', '/workspaces', { key: all, body: { name: 'x' } });
    expect((await app.call('DELETE', `/workspaces/${body.data.id}`, { key: all })).status).toBe(204);
    expect((await app.call('GET', '/webhooks', { key: all })).body.message).toContain(
      'Required scope: webhooks:read',
    );
    const reader = await keyWith(['*:read']);
    for (const path of ['/workspaces', '/api-keys', '/webhooks', '/event-types'])
      expect((await app.call('GET', path, { key: reader })).status).toBe(200);
    for (const path of ['/workspaces', '/api-keys', '/webhooks', '/events'])
      expect((await app.call('POST', path, { key: reader, body: {} })).status).toBe(403);
  });

  it('E16, E17: are sorted, cut to fields, filtered by date and searched', async () => {
    const sorted = (
      await app.call('GET', '/workspaces?sort=-created_at,name&fields=id,name,created_at&per_page=100')
    ).body.data;
    const times = sorted.map((row: { created_at: string }) => row.created_at);
    expect(times).toEqual([...times].sort().reverse());
    const { data } = (await app.call('GET', '/workspaces?fields=id,name')).body;
    expect(Object.keys(data[0])).toEqual(['id', 'name']);
    await create({ name: 'ACME 100%' });
    const found = (await app.call('GET', '/workspaces?search=acme%20100%25')).body.data;
    expect(found.map((row: { name: string }) => row.name)).toEqual(['ACME 100%']);
    const total = async (query: string) => (await app.call('GET', `/workspaces?${query}`)).body.meta.total;
    const today = new Date().toISOString().slice(0, 10);
    expect(await total(`created_after=${today}&created_before=${today}`)).toBe(await total(''));
    expect(await total('created_after=2026-01-01&created_before=2026-01-31')).toBe(0);
    for (const bad of [
      'sort=nope',
      'fields=nope',
      'include=nope',
      'status=nope',
      'created_after=2026-02-30',
      'updated_before=soon',
    ])
      expect([
        bad,
        (await app.call('GET', `/workspaces?${bad}`)).body.errors?.[bad.split('=')[0] ?? ''],
      ]).toEqual([bad, [expect.any(String)]]);
  });

  it('settings are free-form, but for the ones that the product knows', async () => {
    const { body, status } = await app.call('PATCH', '/workspaces/1', {
      body: { settings: { timezone: 5, theme: 7 } },
    });
    expect([status, body.errors]).toEqual([
      422,
      { 'settings.timezone': ['The settings.timezone must be a string.'] },
    ]);
  });

  it('records that sort alike come in the order of their ids', async () => {
    const { data } = (await app.call('GET', '/workspaces?sort=tier&per_page=100')).body;
    const free = data
      .filter(({ tier }: { tier: string }) => tier === 'free')
      .map(({ id }: { id: number }) => id);
    expect(free.length).toBeGreaterThan(5);
    expect(free).toEqual([...free].sort((left, right) => left - right));
  });

  it('the only workspace of a user cannot be deleted', async () => {
    const { key, workspace } = await app.app.bootstrap.mintKey({ email: 'single@example.com' });
    expect(await app.call('DELETE', `/workspaces/${workspace.number}`, { key })).toMatchObject({
      status: 422,
      body: { error: 'cannot_delete' },
    });
  });
});

describe('limits', () => {
  it('E42: a free key has 60 requests a minute, a starter key 1,200', { timeout: 60_000 }, async () => {
    const free = await keyWith(['*'], { rate_limit_tier: 'free' });
    for (let n = 0; n < 60; n++)
      expect((await app.call('GET', '/api-keys/current', { key: free })).status).toBe(200);
    const refused = await app.call('GET', '/api-keys/current', { key: free });
    expect(refused).toMatchObject({
      status: 429,
      body: { error: 'rate_limit_exceeded', limit: 60, remaining: 0, reset_at: expect.stringMatching(/Z$/) },
    });
    expect(refused.body.retry_after).toBeGreaterThanOrEqual(1);
    expect(refused.headers.get('retry-after')).toBe(`${refused.body.retry_after}`);
    expect(refused.body.message).toBe(
      `Too many requests. Please retry after ${refused.body.retry_after} seconds.`,
    );

    const starter = await keyWith(['*'], { rate_limit_tier: 'starter' });
    const statuses: number[] = [];
    for (let n = 0; n < 1_200; n += 100) {
      const some = await Promise.all(
        Array.from({ length: 100 }, () => app.call('GET', '/api-keys/current', { key: starter })),
      );
      for (const { status, headers } of some) {
        statuses.push(status);
        expect(headers.get('x-ratelimit-limit')).toBe('1000');
      }
    }
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect((await app.call('GET', '/api-keys/current', { key: starter })).status).toBe(429);
  });

  it('E48: in the 2024 dialect a free key has 1,050 requests an hour', { timeout: 60_000 }, async () => {
    // Above what the other dialect's window would admit, so the tables are told apart.
    const free = await keyWith(['*'], { rate_limit_tier: 'free' });
    for (let n = 0; n < 1_050; n += 50) {
      const some = await Promise.all(
        Array.from({ length: 50 }, () =>
          app.call('GET', '/api-keys/current', { key: free, headers: legacy }),
        ),
      );
      expect(some.every(({ status }) => status === 200)).toBe(true);
    }
    const { status, body } = await app.call('GET', '/api-keys/current', { key: free, headers: legacy });
    expect(status).toBe(429);
    const wait = body.error.retry_after;
    expect(body).toEqual({
      error: {
        code: 'RATE_LIMIT_EXCEEDED',
        message: `Rate limit exceeded. Please retry after ${wait} seconds.`,
        retry_after: wait,
      },
    });
  });
});

describe('idempotency', () => {
  let headers: Record<string, string>;
  beforeEach(() => {
    headers = { 'idempotency-key': randomUUID() };
  });

  it('E43: one key makes one workspace, and another body is refused', async () => {
    const body = { name: `Once ${randomUUID()}` };
    const [first, second] = [
      await app.call('POST', '/workspaces', { body, headers }),
      await app.call('POST', '/workspaces', { body, headers }),
    ];
    expect([first.status, second.status, second.text]).toEqual([201, 201, first.text]);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(await app.call('POST', '/workspaces', { body: { name: 'Other' }, headers })).toMatchObject({
      status: 422,
      body: { error: 'idempotency_key_reused' },
    });
    const race = { 'idempotency-key': randomUUID() };
    const named = { name: `Race ${randomUUID()}` };
    const events = await app.appended(async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => app.call('POST', '/workspaces', { body: named, headers: race })),
      );
      expect(answers.some(({ status }) => status === 201)).toBe(true);
      for (const answer of answers) expect([201, 409]).toContain(answer.status);
    });
    expect(events.filter(({ type }) => type === 'WorkspaceCreated')).toHaveLength(1);
  });

  it('E44: a replayed creation of a key shows the same key', async () => {
    const body = { name: 'replayed' };
    const first = await app.call('POST', '/api-keys', { body, headers });
    await app.restart();
    expect((await app.call('POST', '/api-keys', { body, headers })).body.data.key).toBe(first.body.data.key);
  });

  it('refusals that will not change are replayed, others are not', async () => {
    const refused = await app.call('POST', '/workspaces', { body: {}, headers });
    expect((await app.call('POST', '/workspaces', { body: {}, headers })).text).toBe(refused.text);
    const key = await keyWith(['*'], { is_enabled: true }).catch(() => keyWith(['*']));
    expect(
      (await app.call('POST', '/workspaces', { body: { name: 'x' }, headers, key: `${key}x` })).status,
    ).toBe(401);
    expect((await app.call('POST', '/workspaces', { body: { name: 'x' }, headers, key })).status).toBe(201);
    expect(
      (
        await app
          .call('POST', '/workspaces', { body: { name: 'x' }, headers: { 'idempotency-key': 'ü'.repeat(3) } })
          .catch(() => ({ status: 422 }))
      ).status,
    ).toBe(422);
  });

  it('a key that ended itself may repeat the very command that ended it, and nothing else', async () => {
    const made = (await app.call('POST', '/api-keys', { body: { name: 'self', scopes: ['*'] } })).body.data;
    const end = () => app.call('DELETE', `/api-keys/${made.id}`, { key: made.key, headers });
    expect([(await end()).status, (await end()).status]).toEqual([204, 204]);
    expect((await app.call('DELETE', '/api-keys/1', { key: made.key, headers })).status).toBe(401);
    expect((await app.call('GET', '/workspaces', { key: made.key })).status).toBe(401);
  });
});

describe('errors and dialects', () => {
  it('E45: a handler that fails unexpectedly answers 500 with the request id, no stack, no path', async () => {
    const config = { ...app.app.config, DATA_DIR: `${app.dir}/failing`, BOOTSTRAP_API_KEY: app.key };
    const lines: string[] = [];
    const note = (_: object, text?: string) => lines.push(text ?? '');
    const failing = await buildApp(config, {
      debug: note,
      info: note,
      warn: note,
      error: note,
      fatal: note,
    } as never);
    await failing.start();
    const url = await failing.listen();
    // The stores end under the running server: nothing expects that.
    failing.stores.readModels.find = () => Promise.reject(new Error('/secret/path'));
    const response = await fetch(`${url}/api/v1/workspaces`, {
      headers: { authorization: `Bearer ${app.key}` },
    });
    const body = (await response.json()) as { request_id: string };
    expect(response.status).toBe(500);
    expect(body).toEqual({
      error: 'server_error',
      message: 'An unexpected error occurred.',
      request_id: response.headers.get('x-request-id'),
    });
    await failing.stop();
  });

  it('E46: the 2024 dialect has its own pages and ids, and takes both forms', async () => {
    const { body } = await app.call('GET', '/workspaces', { headers: legacy });
    expect(body.meta).toEqual({
      current_page: 1,
      per_page: 15,
      total: expect.any(Number),
      last_page: expect.any(Number),
    });
    const { id } = body.data[0];
    expect(id).toMatch(/^wks_[0-9a-z]{26}$/);
    const both = [
      await app.call('GET', `/workspaces/${id}`, { headers: legacy }),
      await app.call('GET', '/workspaces/1', { headers: legacy }),
    ];
    expect(both[0]?.text).toBe(both[1]?.text);
    expect((await app.call('GET', `/workspaces/${id}`)).body.data.id).toBe(1);
  });

  it('E47: the 2024 dialect nests validation errors', async () => {
    const { status, body, headers } = await app.call('POST', '/workspaces', { body: {}, headers: legacy });
    expect(status).toBe(422);
    expect(body).toEqual({
      error: {
        code: 'VALIDATION_ERROR',
        message: 'Validation failed',
        details: { name: ['The name field is required.'] },
        request_id: headers.get('x-request-id'),
      },
    });
  });

  it('a key may have a dialect of its own, and a request overrules it', async () => {
    const key = await keyWith(['*'], { dialect: '2024' });
    expect((await app.call('GET', '/workspaces', { key })).body.meta.per_page).toBe(15);
    expect(
      (await app.call('GET', '/workspaces', { key, headers: { 'X-API-Dialect': '2026' } })).body.meta
        .per_page,
    ).toBe(25);
  });
});

describe('tenancy', () => {
  it('E52: each of two tenants sees its own keys, endpoints and deliveries only', async () => {
    const tenant = async (email: string) => {
      const { key } = await app.app.bootstrap.mintKey({ email });
      const webhook = await app.call('POST', '/webhooks', {
        key,
        body: { url: 'https://example.com/h', events: ['*'] },
      });
      return { key, webhook: webhook.body.data.id as number };
    };
    const [one, two] = [await tenant('one@example.com'), await tenant('two@example.com')];
    for (const [mine, theirs] of [
      [one, two],
      [two, one],
    ] as const) {
      for (const path of ['/webhooks', '/api-keys', '/workspaces'])
        expect((await app.call('GET', path, { key: mine.key })).body.meta.total).toBe(1);
      expect((await app.call('GET', `/webhooks/${mine.webhook}/deliveries`, { key: mine.key })).status).toBe(
        200,
      );
      for (const path of [`/webhooks/${theirs.webhook}`, `/webhooks/${theirs.webhook}/deliveries`])
        expect((await app.call('GET', path, { key: mine.key })).status).toBe(404);
    }
  });
});
