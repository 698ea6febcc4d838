// Random requests, well-formed and not: never a 5xx, never an answer without what every answer has, never a dead server.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { raw, rawToEnd } from '../support/raw.js';
import { newTenant } from '../support/tenants.js';

let app: TestApp;
/** They may end themselves, and run out of requests, so there are several; whoever is looked after at the end is nobody of them. */
let keys: string[];
let sent = 0;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '50' });
  keys = [];
  for (let n = 0; n < 16; n++) keys.push((await newTenant(app)).key);
});
afterAll(async () => {
  expect((await app.call('GET', '/workspaces/1')).status).toBe(200);
  await app.stop();
});

/** Wide nets for what a client may send; narrow enough that much of it comes through to the handlers. */
const segment = fc.oneof(
  fc.constantFrom(
    'workspaces',
    'api-keys',
    'webhooks',
    'events',
    'event-types',
    'deliveries',
    'rotate',
    'test',
    'retry',
    'verify',
    'current',
    'secret',
    'batch',
  ),
  fc.constantFrom(
    '1',
    '2',
    '0',
    '-1',
    'wks_01h455vb4pex5vsknk084sn02q',
    'nonsense',
    '%00',
    '%zz',
    '%ff',
    '..',
    '__proto__',
    '*',
    '',
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 8 }).map(encodeURIComponent),
);
/** Paths that a request gets through on, so that what else it says is looked at. */
const known = fc.constantFrom(
  ...['workspaces', 'workspaces/1', 'workspaces/1/members', 'api-keys', 'webhooks', 'event-types'],
  ...['user', 'users/1', 'namespaces', 'usage', 'entitlements/summary', 'mcp/servers', 'deliveries'],
);
const name = fc.constantFrom(
  'page',
  'per_page',
  'sort',
  'fields',
  'include',
  'search',
  'status',
  'created_after',
  'updated_before',
  'workspace_id',
  'namespace_id',
  'search[$ne]',
  '__proto__',
  'x',
);
const value = fc.oneof(
  fc.constantFrom(
    '',
    '1',
    '-1',
    '1e9',
    '2026-01-01',
    '2026-02-30',
    'id',
    '-name,id',
    'owner',
    'active',
    '%00',
    '%',
    '[]',
    '$where',
  ),
  fc.string({ unit: 'grapheme', maxLength: 10 }).map(encodeURIComponent),
);
const query = fc
  .array(fc.tuple(name, value), { maxLength: 2 })
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
const field = fc.constantFrom(
  'name',
  'slug',
  'tier',
  'settings',
  'tags',
  'metadata',
  'url',
  'events',
  'secret',
  'scopes',
  'expires_at',
  'allowed_ips',
  'is_active',
  'type',
  'data',
  'id',
  'key',
  'dialect',
  'grace_period_hours',
  'retry_schedule',
  'constructor',
  'nmae',
);
const plain = fc.oneof(
  fc.constantFrom<unknown>(
    'x',
    'post.created',
    '*',
    'http://127.0.0.1:9/',
    'free',
    '2027-01-01',
    '',
    null,
    true,
    0,
    -1,
    24,
    1e21,
    [],
    {},
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const json = fc
  .dictionary(field, fc.oneof(plain, fc.array(plain, { maxLength: 3 })), { maxKeys: 5 })
  .map((body) => JSON.stringify(body));
const body = fc.oneof(
  { weight: 5, arbitrary: json },
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('', '{', 'null', '[]', '{"__proto__":1}', '{"name":"\\ud800"}') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);
const header = fc.constantFrom<Record<string, string>>(
  ...Array.from({ length: 12 }, () => ({})),
  { 'X-API-Dialect': '2024' },
  { 'X-API-Dialect': 'x' },
  { 'X-Workspace-ID': '1' },
  { 'X-Workspace-ID': 'x' },
  { 'X-Namespace-ID': '1' },
  { 'Idempotency-Key': 'one' },
  { 'Idempotency-Key': 'a b' },
  { 'If-Match': '"0"' },
  { 'If-Match': 'x' },
  { 'If-None-Match': '*' },
  { 'Content-Type': 'text/html' },
  { 'Content-Type': 'application/json; charset=utf-16' },
  { 'Content-Encoding': 'gzip' },
  { Expect: '100-continue' },
  { Authorization: 'Basic eA==' },
);
const method = fc.constantFrom(
  'GET',
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PATCH',
  'DELETE',
  'PUT',
  'HEAD',
  'OPTIONS',
  'PROPFIND',
);

test('of random requests none gives a 5xx, and each answer says what it must', async () => {
  const seen: Record<string, number> = {};
  const random = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const path = fc.oneof({ weight: 2, arbitrary: random }, { weight: 1, arbitrary: known });
  await fc.assert(
    fc.asyncProperty(
      method,
      path,
      query,
      header,
      header,
      body,
      async (verb, where, asked, one, two, text) => {
        const length = Buffer.byteLength(text);
        const headers = {
          Authorization: `Bearer ${keys[sent++ % keys.length]}`,
          ...(length > 0 ? { 'Content-Length': String(length) } : {}),
          ...one,
          ...two,
        };
        const head = Object.entries(headers).map((pair) => `${pair.join(': ')}\r\n`);
        const target = asked === '' ? where : `${where}?${asked}`;
        const request = `${verb} /api/v1/${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${head.join('')}\r\n`;
        const answers = (await raw(app.url, request, Buffer.from(text))).filter(
          ({ status }) => status !== 100,
        );
        const answer = answers[0];
        const kind = `${answer?.status.toString().charAt(0)}xx`;
        seen[kind] = (seen[kind] ?? 0) + 1;
        expect([request, text, answer && answer.status >= 200 && answer.status < 500]).toEqual([
          request,
          text,
          true,
        ]);
        expect(answer?.head).toMatch(/^X-Request-ID: req_[0-9a-f]{24}$/m);
        if (answer && answer.status >= 400 && verb !== 'HEAD')
          expect(() => JSON.parse(answer.body)).not.toThrow();
        // What is no HTTP has no path, so nobody knows that it was for the API.
        if (!answer?.body.includes('not valid HTTP'))
          expect(answer?.head).toMatch(/^X-RateLimit-Remaining: \d+$/m);
      },
    ),
    { numRuns: 600 },
  );
  // Else the net is too wide to reach anything.
  expect(seen['2xx']).toBeGreaterThan(0);
}, 60_000);

test('of random bytes none stops the server', async () => {
  const words = fc.constantFrom(
    'GET ',
    'POST ',
    '/api/v1/workspaces',
    ' HTTP/1.1\r\n',
    ' HTTP/9.9\r\n',
    'Host: x\r\n',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n',
    '\r\n\r\n',
    '0\r\n\r\n',
    '{"name":',
    '\0',
    'ü',
    ': ',
    'zz\r\n',
  );
  const bytes = fc.array(fc.oneof(words, fc.string({ unit: 'binary', maxLength: 10 })), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(bytes, async (parts) => {
      const answers = await rawToEnd(app.url, parts.join(''));
      for (const { status } of answers) expect(status).toBeLessThan(500);
    }),
    { numRuns: 200 },
  );
}, 60_000);
