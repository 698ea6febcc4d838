// The acceptance examples of the contract that are told for the 2026 dialect, in the 2024 dialect.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Called, type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { until } from '../support/delivering.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { newTenant, scopedKey } from '../support/tenants.js';

const stamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const target = 'https://your-app.com/webhooks';
let app: TestApp;
let receiver: Receiver;
let reply = { status: 200, body: '{"received": true}' };
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_DISABLE_AFTER_SECONDS: '0' });
  receiver = await startReceiver(() => reply);
});
afterAll(async () => {
  await receiver.stop();
  await app.stop();
});

const call = (method: string, path: string, options: CallOptions = {}): Promise<Called> =>
  app.call(method, path, { ...options, headers: { 'X-API-Dialect': '2024', ...options.headers } });
const make = async (path: string, body: object, headers = {}) => {
  const { status, body: answer } = await call('POST', path, { body, headers });
  expect([status, Object.keys(answer)]).toEqual([201, ['data']]);
  return answer.data;
};
const refused = (code: string, message: string, more: object = {}) => ({
  error: { code, message, ...more, request_id: expect.stringMatching(/^req_/) },
});

describe('workspaces', () => {
  it('E1, E2: without a key and with a bad one', async () => {
    const message = 'Invalid or missing API key.';
    const [none, bad] = [
      await call('GET', '/workspaces', { key: null }),
      await call('GET', '/workspaces', { key: 'x' }),
    ];
    expect([none.status, none.body]).toEqual([401, refused('UNAUTHENTICATED', message)]);
    expect([bad.status, bad.body]).toEqual([401, refused('INVALID_API_KEY', message)]);
  });

  it('E3, E4, E5, E16, E17: are listed, paged, sorted, cut to fields and searched', async () => {
    for (let n = 0; n < 4; n++) await make('/workspaces', { name: `Paged ${n}` });
    const { body, headers } = await call('GET', '/workspaces?search=paged&per_page=2&page=2&sort=-name');
    expect(body.meta).toEqual({ current_page: 2, per_page: 2, total: 4, last_page: 2 });
    expect(body.links).toMatchObject({ prev: expect.stringMatching(/page=1$/), next: null });
    expect(body.data.map(({ name }: { name: string }) => name)).toEqual(['Paged 1', 'Paged 0']);
    for (const name of ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'X-Request-ID'])
      expect(headers.get(name)).not.toBeNull();
    expect((await call('GET', '/workspaces?per_page=1000')).body.meta.per_page).toBe(100);
    const fields = await call('GET', '/workspaces?search=paged&fields=id,name,status&sort=name');
    expect(fields.body.data[0]).toEqual({
      id: expect.stringMatching(/^wks_/),
      name: 'Paged 0',
      status: 'active',
    });
    const past = await call('GET', '/workspaces?created_after=2020-01-01&created_before=2020-01-31');
    expect(past.body.data).toEqual([]);
    const wrong = await call('GET', '/workspaces?sort=nope');
    expect(wrong.body.error).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { sort: [expect.any(String)] },
    });
  });

  it('E6, E7, E9: are created as asked, with defaults for the rest', async () => {
    const asked = { name: 'New Workspace', slug: 'new-workspace', tier: 'pro' };
    expect(await make('/workspaces', asked)).toMatchObject({
      ...asked,
      id: expect.stringMatching(/^wks_/),
      created_at: stamp,
    });
    expect(await make('/workspaces', { name: 'Only Name' })).toMatchObject({
      slug: 'only-name',
      tier: 'free',
    });
    const { status, body } = await call('POST', '/workspaces', { body: { name: 'x'.repeat(256) } });
    expect([status, body.error.details]).toEqual([
      422,
      { name: ['The name may not be greater than 255 characters.'] },
    ]);
    await make('/workspaces', { name: 'x'.repeat(255) });
  });

  it('E10, E11, E12, E13: are read, changed and deleted', async () => {
    const { id } = await make('/workspaces', { name: 'Old Name' });
    const settings = { timezone: 'UTC', locale: 'en_GB' };
    expect((await call('GET', `/workspaces/${id}`)).body.data).toMatchObject({ id, settings });
    const body = { name: 'Updated Name', settings: { timezone: 'Europe/London' } };
    const changed = await call('PATCH', `/workspaces/${id}`, { body });
    const expected = { id, name: 'Updated Name', settings: { ...settings, timezone: 'Europe/London' } };
    expect([changed.status, Object.keys(changed.body)]).toEqual([200, ['data']]);
    expect(changed.body.data).toMatchObject(expected);
    expect((await call('GET', `/workspaces/${id}`)).body.data).toMatchObject(expected);
    expect(await call('DELETE', `/workspaces/${id}`)).toMatchObject({ status: 204, text: '' });
    const none = refused('RESOURCE_NOT_FOUND', 'Workspace not found.');
    for (const path of [`/workspaces/${id}`, '/workspaces/999999', '/workspaces/wks_nonsense'])
      for (const method of ['GET', 'DELETE']) {
        const { status, body: said } = await call(method, path);
        expect([path, status, said]).toEqual([path, 404, none]);
      }
  });

  it('E14, E15: open to the scopes that name them, in either order', async () => {
    const key = await scopedKey(app, ['read:workspaces']);
    expect((await call('GET', '/workspaces', { key })).status).toBe(200);
    const { status, body } = await call('POST', '/workspaces', { key, body: { name: 'x' } });
    expect([status, body]).toEqual([
      403,
      refused('INSUFFICIENT_PERMISSIONS', 'Insufficient permissions. Required scope: workspaces:write', {
        required_scope: 'workspaces:write',
        provided_scopes: ['read:workspaces'],
      }),
    ]);
    const reader = await scopedKey(app, ['read:all']);
    expect((await call('GET', '/webhooks', { key: reader })).status).toBe(200);
    expect((await call('POST', '/webhooks', { key: reader, body: {} })).status).toBe(403);
  });
});

