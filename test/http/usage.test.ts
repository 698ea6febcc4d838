import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { newTenant, scopedKey } from '../support/tenants.js';

let clock = new Date('2026-01-15T10:30:20.000Z');
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({}, { now: () => clock });
});
afterAll(() => app.stop());

const legacy = { 'X-API-Dialect': '2024' };
const usage = async (query = '', options = {}) => {
  const { status, body } = await app.call('GET', `/usage${query}`, options);
  expect([status, body.errors]).toEqual([200, undefined]);
  return body.data;
};

describe('GET /usage', () => {
  test('counts the requests of the workspace’s keys at once, before they are written down', async () => {
    const tenant = await newTenant(app);
    const call = (method: string, path: string, body?: object) =>
      app.call(method, path, { key: tenant.key, ...(body ? { body } : {}) });
    for (const path of [
      '/workspaces',
      '/workspaces',
      `/workspaces/${tenant.workspace}`,
      '/workspaces/999999',
    ])
      await call('GET', path);
    await call('POST', '/workspaces', {});
    await call('PUT', '/workspaces');
    await call('GET', '/nowhere');
    const data = await usage('', { key: tenant.key });
    expect(data).toEqual({
      period: { start: '2025-12-17T00:00:00Z', end: '2026-01-15T23:59:59Z' },
      totals: { requests: 7, success: 3, errors: 4, success_rate: 42.86 },
      response_time: {
        average_ms: expect.any(Number),
        min_ms: expect.any(Number),
        max_ms: expect.any(Number),
      },
      by_day: expect.any(Array),
      top_endpoints: expect.any(Array),
      by_key: [
        {
          id: expect.any(Number),
          name: expect.any(String),
          prefix: tenant.key.slice(0, 11),
          requests: 7,
          success: 3,
          errors: 4,
          success_rate: 42.86,
          average_ms: data.response_time.average_ms,
        },
      ],
    });
    expect(data.by_day).toHaveLength(30);
    expect(data.by_day.slice(-2)).toEqual([
      { date: '2026-01-14', requests: 0, success: 0, errors: 0, average_ms: 0 },
      { date: '2026-01-15', requests: 7, success: 3, errors: 4, average_ms: data.response_time.average_ms },
    ]);
    const { min_ms, average_ms, max_ms } = data.response_time;
    expect(min_ms > 0 && min_ms <= average_ms && average_ms <= max_ms).toBe(true);
    const named = data.top_endpoints.map((one: { method: string; endpoint: string; requests: number }) => [
      `${one.method} ${one.endpoint}`,
      one.requests,
    ]);
    expect(named).toEqual([
      ['GET /api/v1/workspaces', 2],
      ['GET /api/v1/workspaces/{id}', 2],
      ['GET unknown', 1],
      ['POST /api/v1/workspaces', 1],
      ['PUT /api/v1/workspaces', 1],
    ]);
  });

  test('in the older dialect names keys by prefixed ids', async () => {
    const tenant = await newTenant(app);
    await app.call('GET', '/workspaces', { key: tenant.key });
    const { by_key } = await usage('', { key: tenant.key, headers: legacy });
    expect(by_key).toMatchObject([
      { id: expect.stringMatching(/^key_/), prefix: tenant.key.slice(0, 8), requests: 1 },
    ]);
  });

  test('counts each request once: before, while and after it is written down, and after a restart', async () => {
    const tenant = await newTenant(app);
    const asked = async () => (await usage('', { key: tenant.key })).totals.requests;
    for (let n = 0; n < 5; n++) expect(await asked()).toBe(n);
    const flushed = app.app.commands.requests.flush({ all: true });
    expect(await asked()).toBe(5);
    await flushed;
    expect(await asked()).toBe(6);
    clock = new Date(clock.getTime() + 60_000);
    const events = await app.appended(() => app.app.commands.requests.flush());
    expect(events.filter(({ type }) => type !== 'RequestsCounted')).toEqual([]);
    expect(await asked()).toBe(7);
    await app.restart();
    expect(await asked()).toBe(8);
  });

  test('takes a period of whole days, of up to 366', async () => {
    const days = async (query: string) => {
      const { by_day, period } = await usage(query);
      return [period.start, period.end, by_day.length];
    };
    expect(await days('?start=2026-01-01&end=2026-01-31')).toEqual([
      '2026-01-01T00:00:00Z',
      '2026-01-31T23:59:59Z',
      31,
    ]);
    expect(await days('?start=2026-01-10')).toEqual(['2026-01-10T00:00:00Z', '2026-01-15T23:59:59Z', 6]);
    expect(await days('?end=2026-01-10')).toEqual(['2025-12-12T00:00:00Z', '2026-01-10T23:59:59Z', 30]);
    expect(await days('?start=2026-01-10T12:00:00Z&end=2026-01-10T23:30:00-05:00')).toEqual([
      '2026-01-10T00:00:00Z',
      '2026-01-11T23:59:59Z',
      2,
    ]);
    expect(await days('?start=2024-01-01&end=2024-12-31')).toEqual([
      '2024-01-01T00:00:00Z',
      '2024-12-31T23:59:59Z',
      366,
    ]);
    expect((await usage('?start=2020-01-01&end=2020-01-01')).totals).toEqual({
      requests: 0,
      success: 0,
      errors: 0,
      success_rate: 100,
    });
  });

  test.each([
    ['start=yesterday', 'start'],
    ['end=2026-02-30', 'end'],
    ['start=2026-01-16&end=2026-01-15', 'end'],
    ['start=2026-02-01', 'end'],
    ['start=2025-01-01&end=2026-01-02', 'start'],
    ['from=2026-01-01', 'from'],
  ])('?%s is refused, by name', async (query, field) => {
    for (const headers of [{}, legacy]) {
      const { status, body } = await app.call('GET', `/usage?${query}`, { headers });
      expect([status, Object.keys(body.errors ?? body.error.details)]).toEqual([422, [field]]);
    }
  });

  test('belongs to the key’s workspace, wherever its requests were made', async () => {
    const { data } = (await app.call('POST', '/workspaces', { body: { name: 'Other' } })).body;
    const headers = { 'X-Workspace-ID': String(data.id) };
    const key = await scopedKey(app, ['*']);
    await app.call('GET', '/workspaces', { key, headers });
    const inOther = await usage('', { headers });
    expect([inOther.totals.requests, inOther.by_key]).toEqual([0, []]);
    const { by_key } = await usage();
    expect(by_key.find(({ prefix }: { prefix: string }) => key.startsWith(prefix))).toMatchObject({
      requests: 1,
    });
  });

  test('does not count who has no valid key', async () => {
    const before = (await usage()).totals.requests;
    await app.call('GET', '/workspaces', { key: null });
    await app.call('GET', '/workspaces', { key: `sk_live_${'x'.repeat(40)}` });
    expect((await usage()).totals.requests).toBe(before + 1);
  });
});
