// Members of a workspace: who may do what to whom, by status; and what becomes of the keys of those who leave.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plainApiKey } from '../../src/commands/api-keys.js';
import { systemContext } from '../../src/commands/context.js';
import type { WorkspaceCommand } from '../../src/domain/workspaces.js';
import type { WorkspaceRow } from '../../src/projections/workspaces.js';
import { onceFree, startTestApp, type TestApp } from '../support/api.js';
import { until } from '../support/delivering.js';
import { type Colleague, newColleague, newTenant, type Tenant } from '../support/tenants.js';

let app: TestApp;
let tenant: Tenant;
beforeAll(async () => {
  app = await startTestApp();
  tenant = await newTenant(app);
});
afterAll(() => app.stop());

const TS = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const call = (method: string, path: string, key: string, body?: object, headers = {}) =>
  app.call(method, path, { key, headers, ...(body === undefined ? {} : { body }) });
const members = (of: Tenant, path = '') => `/workspaces/${of.workspace}/members${path}`;
let people = 0;
const address = () => {
  people += 1;
  return `member${people}@example.net`;
};
const invite = (of: Tenant, body: object = {}, key = of.key) =>
  call('POST', members(of), key, { email: address(), ...body });
const idOf = async (of: Tenant, role: string): Promise<number> => (await invite(of, { role })).body.data.id;

describe('POST /workspaces/{id}/members', () => {
  test('201 with the member; whoever is unknown becomes a user, whose name nobody else reads in the log', async () => {
    let answer: Awaited<ReturnType<typeof app.call>> | undefined;
    const events = await app.appended(async () => {
      answer = await invite(tenant, { email: 'Ada@Example.net', name: 'Ada Lovelace', role: 'admin' });
    });
    expect([answer?.status, answer?.body]).toEqual([
      201,
      {
        message: 'Member added successfully.',
        data: {
          id: expect.any(Number),
          name: 'Ada Lovelace',
          email: 'Ada@Example.net',
          tier: 'free',
          email_verified_at: null,
          created_at: TS,
          role: 'admin',
          joined_at: TS,
        },
      },
    ]);
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['UserCreated', 'MemberAdded']));
    expect(JSON.stringify(events).toLowerCase()).not.toMatch(/ada@|lovelace|example\.net/);
  });

  test('an invited user is the one who has that address, in any case, with the name that they have', async () => {
    const other = await newTenant(app);
    const first = (await invite(tenant, { email: 'known@example.net', name: 'Known' })).body.data;
    const again = (await invite(other, { email: 'KNOWN@example.net', name: 'Else' })).body.data;
    expect(again).toMatchObject({ id: first.id, name: 'Known', email: 'known@example.net', role: 'member' });
    expect((await invite(tenant, { email: 'known@example.net' })).status).toBe(201);
    const promoted = await invite(tenant, { email: 'known@example.net', role: 'admin' });
    expect([promoted.status, promoted.body.errors]).toEqual([
      422,
      { email: ['The email belongs to a member already, with the role member.'] },
    ]);
  });

  test('201 in the older dialect, without a message', async () => {
    const body = { email: address() };
    const { status, body: said } = await call('POST', members(tenant), tenant.key, body, {
      'X-API-Dialect': '2024',
    });
    expect([status, Object.keys(said), said.data.id]).toEqual([201, ['data'], expect.any(Number)]);
  });

  test.each([
    [{}, 'email', 'The email field is required.'],
    [{ email: '' }, 'email', 'The email field is required.'],
    [{ email: 'nobody' }, 'email', 'The email must be a valid email address.'],
    [{ email: 'a@b' }, 'email', 'The email must be a valid email address.'],
    [{ email: `${'x'.repeat(260)}@example.com` }, 'email', 'The email must be a valid email address.'],
    [{ email: ['a@example.com'] }, 'email', 'The email must be a string.'],
    [{ email: 'a@example.com', role: 'king' }, 'role', /must be one of: owner, admin, member/],
    [{ email: 'a@example.com', role: 'constructor' }, 'role', /must be one of/],
    [{ email: 'a@example.com', name: null }, 'name', 'The name field may not be null.'],
  ])('422 for %j', async (body, field, sentence) => {
    const answer = await call('POST', members(tenant), tenant.key, body);
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, [field]]);
    expect(answer.body.errors[field][0]).toMatch(sentence);
  });

  test('403 for whoever may not, who makes no user either; 404 for a stranger', async () => {
    const plain = await newColleague(app, tenant.workspace, 'member');
    const admin = await newColleague(app, tenant.workspace, 'admin');
    const stranger = await newTenant(app);
    const events = await app.appended(async () => {
      const denied = await invite(tenant, {}, plain.key);
      expect([denied.status, denied.body.error]).toEqual([403, 'access_denied']);
      expect((await invite(tenant, { role: 'owner' }, admin.key)).status).toBe(403);
      expect((await invite(tenant, {}, stranger.key)).text).toBe(
        '{"error":"not_found","message":"Workspace not found."}',
      );
    });
    expect(events.filter(({ type }) => type === 'UserCreated')).toEqual([]);
  });
});

