// Rate limits: how many requests are let through, and what every answer says about it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rateLimits } from '../../src/domain/rate-limits.js';
import { addressGroup, createLimiter } from '../../src/http/rate-limit.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { ask, startFrame, testRoute } from '../support/frame.js';
import { scopedKey } from '../support/tenants.js';

let app: TestApp;
/** Stands still unless a test moves it: no place becomes free while requests are counted. */
let now = new Date('2026-01-15T10:30:00.000Z');
beforeAll(async () => {
  app = await startTestApp({ RATE_LIMIT_ADDRESS_PER_MINUTE: '60' }, { now: () => now });
});
afterAll(() => app.stop());

const keyOf = (tier: string, more: object = {}) =>
  scopedKey(app, ['workspaces:read'], { rate_limit_tier: tier, ...more });
const legacy = { 'X-API-Dialect': '2024' };

/** Statuses of `count` requests, many at once, and how often each came. */
const hit = async (key: string | null, count: number, headers: Record<string, string> = {}) => {
  const seen: Record<number, number> = {};
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const { status } = await app.call('GET', '/workspaces/1', { key, headers });
      seen[status] = (seen[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
  return seen;
};

describe('by key', () => {
  test('E42: free: 60 requests in a minute, the 61st is told when to come back', async () => {
    const key = await keyOf('free');
    expect(await hit(key, 60)).toEqual({ 200: 60 });
    const { status, body, headers } = await app.call('GET', '/workspaces/1', { key });
    expect(status).toBe(429);
    expect(body).toEqual({
      error: 'rate_limit_exceeded',
      message: `Too many requests. Please retry after ${body.retry_after} seconds.`,
      retry_after: expect.any(Number),
      limit: 60,
      remaining: 0,
      reset_at: expect.stringMatching(/^2026-01-15T10:31:\d\dZ$/),
    });
    expect(body.retry_after).toBeGreaterThanOrEqual(1);
    expect(headers.get('retry-after')).toBe(String(body.retry_after));
    expect(headers.get('x-ratelimit-limit')).toBe('60');
    expect(headers.get('x-ratelimit-remaining')).toBe('0');
    expect(Number(headers.get('x-ratelimit-reset'))).toBe(Date.parse(body.reset_at) / 1_000);
    const started = now;
    now = new Date(started.getTime() + body.retry_after * 1_000);
    expect((await app.call('GET', '/workspaces/1', { key })).status).toBe(200);
    now = started;
  });

  test('E42: starter: 1,200 with the burst; the header stays at 1000', async () => {
    const key = await keyOf('starter');
    expect(await hit(key, 1_199)).toEqual({ 200: 1_199 });
    const last = await app.call('GET', '/workspaces/1', { key });
    expect([
      last.status,
      last.headers.get('x-ratelimit-limit'),
      last.headers.get('x-ratelimit-remaining'),
    ]).toEqual([200, '1000', '0']);
    expect((await app.call('GET', '/workspaces/1', { key })).status).toBe(429);
  });

  test('E48: the older dialect counts by the hour: 1,050 for free', async () => {
    const key = await keyOf('free');
    expect(await hit(key, 1_050, legacy)).toEqual({ 200: 1_050 });
    const { status, body, headers } = await app.call('GET', '/workspaces/1', { key, headers: legacy });
    expect(status).toBe(429);
    expect(body).toEqual({
      error: {
        code: 'RATE_LIMIT_EXCEEDED',
        message: `Rate limit exceeded. Please retry after ${body.error.retry_after} seconds.`,
        retry_after: Number(headers.get('retry-after')),
      },
    });
    expect(headers.get('x-ratelimit-limit')).toBe('1000');
  });

  test('each request counts in both dialects’ windows and is judged by its own', async () => {
    const key = await keyOf('free');
    expect(await hit(key, 61, legacy)).toEqual({ 200: 61 });
    expect((await app.call('GET', '/workspaces/1', { key })).status).toBe(429);
    const { status, headers } = await app.call('GET', '/workspaces/1', { key, headers: legacy });
    expect([status, headers.get('x-ratelimit-remaining')]).toEqual([200, String(1_000 - 62)]);
  });

  test('what has no limit shows a large one', async () => {
    const { headers } = await app.call('GET', '/workspaces/1', { headers: legacy });
    expect(headers.get('x-ratelimit-limit')).toBe('1000000000');
    expect(Number(headers.get('x-ratelimit-remaining'))).toBeGreaterThan(999_000_000);
  });

  const table = [
    ['2026', 'free', 60, 60],
    ['2026', 'starter', 1_000, 1_200],
    ['2026', 'pro', 5_000, 6_500],
    ['2026', 'agency', 20_000, 30_000],
    ['2026', 'business', 20_000, 30_000],
    ['2026', 'enterprise', 100_000, 200_000],
    ['2024', 'free', 1_000, 1_050],
    ['2024', 'starter', 1_000, 1_050],
    ['2024', 'pro', 10_000, 10_200],
    ['2024', 'agency', 50_000, 50_500],
    ['2024', 'business', 50_000, 50_500],
    ['2024', 'enterprise', 1_000_000_000, Number.POSITIVE_INFINITY],
  ] as const;
  test.each(table)('%s, %s: %d in the headers, %d at most', async (dialect, tier, limit, ceiling) => {
    const key = await keyOf(tier);
    const { headers } = await app.call('GET', '/workspaces/1', {
      key,
      headers: { 'X-API-Dialect': dialect },
    });
    expect(headers.get('x-ratelimit-limit')).toBe(String(limit));
    expect(headers.get('x-ratelimit-remaining')).toBe(String(limit - 1));
    const reset = Number(headers.get('x-ratelimit-reset')) - now.getTime() / 1_000;
    const window = dialect === '2026' ? 60 : 3_600;
    // Counted in slices: a place is free up to one of them later.
    expect(reset).toBeGreaterThanOrEqual(window);
    expect(reset).toBeLessThanOrEqual(window * 1.02);
    expect(rateLimits[dialect][tier].ceiling).toBe(ceiling);
  });

  test('a key without a tier has that of its workspace', async () => {
    const key = await scopedKey(app, ['*']);
    expect((await app.call('GET', '/workspaces', { key })).headers.get('x-ratelimit-limit')).toBe('100000');
  });

  test('403, 404, 405, 422 and 204 count and say so', async () => {
    const key = await keyOf('free');
    const remaining = async (method: string, path: string, body?: object) => {
      const { status, headers } = await app.call(method, path, { key, ...(body ? { body } : {}) });
      return [status, headers.get('x-ratelimit-remaining')];
    };
    expect(await remaining('GET', '/webhooks')).toEqual([403, '59']);
    expect(await remaining('GET', '/workspaces/999')).toEqual([404, '58']);
    expect(await remaining('GET', '/nothing')).toEqual([404, '57']);
    expect(await remaining('PUT', '/workspaces')).toEqual([405, '56']);
    expect(await remaining('GET', '/workspaces?page=x')).toEqual([422, '55']);
    expect(await remaining('OPTIONS', '/workspaces')).toEqual([204, '54']);
  });
});

describe('by address', () => {
  test('60 requests a minute without a valid key; keys that are valid go on', async () => {
    now = new Date('2026-01-15T12:00:00.000Z');
    expect(await hit(null, 30)).toEqual({ 401: 30 });
    expect(await hit('nonsense', 30)).toEqual({ 401: 30 });
    const { status, body, headers } = await app.call('GET', '/workspaces', { key: 'nonsense' });
    expect([status, body.error, headers.get('x-ratelimit-limit')]).toEqual([
      429,
      'rate_limit_exceeded',
      '60',
    ]);
    expect((await app.call('GET', '/nothing', { key: null })).status).toBe(429);
    expect((await app.call('GET', '/workspaces')).status).toBe(200);
    now = new Date('2026-01-15T12:01:02.000Z');
    expect((await app.call('GET', '/workspaces', { key: null })).status).toBe(401);
  });

  test('operational routes are not limited', async () => {
    now = new Date('2026-01-15T13:00:00.000Z');
    await hit(null, 61);
    for (const path of ['/health', '/ready', '/metrics', '/openapi.json', '/docs'])
      expect([path, (await fetch(app.url + path)).status]).toEqual([path, 200]);
  });

  test('a forwarded address counts only behind a proxy that is trusted', async () => {
    const forwarded = (n: number) => ({ 'X-Forwarded-For': `203.0.113.${n}` });
    now = new Date('2026-01-15T14:00:00.000Z');
    await hit(null, 60, forwarded(1));
    expect((await app.call('GET', '/workspaces', { key: null, headers: forwarded(2) })).status).toBe(429);
    const behind = await startTestApp({ RATE_LIMIT_ADDRESS_PER_MINUTE: '1', TRUST_PROXY: 'loopback' });
    try {
      const call = (n: number) => behind.call('GET', '/workspaces', { key: null, headers: forwarded(n) });
      expect([(await call(1)).status, (await call(1)).status, (await call(2)).status]).toEqual([
        401, 429, 401,
      ]);
      const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'api.example.com' };
      const { body } = await behind.call('GET', '/workspaces', { headers });
      expect(body.links.first).toBe('https://api.example.com/api/v1/workspaces?page=1');
    } finally {
      await behind.stop();
    }
  });

  test('a proxy may tell the port too; what it tells that is no address is not one', async () => {
    const behind = await startTestApp({ RATE_LIMIT_ADDRESS_PER_MINUTE: '1', TRUST_PROXY: '1' });
    try {
      const call = async (address: string) => {
        const headers = { 'X-Forwarded-For': address };
        return (await behind.call('GET', '/workspaces', { key: null, headers })).status;
      };
      expect(await call('192.0.2.1')).toBe(401);
      for (const same of ['192.0.2.1:4711', '192.0.2.1:4712'])
        expect([same, await call(same)]).toEqual([same, 429]);
      expect([
        await call('[2001:db8::1]:80'),
        await call('[2001:db8::1]:81'),
        await call('2001:db8::1'),
      ]).toEqual([401, 429, 429]);
      // Then it is the proxy's own.
      expect([await call('unknown'), await call('_hidden'), await call('x'.repeat(5_000))]).toEqual([
        401, 429, 429,
      ]);
    } finally {
      await behind.stop();
    }
  });

  test.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff::1', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
  ])('%s and %s are one client: %s', (left, right, same) => {
    expect(addressGroup(left) === addressGroup(right)).toBe(same);
  });

  test('a route may have a bucket of its own', async () => {
    const open = { scope: 'none', bucket: { name: 'open', perMinute: 2 } };
    const frame = await startFrame(app, [testRoute('/open', async () => ({ status: 200, body: {} }), open)], {
      now: () => now,
    });
    try {
      const statuses = [];
      for (let n = 0; n < 3; n++)
        statuses.push((await ask(frame, null, '/open', { headers: { authorization: 'Bearer bad' } })).status);
      expect(statuses).toEqual([200, 200, 429]);
    } finally {
      await frame.stop();
    }
  });
});

