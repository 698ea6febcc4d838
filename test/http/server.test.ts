// The frame itself: the order in which a request is judged, and what makes it fast.
import { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { startFrame, testRoute } from '../support/frame.js';
import { scopedKey } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ RATE_LIMITS_2026: 'free=4' });
});
afterAll(() => app.stop());

test('a request is judged in order: key, limit, scope, context, idempotency key, body', async () => {
  const key = await scopedKey(app, ['workspaces:write'], { rate_limit_tier: 'free' });
  const weak = await scopedKey(app, ['posts:read']);
  // Everything about this request is wrong; what is mended from the front shows what is looked at next.
  const wrong = { 'X-Workspace-ID': '99999', 'Idempotency-Key': 'a b', 'X-API-Dialect': 'x' };
  const said = async (secret: string, headers: Record<string, string>, body = '{') => {
    const answer = await app.call('POST', '/workspaces?page=0', { key: secret, headers, body });
    return [answer.status, ...Object.keys(answer.body.errors ?? { [answer.body.error]: 1 })];
  };
  expect(await said('nonsense', wrong)).toEqual([401, 'unauthorized']);
  expect(await said(weak, wrong)).toEqual([422, 'X-API-Dialect']);
  const { 'X-API-Dialect': _, ...known } = wrong;
  expect(await said(weak, known)).toEqual([403, 'access_denied']);
  expect(await said(key, known)).toEqual([404, 'not_found']);
  expect(await said(key, { 'Idempotency-Key': 'a b' })).toEqual([422, 'Idempotency-Key']);
  expect(await said(key, {})).toEqual([422, 'page']);
  expect((await app.call('POST', '/workspaces', { key, body: '{' })).body.error).toBe('invalid_json');
  // The four requests of this key are used up: now that comes before everything else.
  expect(await said(key, wrong)).toEqual([429, 'rate_limit_exceeded']);
});

test('a query parameter that the endpoint does not know is told before the body is looked at', async () => {
  const { status, body } = await app.call('POST', '/workspaces?nmae=1', { body: '{' });
  expect([status, Object.keys(body.errors)]).toEqual([422, ['nmae']]);
});

test('the prototype of no request and no response is ever changed: that is what makes Express slow', async () => {
  const change = vi.spyOn(Object, 'setPrototypeOf');
  const before: (object | null)[] = [];
  const real = change.getMockImplementation() ?? Reflect.setPrototypeOf;
  change.mockImplementation((object, prototype) => {
    if (object instanceof IncomingMessage || object instanceof ServerResponse)
      before.push(Object.getPrototypeOf(object) === prototype ? null : object);
    real(object, prototype);
    return object;
  });
  try {
    expect((await app.call('GET', '/workspaces/1')).status).toBe(200);
    expect((await app.call('GET', '/workspaces/9')).status).toBe(404);
  } finally {
    change.mockRestore();
  }
  // Express asks for it on each of them, and finds it done.
  expect(before.length).toBeGreaterThanOrEqual(4);
  expect(before.filter((object) => object !== null)).toEqual([]);
});

test('what Express says about itself is not said', async () => {
  const { headers } = await app.call('GET', '/workspaces/1');
  expect(headers.get('x-powered-by')).toBeNull();
  expect(headers.get('etag')).toBe('"0"');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cache-control')).toBe('no-cache, private');
});

test('a path without parameters is found however it is spelled, and with all that Express knows of a request', async () => {
  for (const path of ['/workspaces', '/workspaces/', '/workspaces?per_page=1'])
    expect((await app.call('GET', path)).status, path).toBe(200);
  const { body } = await app.call('GET', '/workspaces?per_page=1');
  expect(body.links.first).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/workspaces\?/);
  expect((await app.call('GET', '/Workspaces')).status).toBe(404);
});

test('a static path is found before one with a parameter, wherever it stands in the table', async () => {
  const named = (name: string) => async () => ({ status: 200, body: { name } });
  const routes = [
    testRoute('/things/:id', named('parameter'), { method: 'GET' }),
    testRoute('/things/current', named('static'), { method: 'GET' }),
    testRoute('/:kind/current', named('both'), { method: 'GET' }),
  ];
  const frame = await startFrame(app, routes);
  try {
    const get = async (path: string) => {
      const response = await fetch(`${frame.url}/api/v1${path}`, {
        headers: { authorization: `Bearer ${app.key}` },
      });
      return ((await response.json()) as { name: string }).name;
    };
    expect([await get('/things/current'), await get('/things/7'), await get('/others/current')]).toEqual([
      'static',
      'parameter',
      'both',
    ]);
  } finally {
    await frame.stop();
  }
});

test('a table that contradicts itself is refused at once', async () => {
  const same = testRoute('/same', async () => ({ status: 200 }));
  await expect(startFrame(app, [same, same])).rejects.toThrow(
    'POST /same (_same) is in the route table twice.',
  );
});
