// Every route with what its documentation shows, bent out of shape: never a 5xx, and nobody else is the worse for it.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Recorded } from '../../src/domain/decider.js';
import type { Route } from '../../src/http/route.js';
import { type Called, startTestApp, type TestApp } from '../support/api.js';
import { eventsIn } from '../support/embedded-log.js';
import { newTenant } from '../support/tenants.js';

/** They may erase themselves, and run out of requests, so there are several. `own`: their records by the parameter, else by the first word of the path. */
type Victim = { readonly key: string; readonly own: Readonly<Record<string, string>> };
const VICTIMS = 12;
const target = 'http://127.0.0.1:9/hook';
let app: TestApp;
let victims: Victim[];
/** Every event as a follower got it. */
const live: Recorded[] = [];
const followed = new AbortController();
let following: Promise<void>;
const newVictim = async (): Promise<Victim> => {
  const { key, workspace } = await newTenant(app);
  const made = async (path: string, body: object) =>
    String((await app.call('POST', path, { key, body })).body.data.id);
  const workspaces = String(workspace);
  const usage = await app.call('POST', '/entitlements/usage', { key, body: { feature: 'posts' } });
  const file = { path: '/path/to/file.txt', content: 'Hello' };
  const write = { server: 'filesystem', tool: 'write_file', arguments: file };
  await app.call('POST', '/mcp/tools/call', { key, body: write });
  const own = {
    workspaces,
    seo: workspaces,
    user_id: await made(`/workspaces/${workspaces}/members`, { email: `of${workspaces}@example.com` }),
    entitlements: String(usage.body.id),
    namespaces: await made('/namespaces', { name: 'Own' }),
    'api-keys': await made('/api-keys', { name: 'Own' }),
    webhooks: await made('/webhooks', { url: target, events: ['*'] }),
    users: String((await app.call('GET', '/user', { key })).body.data.id),
  };
  return { key, own };
};
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '50' });
  following = (async () => {
    for await (const { events } of app.app.stores.log.subscribe(-1, {}, followed.signal))
      live.push(...events);
  })();
  victims = [];
  for (let n = 0; n < VICTIMS; n++) victims.push(await newVictim());
});
afterAll(() => app.stop());

