// Batches of which all operations are done or none.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialects } from '../../src/dialects/dialect.js';
import { sharedServers } from '../servers/shared.js';
import { byCallers, type Called, type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { ask, losing, startFrame } from '../support/frame.js';
import { startReceiver } from '../support/receiver.js';
import { newTenant, scopedKey } from '../support/tenants.js';

const url = 'http://127.0.0.1:9/hook';
type Resource = {
  readonly path: string;
  /** Where one is created alone, and the scopes for creating and deleting one; where they are not the usual. */
  readonly at?: string;
  readonly scopes?: readonly [write: string, remove: string];
  readonly create: () => object;
  readonly update: object;
  readonly wrong: object;
  readonly field: string;
};
const resources: readonly Resource[] = [
  {
    path: '/workspaces',
    create: () => ({ name: 'Batch' }),
    update: { name: 'Renamed' },
    wrong: { name: '' },
    field: 'name',
  },
  {
    path: '/api-keys',
    create: () => ({ name: 'Batch' }),
    update: { name: 'Renamed' },
    wrong: {},
    field: 'name',
  },
  {
    path: '/users',
    at: '/workspaces/1/members',
    scopes: ['workspaces:write', 'users:delete'],
    create: () => ({ email: `${randomUUID()}@example.com` }),
    update: { name: 'Renamed' },
    wrong: {},
    field: 'email',
  },
  {
    path: '/namespaces',
    create: () => ({ name: 'Batch' }),
    update: { name: 'Renamed', is_default: true },
    wrong: { name: '' },
    field: 'name',
  },
  {
    path: '/webhooks',
    create: () => ({ url, events: ['post.created'] }),
    update: { events: ['post.*'] },
    wrong: { url, events: [] },
    field: 'events',
  },
];

const things: Readonly<Record<string, string>> = { '/workspaces': 'Workspace' };

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '500' });
});
afterAll(() => app.stop());

const written = async (work: () => Promise<unknown>) => byCallers(await app.appended(work));

type Item = { status: number; data: { id: number; slug: string } };
const atomic = (path: string, operations: unknown, options: CallOptions = {}) =>
  app.call('POST', `${path}/batch`, { ...options, body: { operations, atomic: true } });
const create = (data: unknown) => ({ action: 'create', data });
const update = (id: unknown, data: unknown) => ({ action: 'update', id, data });
const remove = (id: unknown) => ({ action: 'delete', id });
const statuses = ({ body }: Called) => body.data.map(({ status }: Item) => status);
const make = async (path: string, body: object, key?: string): Promise<number> =>
  (await app.call('POST', path, { body, ...(key === undefined ? {} : { key }) })).body.data.id;
/** What a refused batch may leave behind: integer ids that nobody gets. */
const onlyNumbers = (events: readonly { type: string }[]) =>
  expect(events.map(({ type }) => type).filter((type) => type !== 'NumberTaken')).toEqual([]);

const usual = (path: string) => [`${path.slice(1)}:write`, `${path.slice(1)}:delete`] as const;

