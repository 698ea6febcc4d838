import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { keptTurns, turns } from '../../src/commands/turns.js';
import { dialects } from '../../src/dialects/dialect.js';
import { DomainError } from '../../src/domain/errors.js';
import { batchRoutes } from '../../src/http/batch.js';
import { byCallers, type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { ask, startFrame, testRoute } from '../support/frame.js';
import { newTenant, scopedKey } from '../support/tenants.js';

const url = 'http://127.0.0.1:9/hook';
/** A body to create with, a change, and a creation that is refused, for each resource. */
type Resource = {
  readonly path: string;
  /** Where one is created alone, and the scopes for creating and deleting one; where they are not the usual. */
  readonly at?: string;
  readonly scopes?: { readonly write: string; readonly delete: string };
  readonly create: () => object;
  readonly update: object;
  readonly wrong: object;
  readonly fault: Readonly<Record<string, readonly string[]>>;
  readonly shown: object;
  readonly missing: string;
};
const resources: readonly Resource[] = [
  {
    path: '/workspaces',
    create: () => ({ name: 'Batch' }),
    update: { name: 'Renamed' },
    wrong: { name: '' },
    fault: { name: ['The name field is required.'] },
    shown: { name: 'Renamed' },
    missing: 'Workspace not found.',
  },
  {
    path: '/users',
    at: '/workspaces/1/members',
    scopes: { write: 'workspaces:write', delete: 'users:delete' },
    create: () => ({ email: `${randomUUID()}@example.com` }),
    update: { name: 'Renamed' },
    wrong: { email: 'nobody' },
    fault: { email: ['The email must be a valid email address.'] },
    shown: { name: 'Renamed' },
    missing: 'Resource not found.',
  },
  {
    path: '/namespaces',
    create: () => ({ name: 'Batch' }),
    update: { name: 'Renamed' },
    wrong: { name: '' },
    fault: { name: ['The name field is required.'] },
    shown: { name: 'Renamed' },
    missing: 'Resource not found.',
  },
  {
    path: '/api-keys',
    create: () => ({ name: 'Batch', scopes: ['posts:read'] }),
    update: { name: 'Renamed' },
    wrong: {},
    fault: { name: ['The name field is required.'] },
    shown: { name: 'Renamed' },
    missing: 'Resource not found.',
  },
  {
    path: '/webhooks',
    create: () => ({ url, events: ['post.created'] }),
    update: { events: ['post.*'] },
    wrong: { url, events: [] },
    fault: { events: ['The events field is required.'] },
    shown: { events: ['post.*'] },
    missing: 'Resource not found.',
  },
];

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '500' });
});
afterAll(() => app.stop());

const written = async (work: () => Promise<unknown>) => byCallers(await app.appended(work));

const batch = (path: string, operations: unknown, options: CallOptions = {}) =>
  app.call('POST', `${path}/batch`, { ...options, body: { operations } });
const create = (data: unknown) => ({ action: 'create', data });
const idempotent = () => ({ headers: { 'Idempotency-Key': randomUUID() } });

const usual = (path: string) => ({ write: `${path.slice(1)}:write`, delete: `${path.slice(1)}:delete` });

