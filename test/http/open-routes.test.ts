// Routes that need no key and that pages of any site may call.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestApp, type TestApp } from '../support/api.js';
import { type Frame, startFrame, testRoute } from '../support/frame.js';

let app: TestApp;
let frame: Frame;
const open = { scope: 'none', cors: true, bucket: { name: 'open', perMinute: 20 } } as const;
const image = Buffer.from([0x47, 0x00, 0xff, 0x80]);
const routes = [
  testRoute('/open', async ({ body }) => ({ status: 200, body: body as object }), {
    ...open,
    body: z.strictObject({ text: z.string() }),
    maxBody: 2_048,
  }),
  testRoute('/image', async () => ({ status: 200, content: { type: 'image/gif', bytes: image } }), {
    ...open,
    method: 'GET',
  }),
  testRoute(
    '/script',
    async () => ({
      status: 200,
      content: { type: 'text/javascript; charset=utf-8', bytes: 'é()' },
      headers: { 'Cache-Control': 'public, max-age=3600' },
    }),
    { ...open, method: 'GET' },
  ),
  testRoute('/scarce', async () => ({ status: 200, body: {} }), {
    ...open,
    bucket: { name: 'scarce', perMinute: 2 },
  }),
  testRoute('/closed', async () => ({ status: 200, body: {} })),
];
beforeAll(async () => {
  app = await startTestApp();
  frame = await startFrame(app, routes);
});
afterAll(async () => {
  await frame.stop();
  await app.stop();
});

const ORIGIN = 'https://shop.example:8443';
const call = (path: string, init: RequestInit = {}) =>
  fetch(`${frame.url}/api/v1${path}`, { ...init, headers: { origin: ORIGIN, ...init.headers } });
const post = (path: string, body: unknown, headers = {}) =>
  call(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
/** What a browser asks of an answer before it gives it to a page. */
const expectReadable = ({ headers }: Response) => {
  expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
  expect(headers.get('vary')?.split(', ')).toContain('Origin');
  expect(headers.get('access-control-expose-headers')).toContain('X-RateLimit-Remaining');
  for (const name of ['set-cookie', 'access-control-allow-credentials']) expect(headers.get(name)).toBeNull();
  for (const name of ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'x-request-id'])
    expect(headers.get(name)).not.toBeNull();
};

describe('a page of any site', () => {
  test.each([
    ['an answer', () => post('/open', { text: 'a' }), 200],
    ['a refusal of the body', () => post('/open', { text: 1 }), 422],
    ['what is no JSON', () => post('/open', '{'), 400],
    ['a type that is not read', () => post('/open', 'text=a', { 'content-type': 'text/html' }), 415],
    ['a wrong method', () => call('/open', { method: 'DELETE' }), 405],
    ['what is no JSON of ours', () => call('/image'), 200],
  ] as const)('may read %s', async (_, ask, status) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expectReadable(answer);
  });

  test('may read that it asks too often', async () => {
    const answers = [await post('/scarce', {}), await post('/scarce', {}), await post('/scarce', {})];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    for (const answer of answers) expectReadable(answer);
    expect(answers[2]?.headers.get('retry-after')).toMatch(/^\d+$/);
  });

  test('learns by a preflight what it may send, which takes no place from what it then sends', async () => {
    const preflight = () =>
      call('/scarce', {
        method: 'OPTIONS',
        headers: {
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
    const first = await preflight();
    expect([first.status, await first.text()]).toEqual([204, '']);
    expectReadable(first);
    expect(first.headers.get('access-control-allow-methods')).toBe('GET, POST, OPTIONS');
    expect(first.headers.get('access-control-allow-headers')).toContain('Content-Type');
    expect(first.headers.get('access-control-max-age')).toBe('3600');
    expect([(await preflight()).status, (await preflight()).status]).toEqual([204, 429]);
  });

  test('may not read what needs a key', async () => {
    for (const answer of [
      await post('/closed', {}, { authorization: `Bearer ${app.key}` }),
      await call('/closed', { method: 'OPTIONS' }),
    ]) {
      expect(answer.ok).toBe(true);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(answer.headers.get('access-control-allow-methods')).toBeNull();
    }
  });
});

test('without an Origin there is nothing to allow, but a cache must know that it matters', async () => {
  const { headers } = await fetch(`${frame.url}/api/v1/image`);
  expect(headers.get('access-control-allow-origin')).toBeNull();
  expect(headers.get('vary')).toContain('Origin');
});

test.each(['Bearer nonsense', `Bearer sk_live_${'x'.repeat(40)}`, 'Basic !', ''])(
  'the Authorization header %j does not matter',
  async (authorization) => expect((await post('/open', { text: 'a' }, { authorization })).status).toBe(200),
);

test('a body is taken as plain text too, as sendBeacon sends it', async () => {
  for (const type of ['text/plain;charset=UTF-8', 'application/vnd.x+json'])
    expect(await (await post('/open', { text: 'a' }, { 'content-type': type })).json()).toEqual({
      text: 'a',
    });
});

test('a body may be as large as the route allows, compressed or not', async () => {
  const { gzipSync } = await import('node:zlib');
  expect((await post('/open', { text: 'x'.repeat(2_000) })).status).toBe(200);
  const large = JSON.stringify({ text: 'x'.repeat(1_000_000) });
  const refusals = [
    await post('/open', large),
    await call('/open', {
      method: 'POST',
      body: gzipSync(large),
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    }),
  ];
  for (const answer of refusals) {
    expect(answer.status).toBe(413);
    expect(await answer.json()).toEqual({
      error: 'payload_too_large',
      message: 'The request body may not be larger than 2 KiB.',
    });
  }
});

test('an answer that is no JSON has its type, its bytes, and what it says about caching', async () => {
  const picture = await call('/image');
  expect(picture.headers.get('content-type')).toBe('image/gif');
  expect(picture.headers.get('cache-control')).toBe('no-cache, private');
  expect(Buffer.from(await picture.arrayBuffer())).toEqual(image);
  const script = await call('/script');
  expect(script.headers.get('cache-control')).toBe('public, max-age=3600');
  expect([script.headers.get('content-length'), await script.text()]).toEqual(['4', 'é()']);
  const head = await call('/image', { method: 'HEAD' });
  expect([head.headers.get('content-length'), await head.text()]).toEqual(['4', '']);
});
