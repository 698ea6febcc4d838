// Erasing a person: what can still be read afterwards (nothing), who may, and what ends with them.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { models } from '../../src/app/models.js';
import { systemContext } from '../../src/commands/context.js';
import type { UserRow } from '../../src/projections/users.js';
import { sharedServers } from '../servers/shared.js';
import { onceFree, startTestApp, type TestApp } from '../support/api.js';
import { until } from '../support/delivering.js';
import { eventsIn } from '../support/embedded-log.js';
import { startReceiver } from '../support/receiver.js';
import { type Colleague, newColleague, newTenant, type Tenant } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', TRUST_PROXY: 'true' });
});
afterAll(() => app.stop());

const ADDRESS = '198.51.100.77';
const call = (method: string, path: string, key: string, body?: object, headers = {}) =>
  app.call(method, path, {
    key,
    headers: { 'X-Forwarded-For': ADDRESS, ...headers },
    ...(body === undefined ? {} : { body }),
  });
const rowOf = async (number: number): Promise<UserRow> => {
  const where = [{ field: 'number', op: 'eq', value: number } as const];
  const [row] = await app.app.stores.readModels.find<UserRow>('users', { where });
  if (!row) throw new Error(`no user ${number}`);
  return row;
};
const newPerson = async (of: Tenant, name: string): Promise<Colleague & { email: string }> => {
  const person = await newColleague(app, of.workspace, 'member');
  const email = `${name.toLowerCase()}@somewhere.example`;
  const changed = await call('PATCH', `/users/${person.id}`, person.key, { name: `${name} Doe`, email });
  expect(changed.status).toBe(200);
  return { ...person, email };
};

/** Every text in the files of the data folder. */
const filesOf = async (dir: string): Promise<string> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return (
    await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')))
  ).join('\n');
};
const rowsOf = async () => {
  const all = await Promise.all(
    models.map(async ({ name }) => [
      await app.app.stores.readModels.find(name, { where: [] }),
      await app.app.stores.readModels.find(name, { where: [], deleted: true }),
    ]),
  );
  return JSON.stringify(all);
};

/** What of a person's can be opened in the log, by their own id, anywhere. */
const readable = async (personId: string): Promise<string[]> => {
  const everything = JSON.stringify(await eventsIn(app.app.stores.log));
  const sealed = [...new Set(everything.match(/k1\.[\w-]{30,}/g))];
  expect(sealed.length).toBeGreaterThan(3);
  const opened: string[] = [];
  for (const text of sealed)
    for (const field of ['name', 'email', 'ip']) {
      const plain = await app.app.commands.personal.open(personId, field, text).catch(() => null);
      if (plain !== null) opened.push(plain);
    }
  return opened;
};

/** Nothing of the person is in any file or row, and nothing of what was sealed for them can be opened. */
const expectErased = async (personId: string, name: string): Promise<void> => {
  const hidden = new RegExp(`${name}|${ADDRESS.replaceAll('.', '\\.')}`, 'i');
  expect(await filesOf(app.dir)).not.toMatch(hidden);
  expect(await rowsOf()).not.toMatch(hidden);
  expect(await readable(personId)).toEqual([]);
  expect(await app.app.stores.vault.get(personId)).toBeUndefined();
};

const verify = () =>
  promisify(execFile)(process.execPath, ['dist/cli.js', 'verify'], {
    env: { PATH: process.env['PATH'], DATA_DIR: app.dir },
  });