const bent = fc.oneof(
  fc.constantFrom<unknown>(
    ...[0, -1, 1, 1.5, 24, 1e21, 2 ** 53, 2 ** 53 - 1, '1', '', ' ', 'x', '*', null, true, [], {}],
    ...['posts', 'api_calls', 'pkg_starter', 'User', 'Robot', 'owner', 'king', 'create', 'filesystem'],
    ...['read_file', 'list_directory', '../../etc/passwd', '/etc/passwd', '..\\x', 'a\0b', '2020-01-01'],
    ...['2099-01-01T00:00:00Z', 'a@example.com', 'http://127.0.0.1:9/', '__proto__', 'toString', '\ud800'],
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const name = fc.constantFrom('id', 'data', 'name', 'metadata', '__proto__', 'constructor', 'nmae', 'path');
/** Stands for a record of the victim's own. */
const OWN = 'own';
const reference = fc.constantFrom(
  ...[OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN],
  ...['1', '2', '3', '0', '-1', '1.5', '999999', '9007199254740993', 'wks_1', 'x', 'me', 'constructor'],
  ...['%00', '%2e%2e', '..%2f..', '%zz', '%ff', 'filesystem', 'filesystem%3A%2F%2F..%2F..%2Fetc%2Fpasswd'],
  ...['filesystem://a', 'filesystem://%2e%2e/x', 'filesystem://a%00', 'filesystem%3A%2F%2Fa%5C..%5Cb'],
  ...['use_x.posts.all.0', 'px_1'],
);
const query = fc.constantFrom(
  ...[
    '',
    '',
    '',
    '',
    '',
    '',
    '',
    '',
    'page=0',
    'per_page=1e9',
    'sort=-id',
    'fields=id',
    'include=owner',
    'status=active',
  ],
  ...['feature=posts', 'feature=posts&quantity=1e3', 'feature=posts&quantity=9007199254740993', 'nmae=1'],
  ...['package=pkg_starter', 'package=', 'owner_type=Robot', 'is_active=maybe', 'role=king', 'search=%00'],
  ...['start=x', 'start=2099-01-01&end=2020-01-01', 'severity=bad', 'workspace_id=2', 'namespace_id=1'],
  ...['url=https://example.com/', 'pixel_key=x', 'created_after=2026-02-30'],
);
const change = fc.record({
  at: fc.nat(20),
  deep: fc.boolean(),
  key: fc.option(name, { freq: 3 }),
  value: bent,
});
type Change = { readonly at: number; readonly deep: boolean; readonly key: string | null; value: unknown };

/** The body with one of its fields, or a field of one of its fields, put in place of another. */
const changed = (body: unknown, { at, deep, key: name, value }: Change): unknown => {
  if (typeof body !== 'object' || body === null) return value;
  const names = Object.keys(body);
  const field = name ?? names[at % Math.max(1, names.length)] ?? 'name';
  const inner = (body as Record<string, unknown>)[field];
  const put =
    deep && typeof inner === 'object' ? changed(inner, { at, deep: false, key: null, value }) : value;
  const copy: object = Array.isArray(body) ? [...body] : { ...body };
  Object.defineProperty(copy, field, { value: put, enumerable: true, configurable: true, writable: true });
  return copy;
};

const filled = ({ path }: Route, ids: readonly string[], own: Victim['own']): string => {
  let n = 0;
  const mine = own[path.split('/')[1] ?? ''] ?? 'filesystem';
  return path.replace(/[:*](\w+)/g, (_, parameter: string) => {
    const id = ids[n++ % ids.length] ?? OWN;
    return id === OWN ? (own[parameter] ?? mine) : id;
  });
};

test('unbent, every body that the documentation shows gets through to what it asks for', async () => {
  const shown = app.app.routes.filter(({ doc }) => doc.requestExample !== undefined);
  expect(shown.length).toBeGreaterThan(25);
  const { key, own } = await newVictim();
  for (const route of shown) {
    const path = filled(route, [OWN], own);
    const { status, text } = await app.call(route.method, path, { key, body: route.doc.requestExample });
    expect([route.doc.id, path, status, text]).toEqual([
      ...[route.doc.id, path, route.doc.success.status, expect.any(String)],
    ]);
  }
});

test('of bent requests to every route none gives a 5xx or hangs', async () => {
  const request = fc.record({
    route: fc.constantFrom(...app.app.routes),
    ids: fc.array(reference, { minLength: 1, maxLength: 2 }),
    asked: query,
    changes: fc.array(change, { maxLength: 2 }),
    dialect: fc.constantFrom('2026', '2024'),
    victim: fc.nat(VICTIMS - 1),
    repeat: fc.option(fc.uuid(), { freq: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ route, ids, asked, changes, dialect, victim, repeat }) => {
      const { key = null, own = {} } = victims[victim] ?? {};
      const body = changes.reduce(changed, route.doc.requestExample);
      const path = `${filled(route, ids, own)}${asked === '' ? '' : `?${asked}`}`;
      const answer: Called = await app.call(route.method, path, {
        key,
        headers: { 'X-API-Dialect': dialect, ...(repeat === null ? {} : { 'Idempotency-Key': repeat }) },
        ...(route.method === 'GET' || body === undefined ? {} : { body }),
      });
      const fine = answer.status < 500 || (route.doc.tag === 'MCP' && [502, 504].includes(answer.status));
      expect([route.doc.id, path, body, answer.status, fine ? '' : answer.text]).toEqual([
        ...[route.doc.id, path, body, answer.status, ''],
      ]);
      for (const name of ['limit', 'remaining', 'reset'])
        expect(answer.headers.get(`x-ratelimit-${name}`)).toMatch(/^\d+$/);
    }),
    { numRuns: 400 },
  );
  expect((await app.call('GET', '/workspaces/1')).status).toBe(200);
  expect((await app.call('GET', '/user')).body.data.id).toBe(1);
}, 60_000);

test('what followers got of all this is to the last detail what the log holds', async () => {
  await app.waitForAll();
  followed.abort();
  await following;
  const stored = await eventsIn(app.app.stores.log);
  expect(live.length).toBeGreaterThan(300);
  expect(live).toStrictEqual(stored.slice(0, live.length));
});