describe.each(dialects)('in the dialect %s', (dialect) => {
  const headers = { 'X-API-Dialect': dialect };

  describe.each(resources)(
    'POST $path/batch',
    ({ path, create: body, update, wrong, fault, shown, missing, at = path, scopes = usual(path) }) => {
      const make = async () => {
        const { status, body: answered, text } = await app.call('POST', at, { headers, body: body() });
        expect([status, text]).toEqual([201, text]);
        return answered.data.id as string | number;
      };

      test('answers each operation as its own endpoint does', async () => {
        const id = await make();
        const gone = await make();
        const { status, body: answered } = await batch(
          path,
          [create(body()), { action: 'update', id, data: update }, { action: 'delete', id: gone }],
          { headers },
        );
        expect(status).toBe(200);
        expect(answered.meta).toEqual({ total: 3, succeeded: 3, failed: 0 });
        expect(answered.data).toMatchObject([
          { index: 0, action: 'create', status: 201 },
          { index: 1, action: 'update', status: 200, data: { id, ...shown } },
          { index: 2, action: 'delete', status: 204, data: null },
        ]);
        const single = await app.call('POST', at, { headers, body: body() });
        expect(Object.keys(answered.data[0].data)).toEqual(Object.keys(single.body.data));
        const made = await app.call('GET', `${path}/${answered.data[0].data.id}`, { headers });
        expect(made.status).toBe(200);
        const changed = await app.call('GET', `${path}/${id}`, { headers });
        expect(changed.body.data).toMatchObject(shown);
        // A read may show more: what was looked up elsewhere.
        expect(changed.body.data).toMatchObject(answered.data[1].data);
        expect((await app.call('GET', `${path}/${gone}`, { headers })).status).toBe(404);
      });

      test('E51: goes on after an operation that fails, and says why in the form of the dialect', async () => {
        const { status, body: answered } = await batch(
          path,
          [create(wrong), { action: 'update', id: 999_999, data: update }, create(body())],
          { headers },
        );
        expect(status).toBe(200);
        expect(answered.meta).toEqual({ total: 3, succeeded: 1, failed: 2 });
        const request_id = expect.stringMatching(/^req_/);
        expect(answered.data.slice(0, 2)).toEqual(
          dialect === '2026'
            ? [
                {
                  index: 0,
                  action: 'create',
                  status: 422,
                  error: 'validation_failed',
                  message: 'The given data was invalid.',
                  errors: fault,
                },
                { index: 1, action: 'update', status: 404, error: 'not_found', message: missing },
              ]
            : [
                {
                  index: 0,
                  action: 'create',
                  status: 422,
                  error: {
                    code: 'VALIDATION_ERROR',
                    message: 'Validation failed',
                    details: fault,
                    request_id,
                  },
                },
                {
                  index: 1,
                  action: 'update',
                  status: 404,
                  error: { code: 'RESOURCE_NOT_FOUND', message: missing, request_id },
                },
              ],
        );
        expect(answered.data[2].status).toBe(201);
      });

      test('refuses the operations whose scope the key lacks, and does the others', async () => {
        const scope = scopes.write;
        const key = await scopedKey(app, [scope, 'posts:read']);
        const id = await make();
        const { body: answered } = await batch(path, [{ action: 'delete', id }, create(body())], {
          headers,
          key,
        });
        expect(answered.data.map(({ status }: { status: number }) => status)).toEqual([403, 201]);
        const needed = scopes.delete;
        expect(answered.data[0]).toMatchObject(
          dialect === '2026'
            ? { error: 'access_denied', message: `Insufficient permissions. Required scope: ${needed}` }
            : { error: { required_scope: needed, provided_scopes: [scope, 'posts:read'] } },
        );
        expect((await app.call('GET', `${path}/${id}`)).status).toBe(200);
      });

      test('knows no record of another tenant', async () => {
        const stranger = await newTenant(app);
        const id = await make();
        const { body: answered } = await batch(
          path,
          [
            { action: 'update', id, data: update },
            { action: 'delete', id },
            { action: 'update', id: 999_999, data: update },
          ],
          { headers, key: stranger.key },
        );
        const [first, , unknown] = answered.data;
        expect(answered.data.map(({ status }: { status: number }) => status)).toEqual([404, 404, 404]);
        const said = ({ index, ...item }: { index: number; error: { request_id?: string } }) => item;
        expect(said(first)).toEqual(said(unknown));
      });

      test('gives the same answer, secrets included, to the same Idempotency-Key, and does nothing twice', async () => {
        const id = await make();
        const operations = [create(body()), { action: 'delete', id }, { action: 'delete', id }];
        const options = { headers: { ...headers, ...idempotent().headers } };
        const first = await batch(path, operations, options);
        expect(first.body.data.map(({ status }: { status: number }) => status)).toEqual([201, 204, 404]);
        const events = await written(async () => {
          const again = await batch(path, operations, options);
          // What shows persons is not kept, but made again.
          const isKept = path !== '/users';
          const said = (text: string) => (isKept ? text : text.replaceAll(/req_\w+/g, 'req'));
          expect([again.status, said(again.text)]).toEqual([200, said(first.text)]);
          expect(again.headers.get('idempotent-replayed')).toBe(isKept ? 'true' : null);
        });
        expect(events).toEqual([]);
      });
    },
  );
});

test('shows the secrets of keys and webhooks, and they work', async () => {
  const { body } = await batch('/api-keys', [create({ name: 'One', scopes: ['workspaces:read'] })]);
  const { key } = body.data[0].data;
  expect((await app.call('GET', '/workspaces', { key })).status).toBe(200);
  const hooks = await batch('/webhooks', [
    create({ url, events: ['a.b'] }),
    create({ url, events: ['a.b'] }),
  ]);
  const [one, two] = hooks.body.data.map(({ data }: { data: { secret: string } }) => data.secret);
  expect(one).toMatch(/^whsec_/);
  expect(one).not.toBe(two);
});