describe.each(dialects)('in the dialect %s', (dialect) => {
  const headers = { 'X-API-Dialect': dialect };

  describe.each(resources)(
    'POST $path/batch',
    ({ path, create: body, update: change, wrong, field, at = path, scopes = usual(path) }) => {
      test('does all of the operations, and answers as without "atomic"', async () => {
        const [id, gone, other, last] = [
          await make(at, body()),
          await make(at, body()),
          await make(at, body()),
          await make(at, body()),
        ];
        const operations = [create(body()), update(id, change), remove(gone)];
        const done = await atomic(path, operations, { headers });
        expect(done.status).toBe(200);
        expect(done.body.meta).toEqual({ total: 3, succeeded: 3, failed: 0 });
        expect(statuses(done)).toEqual([201, 200, 204]);
        const shown = await app.call('GET', `${path}/${id}`, { headers });
        // A read may show more: what was looked up elsewhere.
        expect(shown.body.data).toMatchObject(done.body.data[1].data);
        const plain = await app.call('POST', `${path}/batch`, {
          headers,
          body: { operations: [create(body()), update(other, change), remove(last)] },
        });
        const shape = (value: unknown): unknown =>
          typeof value === 'object' && value !== null && !Array.isArray(value)
            ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]))
            : typeof value;
        expect(done.body.data.map(shape)).toEqual(plain.body.data.map(shape));
        expect((await app.call('GET', `${path}/${done.body.data[0].data.id}`, { headers })).status).toBe(200);
        expect((await app.call('GET', `${path}/${gone}`, { headers })).status).toBe(404);
      });

      test('does none when one fails, and gives every reason', async () => {
        const id = await make(at, body());
        const operations = [create(body()), update(id, change), create(wrong), remove(999_999)];
        let refused: Called | undefined;
        const events = await written(async () => {
          refused = await atomic(path, operations, { headers });
        });
        onlyNumbers(events);
        const missing = `${things[path] ?? 'Resource'} not found.`;
        const faults = {
          [`operations.2.data.${field}`]: [`The ${field} field is required.`],
          'operations.3': [missing],
        };
        const failed = [
          { index: 2, action: 'create', status: 422 },
          { index: 3, action: 'delete', status: 404 },
        ];
        expect(refused?.status).toBe(422);
        expect(refused?.body).toMatchObject(
          dialect === '2026'
            ? {
                error: 'validation_failed',
                message: 'The given data was invalid.',
                errors: faults,
                operations: [
                  { ...failed[0], error: 'validation_failed' },
                  { ...failed[1], error: 'not_found', message: missing },
                ],
              }
            : {
                error: {
                  code: 'VALIDATION_ERROR',
                  message: 'Validation failed',
                  details: faults,
                  operations: [
                    { ...failed[0], error: { code: 'VALIDATION_ERROR' } },
                    { ...failed[1], error: { code: 'RESOURCE_NOT_FOUND' } },
                  ],
                },
              },
        );
      });

      test('does none for a key that lacks the scope of one', async () => {
        const id = await make(at, body());
        const key = await scopedKey(app, [scopes[0]]);
        const options = { headers: { ...headers, 'Idempotency-Key': randomUUID() }, key };
        const events = await written(async () => {
          const refused = await atomic(path, [remove(id)], options);
          const said = `Insufficient permissions. Required scope: ${scopes[1]}`;
          expect(refused.status).toBe(422);
          expect(dialect === '2026' ? refused.body.errors : refused.body.error.details).toEqual({
            'operations.0': [said],
          });
          // The key may be given the scope: then the same request is another one.
          const again = await atomic(path, [remove(id)], options);
          expect(again.headers.get('idempotent-replayed')).toBeNull();
        });
        onlyNumbers(events);
      });

      test('gives the same answer, secrets included, to the same Idempotency-Key', async () => {
        const id = await make(at, body());
        const options = { headers: { ...headers, 'Idempotency-Key': randomUUID() } };
        const operations = [create(body()), remove(id)];
        const first = await atomic(path, operations, options);
        await app.waitForAll();
        const events = await written(async () => {
          const again = await atomic(path, operations, options);
          // What shows persons is not kept, but made again.
          const replayed = path === '/users' ? null : 'true';
          expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([
            200,
            first.text,
            replayed,
          ]);
        });
        expect(events).toEqual([]);
      });

      test('renders the answer again where the first one was lost', async () => {
        const [id, gone] = [await make(at, body()), await make(at, body())];
        const batchRoute = app.app.routes.find((route) => route.path === `${path}/batch`);
        if (!batchRoute) throw new Error('no such route');
        let first = '';
        const frame = await startFrame(app, [
          losing(batchRoute, ({ body: answered }) => {
            first = JSON.stringify(answered);
          }),
        ]);
        const body1 = { operations: [create(body()), update(id, change), remove(gone)], atomic: true };
        const more = { headers: { ...headers, 'Idempotency-Key': randomUUID() }, body: body1 };
        expect((await ask(frame, app.key, `${path}/batch`, more)).status).toBe(500);
        await frame.stop();
        await app.waitForAll();
        const events = await written(async () => {
          const again = await app.call('POST', `${path}/batch`, more);
          expect([again.status, again.text]).toEqual([200, first]);
        });
        expect(events).toEqual([]);
      });
    },
  );
});