describe('API keys', () => {
  it('E18, E19, E20: are made and listed with the fields of the older reference', async () => {
    const asked = { name: 'Mobile App Key', scopes: ['read:all', 'write:resources'] };
    const made = await make('/api-keys', { ...asked, expires_at: '2099-01-01T00:00:00Z' });
    expect(made).toEqual({
      id: expect.stringMatching(/^key_/),
      ...asked,
      key: expect.stringMatching(/^sk_live_[A-Za-z0-9]{32,}$/),
      created_at: stamp,
    });
    const { body } = await call('GET', `/api-keys/${made.id}`);
    expect(body.data).toEqual({
      id: made.id,
      ...asked,
      prefix: 'sk_live_',
      last_used_at: null,
      expires_at: '2099-01-01T00:00:00Z',
      rate_limit_tier: 'enterprise',
      created_at: stamp,
    });
    const plain = await make('/api-keys', { name: 'x' });
    expect(plain.scopes).toEqual(['read', 'write']);
    expect((await call('GET', '/workspaces', { key: plain.key })).status).toBe(200);
    expect((await call('DELETE', '/workspaces/999999', { key: plain.key })).status).toBe(403);
  });

  it('E21, E22: are rotated and revoked', async () => {
    const old = await make('/api-keys', { name: 'Old', scopes: ['*'] });
    const body = { grace_period_hours: 24 };
    const rotated = await call('POST', `/api-keys/${old.id}/rotate`, { body });
    expect([rotated.status, Object.keys(rotated.body)]).toEqual([200, ['data']]);
    const { data } = rotated.body;
    expect(data.grace_period_ends_at).toEqual(stamp);
    expect(data.id).not.toBe(old.id);
    for (const { key } of [old, data]) expect((await call('GET', '/user', { key })).status).toBe(200);
    expect((await call('DELETE', `/api-keys/${data.id}`)).status).toBe(204);
    expect((await call('GET', '/user', { key: data.key })).body.error.code).toBe('INVALID_API_KEY');
  });
});

