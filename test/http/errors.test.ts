// What is refused, and how: the same everywhere, and nothing of what is inside.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { DomainError } from '../../src/domain/errors.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { ask, type Frame, startFrame, testRoute } from '../support/frame.js';

let app: TestApp;
let frame: Frame;
const logged: { details: object; message: string }[] = [];
const log = (details: object, message: string) => void logged.push({ details, message });

beforeAll(async () => {
  app = await startTestApp();
  frame = await startFrame(
    app,
    [
      testRoute('/broken', async () => {
        throw new Error('/secret/path: hunter2');
      }),
      testRoute('/thrown', async () => {
        throw 'not even an error';
      }),
      testRoute('/headers', async () => ({ status: 200, body: {}, headers: { 'X-Bad': 'a\r\nb' } })),
      testRoute('/unwritten', async () => {
        throw new LogUnavailable('disk full at /secret/path', 'not_written');
      }),
      testRoute('/unknown-fate', async () => {
        throw new LogUnavailable('connection to 10.0.0.7 lost', 'unknown');
      }),
      testRoute('/limit', async () => {
        throw new DomainError('feature_limit_reached', 'You have reached your limit for this feature.', {
          feature: 'posts',
        });
      }),
    ],
    { logger: { info: log, warn: log, error: log } },
  );
});
afterAll(async () => {
  await frame.stop();
  await app.stop();
});

describe('401', () => {
  const expected = '{"error":"unauthorized","message":"Invalid or missing API key."}';

  test('E1: without Authorization', async () => {
    const { status, text, headers } = await app.call('GET', '/workspaces', { key: null });
    expect([status, text]).toEqual([401, expected]);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(headers.get('x-request-id')).toMatch(/^req_[a-z0-9]{24}$/);
    expect(headers.get('x-ratelimit-limit')).toBe('100000');
  });

  test('E2: with anything that is no valid key, always the same', async () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    for (const authorization of [
      'Bearer nonsense',
      'Bearer',
      'Bearer ',
      'nonsense',
      `Bearer sk_live_${'x'.repeat(40)}`,
      `Bearer ${app.key}x`,
      `Token ${app.key}`,
      app.key,
      basic(`${app.key}:password`),
      basic(app.key),
      basic(`:${app.key}`),
      `Bearer ${'x'.repeat(5_000)}`,
    ]) {
      const { status, text } = await app.call('GET', '/workspaces', {
        key: null,
        headers: { authorization },
      });
      expect([authorization, status, text]).toEqual([authorization, 401, expected]);
    }
  });

  test('a key counts as Bearer in any case, and as the user name of Basic', async () => {
    for (const authorization of [
      `Bearer ${app.key}`,
      `bearer ${app.key}`,
      `BEARER  ${app.key} `,
      `Basic ${Buffer.from(`${app.key}:`).toString('base64')}`,
    ]) {
      const { status } = await app.call('GET', '/workspaces', { key: null, headers: { authorization } });
      expect([authorization, status]).toEqual([authorization, 200]);
    }
  });
});

describe('404 and 405', () => {
  test('404 for an unknown path, with or without a key', async () => {
    for (const key of [app.key, null])
      for (const path of ['/nothing', '/workspaces/1/nothing', '', '/Workspaces', '//workspaces']) {
        const { status, body, headers } = await app.call('GET', path, { key });
        expect([path, status, body]).toEqual([
          path,
          404,
          { error: 'not_found', message: 'Resource not found.' },
        ]);
        expect(headers.get('x-ratelimit-remaining')).toMatch(/^\d+$/);
      }
  });

  test('404 outside the API is not limited', async () => {
    const response = await fetch(`${app.url}/favicon.ico`);
    expect([response.status, await response.json()]).toEqual([
      404,
      { error: 'not_found', message: 'Resource not found.' },
    ]);
    expect(response.headers.get('x-ratelimit-limit')).toBeNull();
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
  });

  test('405 with Allow for a wrong method on a known path', async () => {
    const one = await app.call('PUT', '/workspaces/1', { body: {} });
    expect([one.status, one.body.error, one.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      'GET, PATCH, DELETE, HEAD, OPTIONS',
    ]);
    const all = await app.call('DELETE', '/workspaces', { key: null });
    expect([all.status, all.headers.get('allow')]).toEqual([405, 'GET, POST, HEAD, OPTIONS']);
  });

  test('HEAD answers as GET does, without the body', async () => {
    const get = await app.call('GET', '/workspaces/1');
    const head = await app.call('HEAD', '/workspaces/1');
    expect([head.status, head.text]).toEqual([200, '']);
    for (const name of ['content-length', 'content-type', 'etag', 'x-ratelimit-limit'])
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    expect((await app.call('HEAD', '/workspaces/1', { key: null })).status).toBe(401);
  });

  test('OPTIONS answers 204 with Allow', async () => {
    const { status, text, headers } = await app.call('OPTIONS', '/workspaces', { key: null });
    expect([status, text, headers.get('allow')]).toEqual([204, '', 'GET, POST, HEAD, OPTIONS']);
  });
});