test('a retry of what was accepted is no refusal, even where an operation that changed nothing now would fail', async () => {
  const [one, two] = [await make('/workspaces', { name: 'One' }), await make('/workspaces', { name: 'Two' })];
  const batchRoute = app.app.routes.find((route) => route.path === '/workspaces/batch');
  if (!batchRoute) throw new Error('no such route');
  const frame = await startFrame(app, [losing(batchRoute, () => undefined)]);
  const operations = [update(one, { name: 'Changed' }), update(two, { name: 'Two' })];
  const sent = { headers: { 'Idempotency-Key': randomUUID() }, body: { operations, atomic: true } };
  expect((await ask(frame, app.key, '/workspaces/batch', sent)).status).toBe(500);
  await frame.stop();
  await app.call('DELETE', `/workspaces/${two}`);
  const again = await app.call('POST', '/workspaces/batch', sent);
  expect([again.status, again.body.meta]).toEqual([200, { total: 2, succeeded: 1, failed: 1 }]);
  expect(again.body.data).toMatchObject([{ status: 200, data: { name: 'Changed' } }, { status: 404 }]);
});

describe('names', () => {
  const slugOf = async (id: number) => (await app.call('GET', `/workspaces/${id}`)).body.data.slug;

  test('that two operations want are refused', async () => {
    const twice = [
      create({ name: 'One', slug: 'atomic-twice' }),
      create({ name: 'Two', slug: 'atomic-twice' }),
    ];
    onlyNumbers(
      await written(async () => {
        const { status, body } = await atomic('/workspaces', twice);
        expect([status, body.errors]).toEqual([
          422,
          { 'operations.1.data.slug': ['The slug has already been taken.'] },
        ]);
      }),
    );
    // Nothing holds the name.
    expect(statuses(await atomic('/workspaces', twice.slice(0, 1)))).toEqual([201]);
  });

  test('that are not asked for are made to differ', async () => {
    const { body } = await atomic('/workspaces', [create({ name: 'Alike' }), create({ name: 'Alike' })]);
    const [one, two] = body.data.map(({ data }: Item) => data.slug);
    expect(one).toBe('alike');
    expect(two).toMatch(/^alike-/);
  });

  test('pass from one record to another, and can be exchanged on the way', async () => {
    const [one, two] = [
      await make('/workspaces', { name: 'One', slug: 'atomic-one' }),
      await make('/workspaces', { name: 'Two', slug: 'atomic-two' }),
    ];
    const swapped = await atomic('/workspaces', [
      update(one, { slug: 'atomic-aside' }),
      update(two, { slug: 'atomic-one' }),
      update(one, { slug: 'atomic-two' }),
      create({ name: 'Three', slug: 'atomic-aside' }),
      remove(two),
      create({ name: 'Four', slug: 'atomic-one' }),
    ]);
    expect(statuses(swapped)).toEqual([200, 200, 200, 201, 204, 201]);
    expect(await slugOf(one)).toBe('atomic-two');
    const { body } = await app.call('POST', '/workspaces', { body: { name: 'x', slug: 'atomic-one' } });
    expect(body.errors).toEqual({ slug: ['The slug has already been taken.'] });
  });

  test('are given to one of those who want them at once, whole batches', async () => {
    const batches = Array.from({ length: 6 }, (_, n) =>
      atomic('/workspaces', [
        create({ name: 'Race', slug: `race-own-${n}` }),
        create({ name: 'Race', slug: 'race-shared' }),
      ]),
    );
    const ended = await Promise.all(batches);
    expect(ended.map(({ status }) => status).toSorted()).toEqual([200, 422, 422, 422, 422, 422]);
    const { body } = await app.call('GET', '/workspaces?search=race-&per_page=100');
    expect(body.data.map(({ slug }: { slug: string }) => slug).toSorted()).toEqual([
      expect.stringMatching(/^race-own-\d$/),
      'race-shared',
    ]);
    // What the losers had wanted is free.
    for (let n = 0; n < 6; n++) {
      const single = await app.call('POST', '/workspaces', { body: { name: 'x', slug: `race-own-${n}` } });
      expect([201, 422]).toContain(single.status);
      if (single.status === 422) expect(ended[n]?.status).toBe(200);
    }
  });
});