describe('DELETE /users/{id}', () => {
  test('204: nothing of the person can be read any more, in rows or history; the chain still verifies', async () => {
    const of = await newTenant(app);
    const { id, key, email } = await newPerson(of, 'Ottilie');
    const { id: uuid } = await rowOf(id);
    const before = await readable(uuid);
    expect(before).toEqual(expect.arrayContaining(['Ottilie Doe', email, ADDRESS]));
    const erased = await call('DELETE', `/users/${id}`, key);
    expect([erased.status, erased.text]).toEqual([204, '']);
    await expectErased(uuid, 'ottilie');
    await app.restart();
    await expectErased(uuid, 'ottilie');
    // Servers have no chain of ours.
    if (!sharedServers()) expect((await verify()).stdout).toContain('the chain is unbroken');
  });

  test('they are gone: 404 by id, 401 for their keys, in no list; their address is free', async () => {
    const of = await newTenant(app);
    const { id, key, email } = await newPerson(of, 'Primrose');
    const namespace = await call('POST', '/namespaces', key, { name: 'Mine', owner_type: 'User' });
    expect((await call('DELETE', `/users/${id}`, of.key)).status).toBe(204);
    const revoked = async () => (await call('GET', '/api-keys?status=revoked', of.key)).body.meta.total === 1;
    await until(revoked, 'their key to be revoked');
    expect((await call('GET', `/users/${id}`, of.key)).status).toBe(404);
    expect((await call('DELETE', `/users/${id}`, of.key)).status).toBe(404);
    expect((await call('GET', '/user', key)).status).toBe(401);
    for (const path of ['/users', `/workspaces/${of.workspace}/members`])
      expect((await call('GET', path, of.key)).body.meta.total).toBe(1);
    const { readModels } = app.app.stores;
    const where = [{ field: 'number', op: 'eq', value: namespace.body.data.id } as const];
    await until(async () => (await readModels.find('namespaces', { where })).length === 0);
    const next = await call('POST', `/workspaces/${of.workspace}/members`, of.key, { email });
    expect([next.status, next.body.data.id === id]).toEqual([201, false]);
  });

  test('records that name them show a person of whom nothing is known', async () => {
    const of = await newTenant(app);
    const { id, key } = await newPerson(of, 'Quentin');
    const other = (await call('GET', '/user', of.key)).body.data.id;
    await call('PATCH', `/workspaces/${of.workspace}/members/${id}`, of.key, { role: 'owner' });
    await call('DELETE', `/users/${other}`, of.key);
    const shown = async () => (await call('GET', '/api-keys?status=revoked&include=user', key)).body.data[0];
    const { user } = await until(shown, 'the key of the erased person');
    expect(user).toMatchObject({ id: other, name: null, email: null });
  });

  test('an owner of all their workspaces may; an admin, and an owner of only some, may not', async () => {
    const of = await newTenant(app);
    const admin = await newColleague(app, of.workspace, 'admin');
    const { id, key } = await newPerson(of, 'Rupert');
    const denied = await call('DELETE', `/users/${id}`, admin.key);
    expect([denied.status, denied.body.error]).toEqual([403, 'access_denied']);
    await call('POST', '/workspaces', key, { name: 'Own' });
    expect((await call('DELETE', `/users/${id}`, of.key)).status).toBe(403);
    expect((await call('GET', `/users/${id}`, of.key)).body.data.name).toBe('Rupert Doe');
    const reads = await newColleague(app, of.workspace, 'member', ['users:read', 'users:write']);
    expect((await call('DELETE', `/users/${reads.id}`, reads.key)).body.message).toBe(
      'Insufficient permissions. Required scope: users:delete',
    );
  });

  test('422 for the only owner of a workspace with other members: it names the workspace and what to do', async () => {
    const of = await newTenant(app);
    await newColleague(app, of.workspace, 'admin');
    const { id } = (await call('GET', '/user', of.key)).body.data;
    const refused = await call('DELETE', `/users/${id}`, of.key);
    expect([refused.status, refused.body]).toEqual([
      422,
      {
        error: 'cannot_delete',
        message: `The user is the only owner of workspace ${of.workspace}, which has other members. Make one of them an owner first, or delete the workspace.`,
      },
    ]);
    expect((await call('GET', '/user', of.key)).status).toBe(200);
  });

  test('a workspace that nobody else belongs to ends with its last member', async () => {
    const of = await newTenant(app);
    const { id } = (await call('GET', '/user', of.key)).body.data;
    const events = await app.appended(async () => {
      expect((await call('DELETE', `/users/${id}`, of.key)).status).toBe(204);
    });
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['UserErased', 'WorkspaceDeleted']),
    );
    expect((await call('GET', '/user', of.key)).status).toBe(401);
  });

  test('their own key may repeat it after a lost answer, and do nothing else', async () => {
    const of = await newTenant(app);
    const { id, key } = await newPerson(of, 'Sigrid');
    const erase = (path = `/users/${id}`, name = 'erase-me') =>
      call('DELETE', path, key, undefined, { 'Idempotency-Key': name });
    app.app.stores.idempotency.finish = () => Promise.reject(new Error('stopped'));
    expect((await erase()).status).toBe(204);
    await app.restart();
    const again = await app.appended(async () => {
      expect((await onceFree(() => erase())).status).toBe(204);
      expect((await erase()).headers.get('idempotent-replayed')).toBe('true');
    });
    expect(again).toEqual([]);
    expect((await erase('/users/1')).status).toBe(401);
    expect((await erase(`/users/${id}`, 'another')).status).toBe(401);
  });

  test('tells the endpoints of their workspaces, with nothing of the person in it', async () => {
    const of = await newTenant(app);
    const { id } = await newPerson(of, 'Thaddeus');
    const receiver = await startReceiver();
    try {
      await call('POST', '/webhooks', of.key, { url: receiver.url, events: ['user.deleted'] });
      await call('DELETE', `/users/${id}`, of.key);
      const [told] = await receiver.waitFor(1);
      expect(JSON.parse(told?.body ?? '')).toMatchObject({
        type: 'user.deleted',
        data: { id, name: null, email: null },
      });
    } finally {
      await receiver.stop();
    }
  });

  test('what was not yet sent about them is sent without their name', async () => {
    const of = await newTenant(app);
    const { id, key } = await newPerson(of, 'Ursula');
    let answer = 500;
    const receiver = await startReceiver(() => ({ status: answer }));
    try {
      const hook = { url: receiver.url, events: ['user.updated'], retry_schedule: [0, 1] };
      await call('POST', '/webhooks', of.key, hook);
      await call('PATCH', `/users/${id}`, key, { name: 'Ursula Roe' });
      await receiver.waitFor(1);
      answer = 200;
      await call('DELETE', `/users/${id}`, of.key);
      const [first, second] = await receiver.waitFor(2);
      expect([first?.body, second?.body].map((body) => JSON.parse(body ?? '').data.name)).toEqual([
        'Ursula Roe',
        null,
      ]);
    } finally {
      await receiver.stop();
    }
  });
});

