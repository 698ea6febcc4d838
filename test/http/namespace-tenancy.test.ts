// Who reaches a namespace and who may change it; and what becomes of it when its owner or payer goes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemContext } from '../../src/commands/context.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { type Colleague, newColleague, newTenant, type Tenant } from '../support/tenants.js';
import { legacy } from '../support/webhooks.js';

type Made = { id: number; uuid: string; workspace_id: number | null };
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const call = (method: string, path: string, key: string, body?: object) =>
  app.call(method, path, body === undefined ? { key } : { key, body });
const create = async (key: string, body: object = {}): Promise<Made> => {
  const answer = await call('POST', '/namespaces', key, { name: 'Client', ...body });
  if (answer.status !== 201) throw new Error(`not created: ${answer.status} ${answer.text}`);
  return answer.body.data;
};
const status = async (method: string, id: number, key: string) =>
  (await call(method, `/namespaces/${id}`, key, method === 'PATCH' ? { description: 'x' } : undefined))
    .status;
const newWorkspace = async (key: string): Promise<number> =>
  (await call('POST', '/workspaces', key, { name: 'Another' })).body.data.id;

describe('of two tenants, each', () => {
  let one: Tenant;
  let two: Tenant;
  let member: Colleague;
  beforeAll(async () => {
    one = await newTenant(app);
    two = await newTenant(app);
    member = await newColleague(app, one.workspace, 'member');
  });

  test('lists, reads and changes only its own', async () => {
    const mine = [await create(one.key), await create(one.key, { owner_type: 'User' })];
    const theirs = [await create(two.key), await create(two.key, { owner_type: 'User' })];
    for (const [{ key }, own, foreign] of [
      [one, mine, theirs],
      [two, theirs, mine],
    ] as const) {
      const { body } = await call('GET', '/namespaces?per_page=100', key);
      const ids = body.data.map(({ id }: Made) => id);
      expect(ids).toEqual(expect.arrayContaining(own.map(({ id }) => id)));
      for (const { id } of foreign) {
        expect(ids).not.toContain(id);
        for (const method of ['GET', 'PATCH', 'DELETE']) expect(await status(method, id, key)).toBe(404);
      }
    }
  });

  test('a member reaches and changes what the workspace owns, and nothing of another member’s own', async () => {
    const shared = await create(one.key);
    const personal = await create(one.key, { owner_type: 'User' });
    expect([
      await status('GET', shared.id, member.key),
      await status('PATCH', shared.id, member.key),
    ]).toEqual([200, 200]);
    for (const method of ['GET', 'PATCH', 'DELETE'])
      expect(await status(method, personal.id, member.key)).toBe(404);
  });

  test('whoever only pays for a namespace sees it and may not change it', async () => {
    const personal = await create(member.key, { owner_type: 'User', workspace_id: one.workspace });
    expect(await status('GET', personal.id, one.key)).toBe(200);
    const { body, status: code } = await call('DELETE', `/namespaces/${personal.id}`, one.key);
    expect([code, body]).toEqual([
      403,
      { error: 'access_denied', message: 'Only the owner of a namespace may change it.' },
    ]);
    expect(await status('PATCH', personal.id, member.key)).toBe(200);
  });

  test.each([{}, legacy])(
    'whoever only pays for one may end that, and reaches it no longer (%o)',
    async (headers) => {
      const own = await newTenant(app);
      const plain = await newColleague(app, own.workspace, 'member');
      const paid = await create(member.key, { owner_type: 'User' });
      await app.call('POST', `/workspaces/${own.workspace}/members`, {
        key: own.key,
        body: { email: member.email, role: 'member' },
      });
      const pay = () => call('PATCH', `/namespaces/${paid.id}`, member.key, { workspace_id: own.workspace });
      expect((await pay()).status).toBe(200);
      const end = (key: string, body: object = { workspace_id: null }) =>
        app.call('PATCH', `/namespaces/${paid.id}`, { key, headers, body });

      expect((await end(own.key, { workspace_id: null, name: 'Mine' })).status).toBe(403);
      expect((await end(own.key, { workspace_id: own.workspace })).status).toBe(403);
      expect((await end(plain.key)).status).toBe(403);
      expect((await end(two.key)).status).toBe(404);
      const events = await app.appended(async () => {
        const ended = await end(own.key);
        expect([ended.status, ended.body.data.workspace_id]).toEqual([200, null]);
      });
      const [event] = events.filter(({ type }) => type === 'NamespaceUpdated');
      expect(event?.data).toMatchObject({ changes: { billing: null }, workspaceId: null });
      expect(event?.metadata.audience).toHaveLength(1);
      expect((await end(own.key)).status).toBe(404);
      expect(await status('GET', paid.id, own.key)).toBe(404);
      expect(await status('GET', paid.id, member.key)).toBe(200);
      expect((await pay()).status).toBe(200);
    },
  );

  test('an admin makes one for another member; a plain member does not', async () => {
    const made = await create(one.key, { owner_type: 'User', owner_id: member.id });
    expect([await status('GET', made.id, member.key), await status('GET', made.id, one.key)]).toEqual([
      200, 404,
    ]);
    const { body } = await call('GET', `/workspaces/${one.workspace}?include=owner`, one.key);
    const forOwner = { name: 'x', owner_type: 'User', owner_id: body.data.owner.id };
    expect((await call('POST', '/namespaces', member.key, forOwner)).status).toBe(403);
  });

  test('both the workspace that has paid and the one that pays from now on are told', async () => {
    const [before, after] = [await newWorkspace(one.key), await newWorkspace(one.key)];
    const made = await create(one.key, { workspace_id: before });
    const events = await app.appended(() =>
      call('PATCH', `/namespaces/${made.id}`, one.key, { workspace_id: after }),
    );
    const { readModels } = app.app.stores;
    const uuids = await Promise.all(
      [before, after, one.workspace].map(async (number) => {
        const where = [{ field: 'number', op: 'eq', value: number } as const];
        return (await readModels.find('workspaces', { where }))[0]?.id;
      }),
    );
    const update = events.find(({ type }) => type === 'NamespaceUpdated');
    expect(update?.metadata.audience.toSorted()).toEqual(uuids.toSorted());
  });

  test('a workspace that pays is not shown to those who do not belong to it', async () => {
    const payer = await newWorkspace(one.key);
    const made = await create(one.key, { workspace_id: payer });
    const include = async (key: string) =>
      (await call('GET', `/namespaces/${made.id}?include=owner,workspace`, key)).body.data;
    expect(await include(one.key)).toMatchObject({ workspace: { id: payer }, owner: { id: one.workspace } });
    expect(await include(member.key)).toMatchObject({ workspace: null, owner: { id: one.workspace } });
  });
});