describe('limits', () => {
  const hook = () => create({ url, events: ['a.b'] });

  test('count the whole batch, and what it gives up', async () => {
    const { key } = await newTenant(app);
    const six = await atomic('/webhooks', Array.from({ length: 6 }, hook), { key });
    expect([six.status, six.body.errors]).toEqual([
      422,
      { 'operations.5': ['You have reached your limit for this feature.'] },
    ]);
    expect(six.body.operations[0]).toMatchObject({ index: 5, status: 403, error: 'feature_limit_reached' });
    const five = await atomic('/webhooks', Array.from({ length: 5 }, hook), { key });
    expect(five.status).toBe(200);
    const id = five.body.data[0].data.id;
    expect((await atomic('/webhooks', [hook(), remove(id)], { key })).status).toBe(422);
    expect((await atomic('/webhooks', [remove(id), hook()], { key })).status).toBe(200);
  });

  test('hold for batches and single creations at once', async () => {
    const { key } = await newTenant(app);
    const body = { url, events: ['a.b'] };
    const asked = Array.from({ length: 12 }, (_, n) =>
      n % 2 === 0
        ? atomic('/webhooks', [hook(), hook()], { key })
        : app.call('POST', '/webhooks', { key, body }),
    );
    const ended = await Promise.all(asked);
    const { body: list } = await app.call('GET', '/webhooks', { key });
    expect(list.meta.total).toBe(5);
    const made = ended.map(({ status }, n) =>
      n % 2 === 0 ? (status === 200 ? 2 : 0) : status === 201 ? 1 : 0,
    );
    expect(made.reduce((sum: number, one) => sum + one, 0)).toBe(5);
  });

  test('leave a user one workspace', async () => {
    const tenant = await newTenant(app);
    const other = await make('/workspaces', { name: 'Other' }, tenant.key);
    const both = await atomic('/workspaces', [remove(other), remove(tenant.workspace)], { key: tenant.key });
    expect(both.body.operations).toMatchObject([{ index: 1, error: 'cannot_delete' }]);
    const racing = await Promise.all(
      [other, tenant.workspace].map((id) => atomic('/workspaces', [remove(id)], { key: tenant.key })),
    );
    expect(racing.map(({ status }) => status).toSorted()).not.toEqual([200, 200]);
  });
});