describe('the address that a key is bound to', () => {
  test('any other gets 403 and does not use up the key', async () => {
    now = new Date('2026-01-15T15:00:00.000Z');
    const key = await scopedKey(app, ['*'], { allowed_ips: ['198.51.100.0/24', '2001:db8::/32'] });
    const { status, body, headers } = await app.call('GET', '/workspaces', { key });
    expect([status, body]).toEqual([
      403,
      { error: 'access_denied', message: 'IP address not allowed for this API key.' },
    ]);
    expect(headers.get('x-ratelimit-limit')).toBe('60');
    const allowed = await scopedKey(app, ['*'], { allowed_ips: ['127.0.0.0/8'] });
    expect((await app.call('GET', '/workspaces', { key: allowed })).status).toBe(200);
  });
});

const lost = () => {
  throw new Error('connection lost');
};
test.each([
  ['at once', lost],
  ['later', async () => lost()],
])('a limiter that fails %s lets everything through, and the log says so', async (_, hit) => {
  const logged: string[] = [];
  const { RATE_LIMITS_2026, RATE_LIMITS_2024 } = app.app.config;
  const broken = { hit, close: async () => undefined };
  const limiter = createLimiter({
    counters: broken,
    tables: { 2026: RATE_LIMITS_2026, 2024: RATE_LIMITS_2024 },
    addressPerMinute: 60,
    logger: { error: (_, message) => void logged.push(message) },
  });
  const frame = await startFrame(app, [testRoute('/fine', async () => ({ status: 200, body: {} }))], {
    limiter,
  });
  try {
    const { status, headers } = await ask(frame, app.key, '/fine');
    expect([status, headers.get('x-ratelimit-limit')]).toEqual([200, '100000']);
    expect(logged).toEqual(['rate limiter failed; request admitted']);
    expect((await ask(frame, null, '/fine')).status).toBe(401);
  } finally {
    await frame.stop();
  }
});
