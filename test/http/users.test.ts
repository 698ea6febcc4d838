// Endpoints of users, by status, in both dialects; acceptance examples by their numbers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkspaceRow } from '../../src/projections/workspaces.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { until } from '../support/delivering.js';
import { eventsIn } from '../support/embedded-log.js';
import { startReceiver } from '../support/receiver.js';
import { type Colleague, newColleague, newTenant, type Tenant } from '../support/tenants.js';
import { createWebhook, legacy } from '../support/webhooks.js';

let app: TestApp;
let tenant: Tenant;
let admin: Colleague;
let plain: Colleague;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
  tenant = await newTenant(app);
  admin = await newColleague(app, tenant.workspace, 'admin');
  plain = await newColleague(app, tenant.workspace, 'member');
});
afterAll(() => app.stop());

const TS = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const call = (method: string, path: string, key: string, body?: object, headers = {}) =>
  app.call(method, path, { key, headers, ...(body === undefined ? {} : { body }) });
const change = (id: number, key: string, body: object, headers = {}) =>
  call('PATCH', `/users/${id}`, key, body, headers);

describe('GET /user', () => {
  test.each(['2026', '2024'])('E50: the user of the key, with any scope, in dialect %s', async (dialect) => {
    const { status, body } = await call('GET', '/user', plain.key, undefined, { 'X-API-Dialect': dialect });
    expect([status, body]).toEqual([
      200,
      {
        data: {
          id: plain.id,
          name: null,
          email: plain.email,
          tier: 'free',
          email_verified_at: null,
          created_at: TS,
        },
      },
    ]);
    const { key } = await newColleague(app, tenant.workspace, 'member', []);
    expect((await call('GET', '/user?fields=id', key)).status).toBe(200);
    expect((await call('GET', '/users', key)).status).toBe(403);
  });
});

describe('GET /users', () => {
  test('the members of the context workspace, and nobody else', async () => {
    const { body } = await call('GET', '/users', tenant.key, undefined, legacy);
    expect(body.data.map(({ email }: { email: string }) => email)).toEqual(
      expect.arrayContaining([admin.email, plain.email]),
    );
    expect(Object.keys(body.data[0])).toEqual([
      'id',
      'name',
      'email',
      'tier',
      'email_verified_at',
      'created_at',
    ]);
    const stranger = await newTenant(app);
    const theirs = (await call('GET', '/users', stranger.key)).body;
    expect(theirs.meta.total).toBe(1);
    const own = (await call('POST', '/workspaces', plain.key, { name: 'Own' })).body.data.id;
    const inOwn = await call('GET', '/users', plain.key, undefined, { 'X-Workspace-ID': String(own) });
    expect(inOwn.body.data).toEqual([expect.objectContaining({ id: plain.id })]);
  });

  test('searches and sorts by what is sealed; filters by dates; refuses what it does not know', async () => {
    const list = async (query: string) => (await call('GET', `/users?${query}`, tenant.key)).body;
    const found = async (query: string) => (await list(query)).data.map(({ id }: { id: number }) => id);
    expect(await found(`search=${admin.email.toUpperCase()}`)).toEqual([admin.id]);
    expect(await found('search=nobody-has-this')).toEqual([]);
    expect((await found('sort=-email')).at(-1)).toBe(admin.id);
    expect((await list('created_before=2000-01-01')).meta.total).toBe(0);
    expect((await list('search=example.com&created_after=2000-01-01&per_page=1&page=2')).meta).toMatchObject({
      current_page: 2,
      per_page: 1,
    });
    for (const query of [
      'sort=role',
      'status=active',
      'include=keys',
      'fields=emailHash',
      'search=a&search=b',
    ])
      expect((await call('GET', `/users?${query}`, tenant.key)).status).toBe(422);
  });

  test('422 for a search in a workspace with more members than are opened for one answer', async () => {
    const { readModels } = app.app.stores;
    const where = [{ field: 'number', op: 'eq', value: tenant.workspace } as const];
    const [row] = await readModels.find<WorkspaceRow>('workspaces', { where });
    if (!row) throw new Error('no row');
    const crowd = Array.from({ length: 1001 }, (_, n) => `somebody-${n}`);
    const at = { log: app.app.stores.log.id, version: 1, position: 1e9 };
    const memberIds = [...row.memberIds, ...crowd];
    await readModels.apply('workspaces', [{ ...row, memberIds, position: row.position + 0.5 } as never], at);
    const answer = await call('GET', '/users?search=a', tenant.key);
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['search']]);
    expect((await call('GET', '/users', tenant.key)).status).toBe(200);
    await readModels.apply('workspaces', [{ ...row, position: row.position + 0.6 } as never], at);
  });
});