describe('users', () => {
  const members = '/workspaces/1/members';
  const address = () => `${randomUUID()}@example.com`;
  const opened = async (id: number) => (await app.call('GET', `/users/${id}`)).body.data;

  test('that are invited twice in one batch are one user, in every mode', async () => {
    for (const isAtomic of [true, false]) {
      const email = address();
      const { status, body, text } = await app.call('POST', '/users/batch', {
        body: {
          operations: [create({ email, role: 'admin' }), create({ email, role: 'admin' })],
          atomic: isAtomic,
        },
      });
      expect([status, body.meta?.failed, text]).toEqual([200, 0, text]);
      expect(body.data[0].data.id).toBe(body.data[1].data.id);
      expect(body.data[1].data.role).toBe('admin');
    }
  });

  test('that are invited can be changed by a later operation', async () => {
    const other = await newTenant(app);
    const own = await app.call('GET', '/user', { key: other.key });
    const { id, email } = own.body.data;
    for (const isAtomic of [true, false]) {
      const tenant = await newTenant(app);
      const operations = [create({ email, role: 'member' }), update(id, { name: 'Mine?' })];
      const options = { key: tenant.key, body: { operations, atomic: isAtomic } };
      const { body } = await app.call('POST', '/users/batch', options);
      // Reached, but theirs to change no more than with the single endpoint: they belong to others too.
      const second = isAtomic ? body.operations[0] : body.data[1];
      expect(second).toMatchObject({ index: 1, status: 403 });
    }
  });

  test('exchange their addresses by way of a third', async () => {
    const [one, two] = [address(), address()];
    const [first, second] = [await make(members, { email: one }), await make(members, { email: two })];
    const done = await atomic('/users', [
      update(first, { email: address() }),
      update(second, { email: one }),
      update(first, { email: two }),
    ]);
    expect(statuses(done)).toEqual([200, 200, 200]);
    expect([(await opened(first)).email, (await opened(second)).email]).toEqual([two, one]);
    const taken = await atomic('/users', [update(first, { name: 'x' }), update(first, { email: one })]);
    expect(taken.body.errors).toEqual({ 'operations.1.data.email': ['The email has already been taken.'] });
  });

  test('that are erased can no longer be read, and only when all of it is done', async () => {
    const email = address();
    const id = await make(members, { email, name: 'Jane Doe' });
    const { body } = await app.call('GET', `${members}?per_page=100`);
    expect(body.data.some((one: { id: number }) => one.id === id)).toBe(true);
    const { readModels, vault } = app.app.stores;
    const [row] = await readModels.find('users', { where: [{ field: 'number', op: 'eq', value: id }] });
    const person = row?.id ?? '';
    expect((await atomic('/users', [remove(id), remove(id)])).status).toBe(422);
    expect(await vault.get(person)).toBeDefined();
    expect((await opened(id)).email).toBe(email);
    expect(statuses(await atomic('/users', [update(id, { name: 'Jane' }), remove(id)]))).toEqual([200, 204]);
    expect(await vault.get(person)).toBeUndefined();
    expect((await app.call('GET', `/users/${id}`)).status).toBe(404);
    const after = await app.call('GET', `${members}?per_page=100`);
    expect(after.body.data.some((one: { id: number }) => one.id === id)).toBe(false);
    // The address is free again.
    expect(statuses(await atomic('/users', [create({ email })]))).toEqual([201]);
  });
});

test('records that others change meanwhile are changed by both', async () => {
  const ids = await Promise.all(
    Array.from({ length: 5 }, (_, n) => make('/workspaces', { name: `Both ${n}`, slug: `both-${n}` })),
  );
  const singles = ids.flatMap((id) =>
    Array.from({ length: 4 }, (_, n) =>
      app.call('PATCH', `/workspaces/${id}`, { body: { metadata: { [`single${n}`]: 'x' } } }),
    ),
  );
  const batches = Array.from({ length: 4 }, (_, n) =>
    atomic(
      '/workspaces',
      ids.map((id) => update(id, { metadata: { [`batch${n}`]: 'x' } })),
    ),
  );
  const ended = await Promise.all([...singles, ...batches]);
  expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 200));
  for (const id of ids) {
    const { body } = await app.call('GET', `/workspaces/${id}?fields=metadata`);
    expect(Object.keys(body.data.metadata)).toHaveLength(8);
  }
});

test('the events are the ordinary ones, caused by the acceptance, and are delivered', async () => {
  const receiver = await startReceiver();
  const id = await make('/webhooks', { url: receiver.url, events: ['workspace.*'] });
  let requestId: string | null = '';
  const events = await written(async () => {
    const done = await atomic('/workspaces', [create({ name: 'Sent' }), create({ name: 'Sent' })]);
    requestId = done.headers.get('x-request-id');
    await receiver.waitFor(2);
  });
  const accepted = events.find(({ type }) => type === 'BatchAccepted');
  const made = events.filter(({ type }) => type === 'WorkspaceCreated');
  expect(made).toHaveLength(2);
  for (const { metadata } of made)
    expect(metadata).toMatchObject({
      requestId,
      correlationId: requestId,
      causationId: accepted?.id,
      actor: accepted?.metadata.actor,
    });
  const names = receiver.requests.map(({ body }) => JSON.parse(body).data.name);
  expect(names).toEqual(['Sent', 'Sent']);
  await app.call('DELETE', `/webhooks/${id}`);
  await receiver.stop();
});