describe('webhook endpoints', () => {
  it('E24, E25, E26, E27: are made, refused and changed', async () => {
    const asked = { url: target, events: ['post.created'], secret: 'whsec_abc123def456...' };
    const made = await make('/webhooks', asked);
    expect(made).toEqual({ id: expect.stringMatching(/^wh_/), ...asked, is_active: true, created_at: stamp });
    for (const [body, field] of [
      [{ url: 'ftp://x.example/h', events: ['*'] }, 'url'],
      [{ url: 'https://x.example/h' }, 'events'],
    ] as const) {
      const { status, body: said } = await call('POST', '/webhooks', { body });
      expect([status, Object.keys(said.error.details)]).toEqual([422, [field]]);
    }
    const body = { events: ['post.*'], is_active: false };
    expect((await call('PATCH', `/webhooks/${made.id}`, { body })).body.data).toMatchObject(body);
    expect((await call('GET', `/webhooks/${made.id}`)).body.data).toEqual({
      id: made.id,
      url: target,
      ...body,
      created_at: stamp,
    });
  });

  it('E28: are tried out, without the body of the answer', async () => {
    const { id } = await make('/webhooks', { url: receiver.url, events: ['none.at_all'] });
    const time = { response_time_ms: expect.any(Number) };
    reply = { status: 200, body: '{"received": true}' };
    const good = await call('POST', `/webhooks/${id}/test`);
    expect([good.status, good.body]).toEqual([200, { success: true, status_code: 200, ...time }]);
    reply = { status: 500, body: '' };
    const bad = await call('POST', `/webhooks/${id}/test`);
    const error = expect.stringMatching(/./);
    expect([bad.status, bad.body]).toEqual([200, { success: false, status_code: 500, error, ...time }]);
  });

  it('E31, E32, E33, E34: show their deliveries, retry them, and are disabled by failures', async () => {
    const type = `post.t${randomUUID().slice(0, 8)}`;
    reply = { status: 500, body: '' };
    const retry_schedule = [0, ...Array.from({ length: 9 }, (_, n) => 3_600 + n), 86_400];
    const { id } = await make('/webhooks', { url: receiver.url, events: [type], retry_schedule });
    await app.call('POST', '/events', { body: { type, data: {} } });
    const made = (attempts: number, status = 'retrying') =>
      until(async () => {
        const { body } = await call('GET', `/webhooks/${id}/deliveries?status=${status}`);
        return body.data.find((one: { attempts: number }) => one.attempts === attempts);
      }, `attempt ${attempts}`);
    const first = await made(1);
    expect(first).toEqual({
      id: expect.stringMatching(/^del_/),
      event_type: type,
      status: 'retrying',
      status_code: 500,
      attempts: 1,
    });
    const retry = () => call('POST', `/webhooks/${id}/deliveries/${first.id}/retry`);
    for (let attempts = 1; attempts < 10; attempts++) {
      const { status, body } = await retry();
      expect([status, body]).toEqual([200, { data: { id: first.id, status: 'pending', attempts } }]);
      if (attempts < 9) await made(attempts + 1);
    }
    await until(
      async () => (await call('GET', `/webhooks/${id}`)).body.data.is_active === false || undefined,
      'disabled',
    );
    reply = { status: 200, body: '' };
    await call('PATCH', `/webhooks/${id}`, { body: { is_active: true } });
    await retry();
    expect(await made(11, 'success')).toMatchObject({ status_code: 200, delivered_at: stamp });
    expect((await retry()).body.error.code).toBe('CANNOT_RETRY');
    expect((await call('GET', `/webhooks/${id}/deliveries?status=bogus`)).status).toBe(422);
  });
});

describe('the rest', () => {
  it('E37: usage is recorded and summed up, and refused over its limit', async () => {
    const { id } = await make('/workspaces', { name: 'Metered', tier: 'pro' });
    const headers = { 'X-Workspace-ID': id };
    const record = (feature: string, quantity: number) =>
      call('POST', '/entitlements/usage', { body: { feature, quantity }, headers });
    await record('api_calls', 5_000);
    const { status, body } = await record('api_calls', 1);
    expect([status, body]).toMatchObject([
      200,
      { recorded: true, feature: 'api_calls', current_usage: 5_001, limit: 10_000 },
    ]);
    const summary = await call('GET', '/entitlements/summary', { headers });
    expect(summary.body.data.entitlements.api_calls).toMatchObject({ percentage: 50.01, available: 4_999 });
    const over = await record('posts', 1_001);
    expect([over.status, over.body]).toEqual([
      403,
      refused('ENTITLEMENT_DENIED', 'You have reached your limit for this feature.', {
        feature: 'posts',
        upgrade_url: expect.any(String),
      }),
    ]);
  });

  it('E43, E44: one Idempotency-Key does its work once', async () => {
    for (const [path, body] of [
      ['/workspaces', { name: 'Once' }],
      ['/api-keys', { name: 'Once' }],
    ] as const) {
      const headers = { 'Idempotency-Key': randomUUID() };
      const [one, two] = [
        await call('POST', path, { body, headers }),
        await call('POST', path, { body, headers }),
      ];
      expect([one.status, two.status, two.text]).toEqual([201, 201, one.text]);
      expect(two.headers.get('Idempotent-Replayed')).toBe('true');
      const other = await call('POST', path, { body: { name: 'Other' }, headers });
      expect([other.status, other.body.error.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    }
  });

  it('E52: two tenants see nothing of each other', async () => {
    const [one, two] = [await newTenant(app), await newTenant(app)];
    const own = async ({ key }: { key: string }) => {
      const { body } = await call('POST', '/webhooks', { key, body: { url: target, events: ['*'] } });
      await call('POST', '/entitlements/usage', { key, body: { feature: 'posts', quantity: 7 } });
      return body.data.id as string;
    };
    const ids = [await own(one), await own(two)];
    const { data } = (await call('GET', '/entitlements/summary', { key: one.key })).body;
    expect(data.entitlements.posts.used).toBe(7);
    expect((await call('GET', '/usage', { key: one.key })).body.data.by_key.length).toBeLessThanOrEqual(1);
    for (const path of ['/webhooks', '/api-keys', '/workspaces', '/users'])
      expect((await call('GET', path, { key: one.key })).body.meta.total).toBe(1);
    for (const path of [`/webhooks/${ids[1]}`, `/webhooks/${ids[1]}/deliveries`]) {
      const { status, body } = await call('GET', path, { key: one.key });
      expect([status, body]).toEqual([404, refused('RESOURCE_NOT_FOUND', 'Resource not found.')]);
    }
  });
});