test('in a batch of all or nothing the key is destroyed only once the batch is written', async () => {
  const of = await newTenant(app);
  const { id, key } = await newPerson(of, 'Isolde');
  const { id: uuid } = await rowOf(id);
  const batch = (other: object) =>
    call('POST', '/users/batch', of.key, {
      atomic: true,
      operations: [{ action: 'delete', id }, other],
    });
  const refused = await batch({ action: 'delete', id: 999999 });
  expect(refused.status).toBe(422);
  expect(await readable(uuid)).toContain('Isolde Doe');
  expect((await call('GET', '/user', key)).body.data.name).toBe('Isolde Doe');
  const done = await batch({ action: 'create', data: { email: 'next@somewhere.example' } });
  expect([done.status, done.body.meta.succeeded]).toEqual([200, 2]);
  await until(async () => (await app.app.stores.vault.get(uuid)) === undefined, 'the key to be destroyed');
  await expectErased(uuid, 'isolde');
  expect((await call('GET', '/user', key)).status).toBe(401);
});

test('what is kept of answers for retries ends with the person too', async () => {
  const of = await newTenant(app);
  const { id, key } = await newColleague(app, of.workspace, 'member');
  const path = `/workspaces/${of.workspace}/members`;
  const once = { 'Idempotency-Key': 'kept' };
  const rename = () => call('PATCH', `/users/${id}`, key, { name: 'Zenobia Doe' }, once);
  const promote = () => call('PATCH', `${path}/${id}`, of.key, { role: 'admin' }, once);
  const first = [await rename(), await promote()];
  expect(first.map(({ text }) => text.includes('Zenobia Doe'))).toEqual([true, true]);
  const again = [await rename(), await promote()];
  expect(again.map(({ text }) => text)).toEqual(first.map(({ text }) => text));
  expect(again.map(({ headers }) => headers.get('idempotent-replayed'))).toEqual(['true', 'true']);
  await call('DELETE', `/users/${id}`, of.key);
  const gone = await promote();
  expect([gone.status, gone.text]).toEqual([404, '{"error":"not_found","message":"Resource not found."}']);
});

describe('an erasure that was cut short', () => {
  test.each(['right after it was committed', 'after the key was destroyed'])(
    '%s is finished by the next start, before it serves',
    async (when) => {
      const of = await newTenant(app);
      const name = when.includes('committed') ? 'Wilhelmina' : 'Xanthippe';
      const { id, key } = await newPerson(of, name);
      const { id: uuid } = await rowOf(id);
      const { commands, follower } = app.app;
      // As if the process had been killed: nothing that follows from the event is done.
      await follower.stop();
      const asking = { command: systemContext('test'), workspaces: [] };
      await commands.users.erase(uuid, asking);
      if (!when.includes('committed')) await commands.personal.erase(uuid);
      await app.restart();
      await expectErased(uuid, name);
      expect((await call('GET', '/user', key)).status).toBe(401);
      expect((await call('GET', '/users', of.key)).body.meta.total).toBe(1);
      const again = await app.appended(() => app.restart().then(() => app.waitForAll()));
      expect(again.filter(({ stream }) => /^(user|workspace|apiKey)-/.test(stream))).toEqual([]);
    },
  );
});

test('nothing new is sealed for a person who was erased, whatever is still under way', async () => {
  const of = await newTenant(app);
  const { id } = await newPerson(of, 'Yolanda');
  const { id: uuid } = await rowOf(id);
  const { personal, users } = app.app.commands;
  expect(await personal.sealAddress(uuid, ADDRESS)).toMatch(/^k1\./);
  const racing = personal.sealAddress(uuid, '203.0.113.9');
  await call('DELETE', `/users/${id}`, of.key);
  await racing;
  expect(await personal.sealAddress(uuid, ADDRESS)).toBeUndefined();
  expect(await personal.sealAddress(uuid, '203.0.113.10')).toBeUndefined();
  const asking = { command: systemContext('test'), workspaces: [] };
  await expect(users.update(uuid, { name: 'Yolanda' }, asking)).rejects.toMatchObject({ code: 'not_found' });
});
