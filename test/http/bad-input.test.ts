// Whatever is sent gets a clear 4xx; nothing malformed gives a 5xx or stops the process.
import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { startFrame, testRoute } from '../support/frame.js';
import { raw } from '../support/raw.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  // The process has lived through all of it.
  expect((await app.call('GET', '/workspaces/1')).status).toBe(200);
  await app.stop();
});

const auth = () => `Authorization: Bearer ${app.key}\r\n`;
const MiB = 1_048_576;
const send = async (
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => {
  const response = await fetch(`${app.url}/api/v1/workspaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.key}`, ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) };
};

describe('bodies', () => {
  test.each([
    '{',
    '{"name":"x",}',
    "{'name':'x'}",
    'name=x',
    '{"name":"x"} trailing',
    '[1',
    '"',
    'undefined',
    'NaN',
    '{"name":"\n"}',
  ])('400 invalid_json for %j', async (text) => {
    const { status, body } = await send(text);
    expect([status, body]).toEqual([
      400,
      { error: 'invalid_json', message: 'The request body is not valid JSON.' },
    ]);
  });

  test.each(['null', '[]', '[{"name":"x"}]', '"name"', '7', 'true'])(
    '422 for %s, which is no object',
    async (text) => {
      const { status, body } = await send(text);
      expect([status, body.errors]).toEqual([422, { body: ['The body must be a JSON object.'] }]);
    },
  );

  test('400 for bytes that are no UTF-8; a byte order mark does no harm', async () => {
    expect((await send(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).body.error).toBe('invalid_json');
    expect((await send(Buffer.from('{"name":"caf\xe9"}', 'latin1'))).status).toBe(400);
    expect(
      (await send(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"name":"BOM"}')]))).status,
    ).toBe(201);
  });

  test.each([
    ['{"__proto__":{"admin":true},"name":"x"}', '__proto__'],
    ['{"name":"x","settings":{"constructor":{"prototype":{}}}}', 'settings.constructor'],
    ['{"name":"x","metadata":{"__proto__":"y"}}', 'metadata.__proto__'],
    ['{"name":"x","settings":{"a":[{"\\u005f_proto__":1}]}}', 'settings.a.0.__proto__'],
    ['{"name":"x","settings":{"prototype":1}}', 'settings.prototype'],
  ])('422 for keys that mean something to JavaScript: %s', async (text, field) => {
    const { status, body } = await send(text);
    expect([status, Object.entries(body.errors)]).toEqual([
      422,
      [[field, [`The ${field} field is not allowed.`]]],
    ]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test.each([
    ['{"name":"a\\ud800b"}', 'name', /half a surrogate pair/],
    ['{"name":"x","settings":{"\\udfff":1}}', 'settings.\uFFFD', /half a surrogate pair/],
    ['{"name":"a\\u0000b"}', 'name', /NUL/],
    ['{"name":"x","settings":{"deep":["\\u0000"]}}', 'settings.deep.0', /NUL/],
    ['{"name":"x","settings":{"n":1e999}}', 'settings.n', /too large a number/],
  ])('422 for text and numbers that are none: %s', async (text, field, sentence) => {
    const { status, body } = await send(text);
    expect([status, Object.keys(body.errors)]).toEqual([422, [field]]);
    expect(body.errors[field][0]).toMatch(sentence);
  });

  test('422 for endless nesting, 100,000 deep or 33', async () => {
    for (const depth of [33, 100_000]) {
      const { status, body } = await send(
        `{"name":"x","settings":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`,
      );
      expect([depth, status, Object.values(body.errors)[0]]).toEqual([
        depth,
        422,
        [expect.stringContaining('nested too deeply')],
      ]);
    }
    expect((await send(`{"name":"x","settings":{"a":${'['.repeat(30)}${']'.repeat(30)}}}`)).status).toBe(201);
  });

  test('an error names at most 100 unknown fields, none at full length', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${n}${'x'.repeat(150)}`, 1]));
    const { status, body } = await send(JSON.stringify({ name: 'x', ...many }));
    expect([status, Object.keys(body.errors).length]).toEqual([422, 100]);
    expect(JSON.stringify(body).length).toBeLessThan(50_000);
  });

  test('413 above 1 MiB, announced or not; exactly 1 MiB is read', async () => {
    const filled = (size: number) => `{"name":"${'x'.repeat(size - 11)}"}`;
    expect((await send(filled(MiB))).body.error).toBe('validation_failed');
    const { status, body } = await send(filled(MiB + 1));
    expect([status, body]).toEqual([
      413,
      { error: 'payload_too_large', message: 'The request body may not be larger than 1 MiB.' },
    ]);
    expect((await send(filled(8 * MiB))).status).toBe(413);
    const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`;
    const chunks = Array.from({ length: 20 }, () => chunk);
    const [answer] = await raw(
      app.url,
      `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n${auth()}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
      ...chunks,
      '0\r\n\r\n',
    );
    expect(answer?.status).toBe(413);
  });

  test('413 for what is larger once it is inflated', async () => {
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
    ] as const) {
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
      expect((await send(compress(Buffer.alloc(50 * MiB, ' ')), headers)).status).toBe(413);
      expect((await send(compress(Buffer.from('{"name":"Compressed"}')), headers)).status).toBe(201);
      const { status, body } = await send(Buffer.from('not compressed'), headers);
      expect([status, body.error]).toEqual([400, 'bad_request']);
    }
    expect((await send('{}', { 'content-type': 'application/json', 'content-encoding': 'zip' })).status).toBe(
      415,
    );
  });

  test('415 for another content type or charset', async () => {
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/html',
      'application/xml',
      'application/jsonx',
      'application/json; charset=utf-16',
      'application/json; charset=latin1',
      'text/plain; charset="iso-8859-1"',
      'json',
      'application/json, text/plain',
    ]) {
      const { status, body } = await send('{"name":"x"}', { 'content-type': type });
      expect([type, status, body.error]).toEqual([type, 415, 'unsupported_media_type']);
    }
  });

  test('JSON is read as JSON, +json, plain text or nothing said', async () => {
    for (const type of [
      'application/json',
      'application/JSON; charset=UTF-8',
      'application/vnd.api+json',
      'text/plain',
      'text/plain;charset="utf-8"',
    ]) {
      expect([type, (await send('{"name":"Typed"}', { 'content-type': type })).status]).toEqual([type, 201]);
    }
    const text = `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n${auth()}Connection: close\r\nContent-Length: 16\r\n\r\n{"name":"No ty"}`;
    expect((await raw(app.url, text))[0]?.status).toBe(201);
  });

  test('an empty body is an empty object', async () => {
    const { status, body } = await app.call('POST', '/workspaces', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect([status, Object.keys(body.errors)]).toEqual([422, ['name']]);
  });
});

describe('addresses', () => {
  test('400 for paths and queries that are not validly percent-encoded', async () => {
    for (const path of [
      '/workspaces/%',
      '/workspaces/%zz',
      '/workspaces/%ff',
      '/workspaces/%c3%28',
      '/workspaces?search=%',
      '/workspaces?search=%ff',
      '/workspaces?%zz=1',
    ])
      expect([path, (await app.call('GET', path)).body]).toEqual([
        path,
        { error: 'bad_request', message: expect.stringContaining('percent-encoded') },
      ]);
    expect((await fetch(`${app.url}/%ff`)).status).toBe(404);
  });

  test('404 for NUL bytes, dots and ids out of range in paths', async () => {
    for (const id of ['%00', '1%00', '%2e%2e', '99999999999999999999', '-1', '0x1', '1%20', '%F0%9F%98%80'])
      expect([id, (await app.call('GET', `/workspaces/${id}`)).status]).toEqual([id, 404]);
  });

  test('every form of a target gets an answer', async () => {
    for (const [target, status] of [
      ['http://example.com/api/v1/workspaces/1', 200],
      ['/api/v1/workspaces/1#fragment', 200],
      ['*', 404],
      ['//', 404],
      ['http://[::1', 404],
      ['http://a:b:c/api/v1/workspaces', 200],
      [`/api/v1/workspaces/${'a/'.repeat(2_000)}`, 404],
      ['/api/v1/workspaces/1?', 200],
      ['/api/v1/workspaces/1?&&', 200],
      ['/api/v1/workspaces/1/', 200],
    ] as const) {
      const [answer] = await raw(
        app.url,
        `GET ${target} HTTP/1.1\r\nHost: x\r\n${auth()}Connection: close\r\n\r\n`,
      );
      expect([target, answer?.status]).toEqual([target, status]);
    }
  });
});

describe('what the HTTP parser refuses', () => {
  const body = { error: 'bad_request', message: 'The request is not valid HTTP.' };
  /** Limit, remaining and reset, as the headers say them. */
  const rateIn = (head = '') =>
    ['Limit', 'Remaining', 'Reset'].map((name) =>
      Number(new RegExp(`^X-RateLimit-${name}: (\\d+)\r?$`, 'm').exec(head)?.[1]),
    );

  test('counts as a request of its address without a key, like those that are none of ours', async () => {
    const heads = [
      await raw(app.url, 'hello\r\n\r\n'),
      await raw(app.url, 'GET /api/v1/nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
      await raw(app.url, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'),
    ].map(([answer]) => rateIn(answer?.head));
    const [[limit = 0, first = 0] = []] = heads;
    expect(heads.map(([each]) => each)).toEqual([limit, limit, limit]);
    expect(heads.map(([, remaining]) => remaining)).toEqual([first, first - 1, first - 2]);
    const inAMinute = Date.now() / 1_000 + 62;
    for (const [, , reset = 0] of heads) expect(Math.abs(reset - inAMinute)).toBeLessThan(62);
  });

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['an unknown method', 'BREW /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    ['a header without colon', 'GET / HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n'],
    ['NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \u0000\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('400 with the usual body for %s', async (_, text) => {
    const answers = await raw(app.url, text);
    expect(answers.map(({ status, body }) => [status, JSON.parse(body)])).toEqual([[400, body]]);
    expect(answers[0]?.head).toMatch(/^X-Request-ID: req_/m);
    expect(answers[0]?.head).toMatch(/^Connection: close/m);
    expect(rateIn(answers[0]?.head)).not.toContain(Number.NaN);
  });

  test('431 for a flood of headers', async () => {
    const flood = 'X-Flood: x\r\n'.repeat(3_000);
    const [answer] = await raw(app.url, `GET /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n${flood}\r\n`);
    expect([answer?.status, JSON.parse(answer?.body ?? '')]).toEqual([
      431,
      { error: 'headers_too_large', message: 'The request headers are too large.' },
    ]);
    const [long] = await raw(app.url, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(long?.status).toBe(431);
    expect(rateIn(long?.head)).not.toContain(Number.NaN);
  });

  test('400 without a Host', async () => {
    const [answer] = await raw(
      app.url,
      `GET /api/v1/workspaces HTTP/1.1\r\n${auth()}Connection: close\r\n\r\n`,
    );
    expect([answer?.status, JSON.parse(answer?.body ?? '').message]).toEqual([
      400,
      'The Host header is required.',
    ]);
    const [older] = await raw(app.url, `GET /api/v1/workspaces HTTP/1.0\r\n${auth()}\r\n`);
    expect(older?.status).toBe(200);
  });

  test('405 for CONNECT', async () => {
    const [answer] = await raw(app.url, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n');
    expect([answer?.status, JSON.parse(answer?.body ?? '').error]).toEqual([405, 'method_not_allowed']);
  });

  test('an upgrade that nobody offers is just a request', async () => {
    const upgrade = 'Connection: Upgrade, close\r\nUpgrade: websocket\r\n';
    const [answer] = await raw(
      app.url,
      `GET /api/v1/workspaces/1 HTTP/1.1\r\nHost: x\r\n${auth()}${upgrade}\r\n`,
    );
    expect(answer?.status).toBe(200);
  });
});

describe('connections', () => {
  const get = (path: string, more = '') => `GET /api/v1${path} HTTP/1.1\r\nHost: x\r\n${auth()}${more}\r\n`;

  test('requests sent ahead are answered in order, also when the last one is broken', async () => {
    const requests = ['/workspaces/1', '/workspaces/999', '/workspaces?page=0'].map((path) => get(path));
    const answers = await raw(app.url, [...requests, 'broken\r\n\r\n'].join(''));
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 422, 400]);
  });

  test('a body shorter than announced: the rest is no request', async () => {
    const text = `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n${auth()}Content-Length: 2\r\n\r\n{}{"name":"smuggled"}`;
    const answers = await raw(app.url, text);
    expect(answers.map(({ status }) => status)).toEqual([422, 400]);
  });

  test('a body that breaks off in the middle of a chunk gets 400', async () => {
    const text = `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n${auth()}Transfer-Encoding: chunked\r\n\r\n`;
    const answers = await raw(app.url, text, '5\r\n{"nam\r\nzz\r\n');
    expect(answers.map(({ status }) => status)).toEqual([400]);
  });

  test('408 for a request that does not arrive', async () => {
    const frame = await startFrame(app, [], { timeouts: { headers: 50, request: 100, keepAlive: 1_000 } });
    try {
      for (const text of [
        'GET /api',
        `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{`,
      ]) {
        const answers = await raw(frame.url, text);
        // The second is refused at once for want of a key; its connection ends all the same.
        expect(answers[0]?.status).toBe(text.startsWith('GET') ? 408 : 404);
      }
    } finally {
      await frame.stop();
    }
  });

  test('a connection on which nothing moves while an answer is made or read does not stay', async () => {
    const never = testRoute('/never', () => new Promise(() => undefined), { method: 'GET' });
    const bytes = Buffer.alloc(64 * 1_048_576);
    const large = testRoute('/large', async () => ({ status: 200, content: { type: 'x/x', bytes } }), {
      method: 'GET',
    });
    const frame = await startFrame(app, [never, large], { timeouts: { stalled: 200 } });
    try {
      const get = (path: string) => `GET /api/v1${path} HTTP/1.1\r\nHost: x\r\n${auth()}\r\n`;
      expect(await raw(frame.url, get('/never'))).toEqual([]);
      const reader = connect(Number(new URL(frame.url).port), '127.0.0.1');
      reader.write(get('/large'));
      await once(reader, 'readable');
      let read = 0;
      // Nobody reads until others, begun later, were ended for the same reason; bytes may move for a while.
      for (let n = 0; n < 4; n++) await raw(frame.url, get('/never'));
      reader.on('data', (chunk: Buffer) => {
        read += chunk.length;
      });
      await once(reader, 'close');
      expect(read).toBeLessThan(bytes.length);
    } finally {
      await frame.stop();
    }
  });

  test('a client that leaves in the middle of its body leaves nothing behind', async () => {
    const head = `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\n${auth()}Content-Length: 100\r\n\r\n{"name":`;
    const events = await app.appended(async () => {
      const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
      socket.write(head);
      const entered = app.call('GET', '/workspaces/1');
      await entered;
      socket.destroy();
      expect((await app.call('GET', '/workspaces/1')).status).toBe(200);
    });
    expect(events.filter(({ type }) => type === 'WorkspaceCreated')).toEqual([]);
  });

  test('a body that is asked about is called for only when it is wanted; else the connection ends', async () => {
    const expecting = (length: number, more: string) =>
      `POST /api/v1/workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n${more}\r\n`;
    const wanted = await raw(app.url, expecting(16, `${auth()}Connection: close\r\n`), '{"name":"Asked"}');
    expect(wanted.map(({ status }) => status)).toEqual([100, 201]);
    expect((await raw(app.url, expecting(2 * MiB, auth()))).map(({ status }) => status)).toEqual([413]);
    expect((await raw(app.url, expecting(16, ''))).map(({ status }) => status)).toEqual([401]);
    const other = get('/workspaces/1', 'Expect: the unexpected\r\nConnection: close\r\n');
    expect((await raw(app.url, other)).map(({ status }) => status)).toEqual([200]);
  });
});