describe('GET /workspaces/{id}/members', () => {
  test('lists who belongs to it, by role, by name and by what they are called; a page at a time', async () => {
    const of = await newTenant(app);
    for (const [name, role] of [
      ['Zoe Älter', 'admin'],
      ['adam Smith', 'member'],
      ['Béa Smith', 'member'],
    ])
      await invite(of, { name, role });
    const list = async (query: string) => (await call('GET', members(of, query), of.key)).body;
    const names = async (query: string) => (await list(query)).data.map((one: { name: string }) => one.name);
    expect(await names('?sort=-id')).toEqual(['Béa Smith', 'adam Smith', 'Zoe Älter', null]);
    expect(await names('?sort=-name')).toEqual(['adam Smith', 'Zoe Älter', 'Béa Smith', null]);
    expect(await names('?search=SMITH')).toEqual(['adam Smith', 'Béa Smith']);
    expect(await names('?search=smith%20example.net%20b%C3%A9')).toEqual(['Béa Smith']);
    expect(await names('?search=.*')).toEqual([]);
    expect(await names('?role=admin')).toEqual(['Zoe Älter']);
    expect(await names('?role=owner&fields=name')).toEqual([null]);
    const second = await list('?sort=role,-joined_at&per_page=2&page=2&fields=role');
    expect(second.data).toEqual([{ role: 'member' }, { role: 'owner' }]);
    expect(second.meta).toMatchObject({ total: 4, current_page: 2, last_page: 2, from: 3, to: 4 });
    expect(second.links.prev).toMatch(/\/members\?sort=role.*page=1$/);
    const { status, body } = await call('GET', members(of, '?role=king'), of.key);
    expect([status, Object.keys(body.errors)]).toEqual([422, ['role']]);
  });
});

describe('PATCH /workspaces/{id}/members/{user_id}', () => {
  test('200 with the new role; what it lets them do follows at once', async () => {
    const colleague = await newColleague(app, tenant.workspace, 'member');
    expect((await invite(tenant, {}, colleague.key)).status).toBe(403);
    const path = members(tenant, `/${colleague.id}`);
    const changed = await call('PATCH', path, tenant.key, { role: 'admin' });
    expect([changed.status, changed.body.message, changed.body.data.role]).toEqual([
      200,
      'Member updated successfully.',
      'admin',
    ]);
    expect((await invite(tenant, {}, colleague.key)).status).toBe(201);
    expect((await call('PATCH', path, tenant.key, { role: 'king' })).status).toBe(422);
    expect((await call('PATCH', path, tenant.key, {})).body.errors).toEqual({
      role: ['The role field is required.'],
    });
  });

  test('422 for the last owner; 403 for a role above one’s own; 404 for whoever is no member', async () => {
    const of = await newTenant(app);
    const admin = await newColleague(app, of.workspace, 'admin');
    const self = (await call('GET', '/user', of.key)).body.data.id;
    const demoted = await call('PATCH', members(of, `/${self}`), of.key, { role: 'member' });
    expect([demoted.status, Object.keys(demoted.body.errors)]).toEqual([422, ['role']]);
    expect((await call('PATCH', members(of, `/${self}`), admin.key, { role: 'member' })).status).toBe(403);
    expect((await call('PATCH', members(of, `/${admin.id}`), admin.key, { role: 'owner' })).status).toBe(403);
    const foreign = await idOf(tenant, 'member');
    for (const id of [foreign, 999999, 'nonsense'])
      expect((await call('PATCH', members(of, `/${id}`), of.key, { role: 'member' })).text).toBe(
        '{"error":"not_found","message":"Resource not found."}',
      );
  });
});