test('later operations see what earlier ones did', async () => {
  const { key } = await newTenant(app);
  const hook = () => create({ url, events: ['a.b'] });
  const { body } = await batch('/webhooks', Array.from({ length: 6 }, hook), { key });
  const statuses = (answered: { data: { status: number }[] }) => answered.data.map(({ status }) => status);
  expect(statuses(body)).toEqual([201, 201, 201, 201, 201, 403]);
  const id = body.data[0].data.id;
  const next = await batch('/webhooks', [{ action: 'delete', id }, hook(), { action: 'delete', id }], {
    key,
  });
  expect(statuses(next.body)).toEqual([204, 201, 404]);
  const spaces = await batch('/workspaces', [
    create({ name: 'Same', slug: 'batch-same' }),
    create({ name: 'Same', slug: 'batch-same' }),
  ]);
  expect(spaces.body.data).toMatchObject([
    { status: 201 },
    { status: 422, errors: { slug: ['The slug has already been taken.'] } },
  ]);
  const first = spaces.body.data[0].data.id;
  const renamed = await batch('/workspaces', [
    { action: 'update', id: first, data: { slug: 'batch-other' } },
    create({ name: 'Same', slug: 'batch-same' }),
    { action: 'delete', id: first },
    create({ name: 'Same', slug: 'batch-other' }),
  ]);
  expect(statuses(renamed.body)).toEqual([200, 201, 204, 201]);
});

test('a workspace made in a batch lets the only other one be deleted', async () => {
  const tenant = await newTenant(app);
  const operations = [create({ name: 'Next' }), { action: 'delete', id: tenant.workspace }];
  const { body } = await batch('/workspaces', operations, { key: tenant.key });
  expect(body.data).toMatchObject([{ status: 201 }, { status: 204 }]);
});

test('the events are the ordinary ones, each with the request that caused it', async () => {
  let requestId: string | null = '';
  const events = await written(async () => {
    const { headers } = await batch('/webhooks', [
      create({ url, events: ['a.b'] }),
      create({ url, events: ['a.b'] }),
    ]);
    requestId = headers.get('x-request-id');
  });
  const made = events.filter(({ type }) => type === 'WebhookEndpointCreated');
  expect(made).toHaveLength(2);
  const [first, second] = made.map(({ metadata }) => metadata);
  for (const metadata of [first, second])
    expect(metadata).toMatchObject({ requestId, correlationId: requestId });
  expect(first?.audience).toEqual(second?.audience);
  expect(first?.commandId).not.toBe(second?.commandId);
});

test('takes a hundred operations and no more', async () => {
  const operations = (count: number) =>
    Array.from({ length: count }, (_, n) => create({ name: `Many ${n}` }));
  const { status, body } = await batch('/workspaces', operations(100));
  expect([status, body.meta]).toEqual([200, { total: 100, succeeded: 100, failed: 0 }]);
  const ids = body.data.map(({ data }: { data: { id: number } }) => data.id);
  expect(ids).toEqual(ids.toSorted((left: number, right: number) => left - right));
  const { body: list } = await app.call('GET', '/workspaces?search=Many&per_page=1');
  expect(list.meta.total).toBe(100);
  const events = await written(async () => {
    const tooMany = await batch('/workspaces', operations(101));
    expect([tooMany.status, tooMany.body.errors]).toEqual([
      422,
      { operations: ['The operations may not have more than 100 items.'] },
    ]);
  });
  expect(events).toEqual([]);
});