describe('failures of ours', () => {
  test('E45: 500 with the request id, and nothing of what went wrong', async () => {
    const { status, body, text, headers } = await ask(frame, app.key, '/broken');
    expect(status).toBe(500);
    expect(body).toEqual({
      error: 'server_error',
      message: 'An unexpected error occurred.',
      request_id: headers.get('x-request-id'),
    });
    expect(text).not.toMatch(/secret|hunter2|stack/);
    expect(headers.get('x-ratelimit-limit')).toBe('100000');
    const entry = logged.find(({ message }) => message === 'request failed');
    expect(entry?.details).toMatchObject({
      requestId: body.request_id,
      error: expect.stringContaining('hunter2'),
    });
  });

  test('whatever is thrown', async () => {
    expect((await ask(frame, app.key, '/thrown')).status).toBe(500);
  });

  test('an answer that cannot be written ends the connection, not the process', async () => {
    await expect(ask(frame, app.key, '/headers')).rejects.toThrow();
    expect((await ask(frame, app.key, '/broken')).status).toBe(500);
  });

  test('503 with Retry-After when nothing was written', async () => {
    const { status, body, text, headers } = await ask(frame, app.key, '/unwritten');
    expect([status, body.error, headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
    expect(body.message).toBe('The service is temporarily unavailable. Nothing was written.');
    expect(text).not.toContain('secret');
  });

  test('503 says that a retry is safe when the fate of the write is unknown', async () => {
    const { status, body, text } = await ask(frame, app.key, '/unknown-fate');
    expect([status, body.message]).toEqual([
      503,
      expect.stringContaining('A retry with the same Idempotency-Key is safe.'),
    ]);
    expect(text).not.toContain('10.0.0.7');
  });

  test('in the older dialect too', async () => {
    const headers = { 'X-API-Dialect': '2024' };
    const { body, headers: answered } = await ask(frame, app.key, '/broken', { headers });
    expect(body).toEqual({
      error: {
        code: 'INTERNAL_ERROR',
        message: 'An unexpected error occurred.',
        request_id: answered.get('x-request-id'),
      },
    });
  });
});

test('403 at a limit names the feature and where to get more', async () => {
  const { status, body } = await ask(frame, app.key, '/limit');
  expect([status, body]).toEqual([
    403,
    {
      error: 'feature_limit_reached',
      message: 'You have reached your limit for this feature.',
      feature: 'posts',
      upgrade_url: 'https://example.com/upgrade',
    },
  ]);
});

test('the log of requests names route pattern, status and key id, and never the key or the query', async () => {
  logged.length = 0;
  await ask(frame, app.key, '/limit?workspace_id=1');
  const { details } = logged.find(({ message }) => message === 'request') ?? {};
  expect(details).toMatchObject({
    method: 'POST',
    route: '/api/v1/limit',
    status: 403,
    requestId: expect.stringMatching(/^req_/),
    ms: expect.any(Number),
    key: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(JSON.stringify(logged)).not.toContain(app.key);
  expect(JSON.stringify(logged)).not.toContain('workspace_id');
});

test('a write is answered when the read models have seen it', async () => {
  const waited: number[] = [];
  let seen = () => {};
  const waiting = new Promise<void>((entered) => {
    seen = entered;
  });
  let caughtUp = () => {};
  const frame = await startFrame(
    app,
    [
      testRoute('/write', async () => ({ status: 200, body: {}, position: 7 })),
      testRoute('/read', async () => ({ status: 200, body: {} }), { method: 'GET' }),
    ],
    {
      waitFor: (position) => {
        waited.push(position);
        seen();
        return new Promise<void>((resolve) => {
          caughtUp = resolve;
        });
      },
    },
  );
  try {
    const write = ask(frame, app.key, '/write').then(() => 'written');
    await waiting;
    const read = ask(frame, app.key, '/read', { method: 'GET' }).then(() => 'read');
    expect(await Promise.race([write, read])).toBe('read');
    caughtUp();
    expect(await write).toBe('written');
    expect(waited).toEqual([7]);
  } finally {
    await frame.stop();
  }
});