describe('DELETE /workspaces/{id}/members/{user_id}', () => {
  test('204: their key ends at once and for good, also when they come back; another workspace’s stays', async () => {
    const of = await newTenant(app);
    const { key, id, email } = await newColleague(app, of.workspace, 'admin');
    const elsewhere = (await call('POST', '/workspaces', key, { name: 'Own' })).body.data.id;
    const headers = { 'X-Workspace-ID': String(elsewhere) };
    const made = await call('POST', '/api-keys', key, { name: 'Own', scopes: ['*'] }, headers);
    const own = made.body.data.key;
    const works = async (which: string) => (await call('GET', '/user', which)).status;
    expect([await works(key), await works(own)]).toEqual([200, 200]);
    expect((await call('DELETE', members(of, `/${id}`), of.key)).status).toBe(204);
    expect([await works(key), await works(own)]).toEqual([401, 200]);
    await app.waitForAll();
    expect((await invite(of, { email })).body.data.id).toBe(id);
    expect([await works(key), await works(own)]).toEqual([401, 200]);
    const fresh = await call(
      'POST',
      '/api-keys',
      own,
      { name: 'Back', scopes: [] },
      { 'X-Workspace-ID': String(of.workspace) },
    );
    await app.waitForAll();
    expect(await works(fresh.body.data.key)).toBe(200);
    const { body } = await call('GET', '/api-keys?status=revoked', of.key);
    expect(body.data).toHaveLength(1);
  });

  test('a key made after they came back stays, although what ends the others comes late', async () => {
    const of = await newTenant(app);
    const { key, id, email } = await newColleague(app, of.workspace, 'admin');
    const where = [{ field: 'number', op: 'eq', value: of.workspace } as const];
    const [row] = await app.app.stores.readModels.find<WorkspaceRow>('workspaces', { where });
    const by = row?.members.find(({ role }) => role === 'owner')?.userId ?? '';
    const userId = row?.members.find(({ role }) => role === 'admin')?.userId ?? '';
    const workspaceId = row?.id ?? '';
    // As if the process had been killed after the removal, and the next one had been slow to catch up.
    await app.app.follower.stop();
    const { workspaces, apiKeys } = app.app.commands;
    const step = (command: WorkspaceCommand) =>
      workspaces.streams.handle(workspaceId, command, systemContext('test'), { subject: workspaceId });
    await step({ type: 'RemoveMember', userId, by });
    await step({ type: 'AddMember', userId, role: 'member', by });
    const back = await apiKeys.create(
      { ...plainApiKey, name: 'Back', scopes: ['*'] },
      {
        command: systemContext('test'),
        caller: { userId, key: { scopes: ['*'] } },
        workspace: { id: workspaceId, tier: 'free' },
        holds: () => true,
      },
      { unlimited: true },
    );
    await app.restart();
    const works = async (which: string) => (await call('GET', '/user', which)).status;
    await until(async () => (await works(key)) === 401, 'the old key to end');
    expect((await call('GET', '/user', back.key)).body.data).toMatchObject({ id, email });
  });

  test('422 for the last owner, with what to do; 403 for whoever is above; everybody may leave', async () => {
    const of = await newTenant(app);
    const admin = await newColleague(app, of.workspace, 'admin');
    const plain = await newColleague(app, of.workspace, 'member');
    const self = (await call('GET', '/user', of.key)).body.data.id;
    const last = await call('DELETE', members(of, `/${self}`), of.key);
    expect([last.status, last.body.error, last.body.message]).toEqual([
      422,
      'cannot_delete',
      'The last owner of a workspace cannot be removed. Make another member its owner first, or delete the workspace.',
    ]);
    expect((await call('DELETE', members(of, `/${self}`), admin.key)).status).toBe(403);
    expect((await call('DELETE', members(of, `/${admin.id}`), plain.key)).status).toBe(403);
    expect((await call('DELETE', members(of, `/${plain.id}`), plain.key)).status).toBe(204);
    expect((await call('DELETE', members(of, `/${plain.id}`), of.key)).status).toBe(404);
  });

  test('a key that has ended with its membership may repeat just that, and nothing else', async () => {
    const of = await newTenant(app);
    const leaver: Colleague = await newColleague(app, of.workspace, 'member');
    const headers = { 'Idempotency-Key': 'leaving' };
    const leave = (id = leaver.id) => call('DELETE', members(of, `/${id}`), leaver.key, undefined, headers);
    expect((await leave()).status).toBe(204);
    await app.waitForAll();
    const again = await leave();
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([204, 'true']);
    expect((await leave(1)).status).toBe(401);
    expect((await call('DELETE', members(of, `/${leaver.id}`), leaver.key)).status).toBe(401);
    const other = { 'Idempotency-Key': 'other' };
    expect((await call('DELETE', members(of, `/${leaver.id}`), leaver.key, undefined, other)).status).toBe(
      401,
    );
  });

  test('is answered after a crash between the append and the answer, also to a key that has ended', async () => {
    const of = await newTenant(app);
    const leaver = await newColleague(app, of.workspace, 'member');
    const leave = () =>
      call('DELETE', members(of, `/${leaver.id}`), leaver.key, undefined, { 'Idempotency-Key': 'crash' });
    app.app.stores.idempotency.finish = () => Promise.reject(new Error('stopped'));
    expect((await leave()).status).toBe(204);
    await app.restart();
    expect((await onceFree(leave)).status).toBe(204);
  });
});

test('the last owner cannot leave by racing another one', async () => {
  const of = await newTenant(app);
  const second = await newColleague(app, of.workspace, 'owner');
  const self = (await call('GET', '/user', of.key)).body.data.id;
  const statuses = await Promise.all([
    call('DELETE', members(of, `/${self}`), of.key),
    call('DELETE', members(of, `/${second.id}`), second.key),
  ]);
  expect(statuses.map(({ status }) => status).toSorted()).toEqual([204, 422]);
});

test('a workspace is changed by an admin and deleted by an owner only', async () => {
  const of = await newTenant(app);
  const admin = await newColleague(app, of.workspace, 'admin');
  const plain = await newColleague(app, of.workspace, 'member');
  const path = `/workspaces/${of.workspace}`;
  expect((await call('PATCH', path, plain.key, { name: 'x' })).body.error).toBe('access_denied');
  expect((await call('PATCH', path, admin.key, { name: 'x' })).status).toBe(200);
  // Another workspace each, so that it is not their only one.
  for (const { key } of [admin, plain]) await call('POST', '/workspaces', key, { name: 'Own' });
  for (const { key } of [admin, plain])
    expect((await call('DELETE', path, key)).body.error).toBe('access_denied');
});