describe('refuses as a whole, before anything is done,', () => {
  const good = create({ name: 'Never made' });
  test.each([
    ['no operations', [], { operations: ['The operations field is required.'] }],
    ['operations that are no list', { 0: good }, { operations: ['The operations must be an array.'] }],
    ['null', null, { operations: ['The operations field may not be null.'] }],
    [
      'an operation that is none',
      [good, null],
      { 'operations.1': ['The operations.1 field may not be null.'] },
    ],
    ['a text', [good, 'create'], { 'operations.1': ['The operations.1 must be an object.'] }],
    ['a list as operation', [good, [good]], { 'operations.1': ['The operations.1 must be an object.'] }],
    [
      'an unknown action',
      [good, { action: 'upsert', data: {} }],
      {
        'operations.1.action': [
          'The selected operations.1.action is invalid. It must be one of: create, update, delete.',
        ],
      },
    ],
    [
      'no action',
      [good, { data: {} }],
      { 'operations.1.action': ['The operations.1.action field is required.'] },
    ],
    [
      'an update without id',
      [good, { action: 'update', data: {} }],
      { 'operations.1.id': ['The operations.1.id field is required.'] },
    ],
    [
      'a deletion without id',
      [good, { action: 'delete' }],
      { 'operations.1.id': ['The operations.1.id field is required.'] },
    ],
    [
      'a creation without data',
      [good, { action: 'create' }],
      { 'operations.1.data': ['The operations.1.data field is required.'] },
    ],
    [
      'data that is no object',
      [good, create('x')],
      { 'operations.1.data': ['The operations.1.data must be an object.'] },
    ],
    [
      'data that is a list',
      [good, create([])],
      { 'operations.1.data': ['The operations.1.data must be an object.'] },
    ],
    [
      'data that is null',
      [good, create(null)],
      { 'operations.1.data': ['The operations.1.data field may not be null.'] },
    ],
    [
      'a creation with an id',
      [{ ...good, id: 1 }],
      {
        'operations.0.id': ['The operations.0.id field is not known: what is created gets an id of its own.'],
      },
    ],
    [
      'a deletion with data',
      [{ action: 'delete', id: 1, data: {} }],
      { 'operations.0.data': ['The operations.0.data field is not known: a deletion has no data.'] },
    ],
    [
      'a field too many',
      [{ ...good, ids: 1 }],
      { 'operations.0.ids': ['The operations.0.ids field is not known.'] },
    ],
    [
      'an id that is a fraction',
      [{ action: 'delete', id: 1.5 }],
      { 'operations.0.id': ['The operations.0.id must be a string or an integer.'] },
    ],
    [
      'a batch in a batch',
      [{ action: 'create', operations: [good] }],
      {
        'operations.0.data': ['The operations.0.data field is required.'],
        'operations.0.operations': ['The operations.0.operations field is not known.'],
      },
    ],
  ])('%s', async (_, operations, errors) => {
    const events = await written(async () => {
      const { status, body } = await batch('/workspaces', operations);
      expect([status, body.errors]).toEqual([422, errors]);
    });
    expect(events).toEqual([]);
  });

  test('keys that mean something to JavaScript', async () => {
    const body = `{"operations":[{"action":"create","data":{"name":"x","metadata":{"__proto__":"y"}}}]}`;
    const answer = await app.call('POST', '/workspaces/batch', { body });
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([
      422,
      ['operations.0.data.metadata.__proto__'],
    ]);
  });
});

test('takes ids in every form, and answers 404 inside to what is none', async () => {
  const { body } = await app.call('POST', '/workspaces', {
    headers: { 'X-API-Dialect': '2024' },
    body: { name: 'Forms' },
  });
  const prefixed = body.data.id as string;
  const number = (await app.call('GET', `/workspaces/${prefixed}`)).body.data.id as number;
  const data = { name: 'Found' };
  const ids = [prefixed, number, String(number), '', 'nonsense', '__proto__', -1, 0, 'x'.repeat(10_000)];
  const answer = await batch(
    '/workspaces',
    ids.map((id) => ({ action: 'update', id, data })),
  );
  expect(answer.body.data.map(({ status }: { status: number }) => status)).toEqual([
    200, 200, 200, 404, 404, 404, 404, 404, 404,
  ]);
});

test('a precondition has no meaning in a batch', async () => {
  const { body } = await app.call('POST', '/workspaces', { body: { name: 'Precondition' } });
  const operations = [{ action: 'update', id: body.data.id, data: { name: 'Changed' } }];
  const answer = await batch('/workspaces', operations, { headers: { 'If-Match': '"99"' } });
  expect(answer.body.data).toMatchObject([{ status: 200, data: { name: 'Changed' } }]);
});

test('an answer that a retry may better is not remembered', async () => {
  const { key, workspace } = await newTenant(app, ['webhooks:write']);
  const options = { key, ...idempotent() };
  const { body } = await batch('/webhooks', [create({ url, events: ['a.b'] })], options);
  expect(body.data).toMatchObject([{ status: 201 }]);
  const operations = [create({ name: 'More' }), { action: 'delete', id: workspace }];
  const lacking = { key, ...idempotent() };
  const first = await batch('/workspaces', operations, lacking);
  expect(first.body.data).toMatchObject([{ status: 403 }, { status: 403 }]);
  const again = await batch('/workspaces', operations, lacking);
  expect(again.headers.get('idempotent-replayed')).toBeNull();
});