describe('GET /users/{id}', () => {
  test('oneself and members of the context workspace; anybody else is like nobody', async () => {
    expect((await call('GET', `/users/${plain.id}`, admin.key)).body.data.email).toBe(plain.email);
    const stranger = await newTenant(app);
    const self = (await call('GET', '/user', stranger.key)).body.data;
    expect((await call('GET', `/users/${self.id}`, stranger.key)).body.data).toEqual(self);
    for (const id of [self.id, 999999, 'nonsense', '__proto__'])
      for (const method of ['GET', 'PATCH', 'DELETE'])
        expect((await call(method, `/users/${id}`, admin.key)).text).toBe(
          '{"error":"not_found","message":"Resource not found."}',
        );
  });
});

describe('PATCH /users/{id}', () => {
  test('200: name and address change; nothing of them is in the log in clear', async () => {
    const { key, id } = await newColleague(app, tenant.workspace, 'member');
    const body = { name: 'Jane Lovelace', email: 'Jane.Lovelace@Example.org' };
    let changed: Awaited<ReturnType<typeof change>> | undefined;
    const events = await app.appended(async () => {
      changed = await change(id, key, body);
    });
    expect([changed?.status, changed?.body.message]).toEqual([200, 'User updated successfully.']);
    expect(changed?.body.data).toMatchObject({ id, ...body, email_verified_at: null });
    expect((await call('GET', '/user', key)).body.data).toEqual(changed?.body.data);
    expect(JSON.stringify(events).toLowerCase()).not.toMatch(/lovelace|example\.org/);
    const update = events.find(({ type }) => type === 'UserUpdated');
    expect(update?.metadata.audience).toHaveLength(1);
    const none = await app.appended(() => change(id, key, body));
    expect(none.filter(({ type }) => type === 'UserUpdated')).toEqual([]);
    expect((await change(id, key, { name: null })).body.data.name).toBeNull();
  });

  test('E50 (2024): 422 for a malformed e-mail, with its sentence', async () => {
    const { status, body } = await change(plain.id, plain.key, { email: 'not-an-address' }, legacy);
    expect([status, body.error.code, body.error.details]).toEqual([
      422,
      'VALIDATION_ERROR',
      { email: ['The email must be a valid email address.'] },
    ]);
  });

  test.each([
    [{ email: null }, 'email', 'The email field may not be null.'],
    [{ email: 'two@example.com, three@example.com' }, 'email', 'The email must be a valid email address.'],
    [{ email: 'nul\u0000@example.com' }, 'email', 'The email may not contain NUL.'],
    [{ name: '' }, 'name', 'The name field is required.'],
    [{ name: 'x'.repeat(256) }, 'name', 'The name may not be greater than 255 characters.'],
    [{ tier: 'enterprise' }, 'tier', 'The tier field is not known.'],
    [{ email_verified_at: '2026-01-01' }, 'email_verified_at', 'The email_verified_at field is not known.'],
  ])('422 for %j', async (body, field, sentence) => {
    const answer = await change(plain.id, plain.key, body);
    expect([answer.status, answer.body.errors]).toEqual([422, { [field]: [sentence] }]);
  });

  test('an address belongs to one user at a time, whatever its case, and is free once it is given up', async () => {
    const one = await newColleague(app, tenant.workspace, 'member');
    const two = await newColleague(app, tenant.workspace, 'member');
    const taken = await change(two.id, two.key, { email: one.email.toUpperCase() });
    expect([taken.status, taken.body.errors]).toEqual([
      422,
      { email: ['The email has already been taken.'] },
    ]);
    expect((await change(one.id, one.key, { email: one.email.toUpperCase() })).status).toBe(200);
    expect((await change(one.id, one.key, { email: 'moved@example.com' })).status).toBe(200);
    expect((await change(two.id, two.key, { email: one.email })).status).toBe(200);
    const race = await Promise.all(
      [one, two].map(({ id, key }) => change(id, key, { email: 'raced@example.com' })),
    );
    expect(race.map(({ status }) => status).toSorted()).toEqual([200, 422]);
  });

  test('oneself, and whoever one stands beside or above in every workspace of theirs', async () => {
    expect((await change(plain.id, admin.key, { name: 'By an admin' })).status).toBe(403);
    const lone = await newColleague(app, tenant.workspace, 'member');
    expect((await change(lone.id, admin.key, { name: 'By an admin' })).status).toBe(200);
    expect((await change(lone.id, plain.key, { name: 'By a member' })).body.error).toBe('access_denied');
    const owner = (await call('GET', '/user', tenant.key)).body.data.id;
    expect((await change(owner, admin.key, { name: 'By an admin' })).status).toBe(403);
  });

  test('412 when it has changed since; a retry gives the same answer though it has changed since', async () => {
    const { key, id } = await newColleague(app, tenant.workspace, 'member');
    const etag = (await call('GET', `/users/${id}`, key)).headers.get('etag') ?? '';
    const headers = { 'If-Match': etag, 'Idempotency-Key': 'once' };
    const first = await change(id, key, { name: 'One', email: 'one@example.org' }, headers);
    expect(first.status).toBe(200);
    expect((await change(id, key, { name: 'Two' }, { 'If-Match': etag })).status).toBe(412);
    expect((await change(id, key, { name: 'Two' })).status).toBe(200);
    const again = await change(id, key, { name: 'One', email: 'one@example.org' }, headers);
    expect([again.status, again.text]).toEqual([200, first.text]);
  });
});