describe('when a workspace is deleted', () => {
  test('its namespaces end with it, also those that another one pays for, and their slugs are free', async () => {
    const { key, workspace: payer } = await newTenant(app);
    const owner = await newWorkspace(key);
    const plain = await create(key, { owner_id: owner });
    const paid = await create(key, { owner_id: owner, workspace_id: payer, slug: 'paid' });
    const events = await app.appended(async () => {
      expect((await call('DELETE', `/workspaces/${owner}`, key)).status).toBe(204);
      await app.waitForAll();
    });
    await app.waitForAll();
    for (const { id } of [plain, paid]) expect(await status('GET', id, key)).toBe(404);
    const ended = events.filter(({ type }) => type === 'NamespaceDeleted');
    expect(ended.map(({ metadata }) => metadata)).toEqual([
      expect.objectContaining({ actor: { system: 'namespaces' }, causationId: expect.any(String) }),
      expect.objectContaining({ actor: { system: 'namespaces' } }),
    ]);
  });

  test('those that it only paid for go on without it', async () => {
    const { key, workspace } = await newTenant(app);
    const payer = await newWorkspace(key);
    const owned = await create(key, { workspace_id: payer });
    const personal = await create(key, { owner_type: 'User', workspace_id: payer });
    await call('DELETE', `/workspaces/${payer}`, key);
    await app.waitForAll();
    await app.waitForAll();
    const payerOf = async ({ id }: Made) =>
      (await call('GET', `/namespaces/${id}`, key)).body.data.workspace_id;
    expect([await payerOf(owned), await payerOf(personal)]).toEqual([workspace, null]);
  });

  test('a restart in between loses nothing of this, and does nothing twice', async () => {
    const { key, workspace: payer } = await newTenant(app);
    const owner = await newWorkspace(key);
    const { id } = await create(key, { owner_id: owner, workspace_id: payer });
    const { workspaces } = app.app.commands;
    const [row] = await app.app.stores.readModels.find<{ id: string; position: number; memberIds: string[] }>(
      'workspaces',
      { where: [{ field: 'number', op: 'eq', value: owner }] },
    );
    // As if the process had been killed right after the deletion: nothing follows the log any more.
    await app.app.follower.stop();
    await workspaces.streams.handle(
      row?.id ?? '',
      { type: 'DeleteWorkspace', by: row?.memberIds[0] ?? '' },
      systemContext('test'),
    );
    const events = await app.appended(async () => {
      await app.restart();
      await app.waitForAll();
    });
    expect(events.filter(({ type }) => type === 'NamespaceDeleted')).toHaveLength(1);
    expect(await status('GET', id, key)).toBe(404);
    const again = await app.appended(() => app.restart().then(() => app.waitForAll()));
    expect(again.filter(({ stream }) => stream.startsWith('namespace-'))).toEqual([]);
  });
});