describe('with endpoints that fail', () => {
  const kinds = {
    full: () => new DomainError('feature_limit_reached', 'Too many.'),
    away: () => new LogUnavailable('the log is away', 'not_written'),
    broken: () => new Error('a secret of ours'),
  };
  /** A resource whose creations end as their `kind` says; each takes `seconds` of the clock. */
  const things = async (seconds = 0) => {
    let time = 0;
    const done: string[] = [];
    const told: string[] = [];
    const create1 = testRoute(
      '/things',
      async ({ body, command }) => {
        time += seconds * 1_000;
        const { kind } = body as { kind: keyof typeof kinds | 'good' };
        if (kind !== 'good') throw kinds[kind]();
        done.push(command.commandId);
        return { status: 201, body: { data: { kind } } };
      },
      { body: z.looseObject({ kind: z.string() }) },
    );
    const single = (method: 'PATCH' | 'DELETE') =>
      testRoute('/things/:id', async () => ({ status: 204 }), { method });
    const routes = [create1, single('PATCH'), { ...single('DELETE'), doc: { ...create1.doc, id: 'del' } }];
    const frame = await startFrame(
      app,
      batchRoutes([{ path: '/things', words: { id: 'Things', things: 'things' } }], {
        routes,
        batches: app.app.commands.batches,
        readModels: app.app.stores.readModels,
        draft: () => ({
          routes,
          readModels: app.app.stores.readModels,
          staged: () => [],
          follow: async () => undefined,
        }),
        keepTurns: () => keptTurns(turns(), async () => undefined),
        waitFor: async () => undefined,
        clock: () => time,
        failed: (error) => told.push(String(error)),
      }),
    );
    const send = (asked: string[], more: object = {}, headers: Record<string, string> = {}) =>
      ask(frame, app.key, '/things/batch', {
        headers,
        body: { operations: asked.map((kind) => create({ kind })), ...more },
      });
    return { send, frame, told, takeDone: () => done.splice(0) };
  };

  test('says what failed, tells our own log of our faults, and shows nothing of them', async () => {
    const { send, frame, told } = await things();
    const { status, body, text } = await send(['good', 'broken', 'away', 'full']);
    expect([status, body.meta.failed]).toEqual([200, 3]);
    expect(body.data).toMatchObject([
      { status: 201 },
      { status: 500, error: 'server_error', request_id: expect.stringMatching(/^req_/) },
      { status: 503, error: 'unavailable' },
      { status: 403, error: 'feature_limit_reached', upgrade_url: 'https://example.com/upgrade' },
    ]);
    expect(text).not.toContain('secret');
    expect(told.some((line) => line.includes('a secret of ours'))).toBe(true);
    await frame.stop();
  });

  test('is unavailable as a whole where nothing could be done', async () => {
    const { send, frame } = await things();
    expect((await send(['away', 'away'])).status).toBe(503);
    expect((await send(['broken'])).status).toBe(500);
    for (const kind of ['away', 'broken'])
      expect((await send(['good', 'full', kind], { atomic: true })).status).toBe(kind === 'away' ? 503 : 500);
    await frame.stop();
  });

  test('goes on with a retry where it had failed', async () => {
    const { send, frame, takeDone } = await things();
    const key = { 'Idempotency-Key': randomUUID() };
    expect((await send(['good', 'away'], {}, key)).body.data).toMatchObject([
      { status: 201 },
      { status: 503 },
    ]);
    const [first] = takeDone();
    const again = await send(['good', 'away'], {}, key);
    expect(again.headers.get('idempotent-replayed')).toBeNull();
    // The same identity, by which a real endpoint finds what it has done.
    expect(takeDone()).toEqual([first]);
    await frame.stop();
  });

  test('begins no operation after half a minute', async () => {
    const { send, frame, takeDone } = await things(16);
    const { status, body } = await send(['good', 'good', 'good', 'good']);
    expect([status, body.meta]).toEqual([200, { total: 4, succeeded: 2, failed: 2 }]);
    expect(body.data.slice(2)).toMatchObject([{ status: 503 }, { status: 503 }]);
    expect(takeDone()).toHaveLength(2);
    expect((await send(['good', 'good', 'good'], { atomic: true })).status).toBe(503);
    await frame.stop();
  });
});