test('what is too large to be accepted together is refused', async () => {
  const metadata = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`key${n}`, '\u20ac'.repeat(169)]),
  );
  const operations = Array.from({ length: 100 }, () => create({ name: 'Large', metadata }));
  const body = JSON.stringify({ operations, atomic: true });
  expect(Buffer.byteLength(body)).toBeLessThan(2 ** 20);
  const events = await written(async () => {
    const answer = await app.call('POST', '/workspaces/batch', { body });
    expect([answer.status, Object.keys(answer.body.errors ?? {})]).toEqual([422, ['operations']]);
  });
  expect(events.filter(({ type }) => type.startsWith('Workspace') || type.startsWith('Batch'))).toEqual([]);
});

test('a batch that changes nothing writes nothing', async () => {
  const id = await make('/workspaces', { name: 'Same' });
  const events = await written(async () => {
    expect(statuses(await atomic('/workspaces', [update(id, { name: 'Same' })]))).toEqual([200]);
  });
  expect(events).toEqual([]);
});

test('"atomic" is true or false', async () => {
  const { status, body } = await app.call('POST', '/workspaces/batch', {
    body: { operations: [create({ name: 'x' })], atomic: 'yes' },
  });
  expect([status, body.errors]).toEqual([422, { atomic: ['The atomic field must be true or false.'] }]);
});

test('a batch comes to what its operations come to one by one, or to nothing', async () => {
  /** Operations on records that are there (0–2) or are not. `s` is a slug within one tenant. */
  const slug = fc.constantFrom('a', 'b', 'c', 'd');
  const operation = fc.oneof(
    fc.record({
      action: fc.constant('create'),
      slug: fc.option(slug, { nil: undefined }),
      name: fc.constantFrom('n', ''),
    }),
    fc.record({ action: fc.constant('update'), target: fc.nat(3), slug }),
    fc.record({ action: fc.constant('delete'), target: fc.nat(3) }),
  );
  type Drawn = { action: string; target?: number; slug?: string | undefined; name?: string };
  let run = 0;
  const world = async (operations: readonly Drawn[], isAtomic: boolean) => {
    run += 1;
    const { key } = await newTenant(app);
    const own = (text: string | undefined) => (text === undefined ? {} : { slug: `${text}-${run}-x` });
    const ids: number[] = [];
    for (const text of ['a', 'b', 'c'])
      ids.push(await make('/workspaces', { name: text, ...own(text) }, key));
    const sent = operations.map(({ action, target = 0, slug: wanted, name }) => ({
      action,
      ...(action === 'create' ? {} : { id: ids[target] ?? 999_999 }),
      ...(action === 'delete' ? {} : { data: { ...(name === undefined ? {} : { name }), ...own(wanted) } }),
    }));
    const answer = await app.call('POST', '/workspaces/batch', {
      key,
      body: { operations: sent, atomic: isAtomic },
    });
    const { body } = await app.call('GET', '/workspaces?per_page=100&fields=name,slug&sort=slug', { key });
    const shown = body.data
      .map(({ name, slug: text }: { name: string; slug: string }) => [name, text.split(/-\d+-x/)[0]])
      .filter(([, text]: string[]) => ['a', 'b', 'c', 'd'].includes(text ?? ''));
    return { answer, shown, total: body.meta.total };
  };
  const untouched = await world([], false);
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 6 }), async (operations) => {
      const single = await world(operations, false);
      const together = await world(operations, true);
      if (single.answer.body.meta.failed === 0) {
        expect(together.answer.status).toBe(200);
        expect(statuses(together.answer)).toEqual(statuses(single.answer));
        expect([together.shown, together.total]).toEqual([single.shown, single.total]);
      } else {
        expect(together.answer.status).toBe(422);
        expect([together.shown, together.total]).toEqual([untouched.shown, untouched.total]);
        // The first reason is the same; what follows may rest on it.
        const first = single.answer.body.data.find(({ status }: Item) => status >= 400);
        expect(together.answer.body.operations[0]).toEqual(first);
      }
    }),
    { numRuns: sharedServers() ? 3 : 15 }, // MongoDB's stand-in scans its documents
  );
});