test('user.updated tells the workspaces of the user, and is made anew for each attempt', async () => {
  const other = await newTenant(app);
  const { key, id } = await newColleague(app, other.workspace, 'member');
  const own = (await call('POST', '/workspaces', key, { name: 'Own' })).body.data.id;
  const receiver = await startReceiver(({ body }) => ({ status: 200, body }));
  const bystander = await startReceiver();
  const headers = { 'X-Workspace-ID': String(own) };
  try {
    const events = ['user.*'];
    const hook = { url: receiver.url, events };
    await call('POST', '/webhooks', other.key, hook);
    await call('POST', '/webhooks', key, hook, headers);
    await createWebhook(app, { url: bystander.url, events });
    const before = await app.app.stores.log.head();
    await change(id, key, { name: 'Grace Hopper', email: 'grace@example.org' });
    await receiver.waitFor(2);
    const since = async () => {
      const all = await eventsIn(app.app.stores.log);
      return all.filter(({ position }) => position > before);
    };
    const log = await until(async () => {
      const events = await since();
      return events.filter(({ type }) => type === 'DeliveryAttempted').length === 2 ? events : undefined;
    });
    const told = receiver.requests.map(({ body }) => JSON.parse(body));
    for (const { type, workspace_id, data } of told)
      expect([type, workspace_id, data]).toEqual([
        'user.updated',
        null,
        {
          id,
          name: 'Grace Hopper',
          email: 'grace@example.org',
          tier: 'free',
          email_verified_at: null,
          created_at: TS,
        },
      ]);
    // The receiver has sent back what it got: nothing of that is kept.
    expect(JSON.stringify(log)).not.toMatch(/Hopper|grace@/);
    expect(bystander.requests).toEqual([]);
  } finally {
    await Promise.all([receiver.stop(), bystander.stop()]);
  }
});
