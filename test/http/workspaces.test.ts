// Endpoints of workspaces, by status; acceptance examples by their numbers.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { systemContext } from '../../src/commands/context.js';
import { turns } from '../../src/commands/turns.js';
import type { Exchange } from '../../src/http/route.js';
import { workspaceRoutes } from '../../src/http/workspaces.js';
import { workspaces as projection, type WorkspaceRow } from '../../src/projections/workspaces.js';
import { onceFree, startTestApp, type TestApp } from '../support/api.js';
import { newTenant, scopedKey, type Tenant } from '../support/tenants.js';

let app: TestApp;
let stranger: Tenant;
beforeAll(async () => {
  app = await startTestApp();
  stranger = await newTenant(app);
});
afterAll(() => app.stop());

const TS = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const create = async (body: object = { name: 'Acme Corporation' }) =>
  (await app.call('POST', '/workspaces', { body })).body.data as { id: number; slug: string };

describe('POST /workspaces', () => {
  test('E6: 201 with message and record; one event that both workspaces may see', async () => {
    const body = { name: 'New Workspace', slug: 'new-workspace', tier: 'pro' };
    let answer: Awaited<ReturnType<typeof app.call>> | undefined;
    const events = await app.appended(async () => {
      answer = await app.call('POST', '/workspaces', { body });
    });
    expect(answer?.status).toBe(201);
    expect(answer?.body).toEqual({
      message: 'Workspace created successfully.',
      data: { id: expect.any(Number), ...body, created_at: TS },
    });
    const created = events.find(({ type }) => type === 'WorkspaceCreated');
    expect(created?.data).toMatchObject({ name: 'New Workspace', slug: 'new-workspace', tier: 'pro' });
    expect(created?.metadata).toMatchObject({
      actor: { key: expect.any(String), user: expect.any(String) },
      requestId: answer?.headers.get('x-request-id'),
      audience: [created?.stream.slice('workspace-'.length), expect.any(String)],
    });
    expect(created?.metadata.ip).toMatch(/^k1\./);
    expect(created?.metadata.ip).not.toContain('127.0.0.1');
  });

  test('E7: makes a slug from the name; tier free', async () => {
    const { status, body } = await app.call('POST', '/workspaces', { body: { name: 'Only Name' } });
    expect(status).toBe(201);
    expect(body.data).toMatchObject({ slug: 'only-name', tier: 'free' });
  });

  test('E8: 422 without a name', async () => {
    const { status, body } = await app.call('POST', '/workspaces', { body: {} });
    expect(status).toBe(422);
    expect(body).toEqual({
      error: 'validation_failed',
      message: 'The given data was invalid.',
      errors: { name: ['The name field is required.'] },
    });
  });

  test('E9: 422 for a name of 256 characters, 201 for one of 255, counted as people count', async () => {
    const long = await app.call('POST', '/workspaces', { body: { name: 'x'.repeat(256) } });
    expect(long.status).toBe(422);
    expect(long.body.errors).toEqual({ name: ['The name may not be greater than 255 characters.'] });
    expect((await app.call('POST', '/workspaces', { body: { name: 'x'.repeat(255) } })).status).toBe(201);
    expect((await app.call('POST', '/workspaces', { body: { name: '😀'.repeat(255) } })).status).toBe(201);
    expect((await app.call('POST', '/workspaces', { body: { name: '😀'.repeat(256) } })).status).toBe(422);
  });

  test('keeps unicode as it was sent', async () => {
    for (const name of ['Zürich 東京 🏳️‍🌈', 'e\u0301tude', '  two  spaces  ', '<b>&"quoted"']) {
      const { id } = await create({ name });
      expect((await app.call('GET', `/workspaces/${id}`)).body.data.name).toBe(name);
    }
  });

  test.each([
    [{ name: '' }, 'name', 'The name field is required.'],
    [{ name: ' \t' }, 'name', 'The name field is required.'],
    [{ name: null }, 'name', 'The name field may not be null.'],
    [{ name: 7 }, 'name', 'The name must be a string.'],
    [{ name: 'a\nb' }, 'name', 'The name may not contain control characters.'],
    [{ name: 'a', nmae: 'b' }, 'nmae', 'The nmae field is not known.'],
    [{ name: 'a', tier: 'gold' }, 'tier', /^The selected tier is invalid\. It must be one of: free, /],
    [
      { name: 'a', slug: 'no spaces' },
      'slug',
      /^The slug may only contain letters, numbers and single hyphens/,
    ],
    [{ name: 'a', slug: 'x'.repeat(101) }, 'slug', /at most 100 characters/],
    [{ name: 'a', settings: [] }, 'settings', 'The settings must be an object.'],
    [{ name: 'a', settings: null }, 'settings', 'The settings field may not be null.'],
    [{ name: 'a', tags: 'x' }, 'tags', 'The tags must be an array.'],
    [
      { name: 'a', tags: ['ok', 'x'.repeat(51)] },
      'tags.1',
      'The tags.1 may not be greater than 50 characters.',
    ],
    [{ name: 'a', tags: Array(21).fill('x') }, 'tags', 'The tags may not have more than 20 items.'],
    [{ name: 'a', metadata: { k: 1 } }, 'metadata.k', 'The metadata.k must be a string.'],
    [{ name: 'a', metadata: { [`k${'x'.repeat(40)}`]: '' } }, `metadata.k${'x'.repeat(40)}`, /40 characters/],
    [{ name: 'a', metadata: { k: 'x'.repeat(501) } }, 'metadata.k', /500 characters/],
  ])('422 for %j', async (body, field, sentence) => {
    const answer = await app.call('POST', '/workspaces', { body });
    expect(answer.status).toBe(422);
    expect(Object.keys(answer.body.errors)).toEqual([field]);
    expect(answer.body.errors[field][0]).toMatch(sentence);
  });

  test('422 when the slug is taken; free again after deletion', async () => {
    const { id } = await create({ name: 'First', slug: 'taken-slug' });
    const second = await app.call('POST', '/workspaces', { body: { name: 'Second', slug: 'Taken-Slug' } });
    expect(second.status).toBe(422);
    expect(second.body.errors).toEqual({ slug: ['The slug has already been taken.'] });
    await app.call('DELETE', `/workspaces/${id}`);
    expect(
      (await app.call('POST', '/workspaces', { body: { name: 'Second', slug: 'taken-slug' } })).status,
    ).toBe(201);
  });

  test('403 for a tier above that of the key’s own workspace', async () => {
    const key = (await newTenant(app, ['workspaces:*'])).key;
    const { status, body } = await app.call('POST', '/workspaces', {
      body: { name: 'Big', tier: 'pro' },
      key,
    });
    expect([status, body.message]).toEqual([
      403,
      'Insufficient permissions. Required scope: entitlements:manage',
    ]);
  });
});

describe('GET /workspaces/{id}', () => {
  test('E10: 200 with the settings of a new workspace', async () => {
    const { id } = await create();
    const { status, body } = await app.call('GET', `/workspaces/${id}`);
    expect(status).toBe(200);
    expect(Object.keys(body.data)).toEqual([
      'id',
      'name',
      'slug',
      'tier',
      'settings',
      'created_at',
      'updated_at',
    ]);
    expect(body.data.settings).toEqual({ timezone: 'UTC', locale: 'en_GB' });
  });

  test('E11: 404 for an unknown one, the same for a stranger’s and for what is no id', async () => {
    const expected = '{"error":"not_found","message":"Workspace not found."}';
    for (const id of [
      '999999',
      stranger.workspace,
      '0',
      '-1',
      '1.5',
      '1e3',
      'abc',
      '%00',
      '..%2f1',
      '9'.repeat(30),
    ]) {
      const { status, text } = await app.call('GET', `/workspaces/${id}`);
      expect([id, status, text]).toEqual([id, 404, expected]);
    }
  });

  test('takes sparse fields, status and metadata among them, and includes', async () => {
    const { id } = await create({ name: 'With tags', tags: ['a', 'b'], metadata: { k: 'v' } });
    const { body } = await app.call(
      'GET',
      `/workspaces/${id}?fields=id,status&include=tags,metadata,owner,members`,
    );
    expect(body.data).toEqual({
      id,
      status: 'active',
      tags: ['a', 'b'],
      metadata: { k: 'v' },
      owner: expect.objectContaining({ id: 1, name: 'Owner', email: 'owner@example.com' }),
      members: [expect.objectContaining({ id: 1, role: 'owner' })],
    });
  });

  test.each(['fields=id,nme', 'include=ownr', 'fields=', 'include=constructor', 'fields=__proto__'])(
    '422 for ?%s',
    async (query) => {
      const { status, body } = await app.call('GET', `/workspaces/1?${query}`);
      expect([status, Object.keys(body.errors)]).toEqual([422, [query.split('=')[0]]]);
    },
  );
});

describe('PATCH /workspaces/{id}', () => {
  test('E12: changes the name, merges the settings, and says when', async () => {
    const { id } = await create();
    const before = (await app.call('GET', `/workspaces/${id}`)).body.data;
    const body = { name: 'Updated Name', settings: { timezone: 'Europe/London' } };
    const changed = await app.call('PATCH', `/workspaces/${id}`, { body });
    expect(changed.status).toBe(200);
    expect(changed.body.message).toBe('Workspace updated successfully.');
    const after = (await app.call('GET', `/workspaces/${id}`)).body.data;
    expect(after).toEqual(changed.body.data);
    expect(after).toMatchObject({
      name: 'Updated Name',
      settings: { timezone: 'Europe/London', locale: 'en_GB' },
    });
    expect(after.updated_at >= before.updated_at).toBe(true);
  });

  test('merges metadata by key, null removes one; an empty change writes nothing', async () => {
    const { id } = await create({ name: 'Meta', metadata: { keep: '1', drop: '2' } });
    await app.call('PATCH', `/workspaces/${id}`, { body: { metadata: { drop: null, add: '3' } } });
    const { body } = await app.call('GET', `/workspaces/${id}?fields=metadata`);
    expect(body.data.metadata).toEqual({ keep: '1', add: '3' });
    const events = await app.appended(async () => {
      expect((await app.call('PATCH', `/workspaces/${id}`, { body: {} })).status).toBe(200);
      expect((await app.call('PATCH', `/workspaces/${id}`, { body: { name: 'Meta' } })).status).toBe(200);
    });
    expect(events.filter(({ stream }) => stream.startsWith('workspace-'))).toEqual([]);
  });

  test('404 for a stranger’s, with nothing written', async () => {
    const path = `/workspaces/${stranger.workspace}`;
    const events = await app.appended(async () => {
      for (const method of ['PATCH', 'DELETE']) {
        const { status, body } = await app.call(method, path, {
          body: method === 'PATCH' ? { name: 'Mine' } : {},
        });
        expect([status, body.message]).toEqual([404, 'Workspace not found.']);
      }
    });
    expect(events.filter(({ stream }) => stream.startsWith('workspace-'))).toEqual([]);
  });

  test('412 when the record has changed since; * and the current revision let it through', async () => {
    const { id } = await create();
    const read = await app.call('GET', `/workspaces/${id}`);
    const etag = read.headers.get('etag') ?? '';
    const change = (name: string, ifMatch: string) =>
      app.call('PATCH', `/workspaces/${id}`, { body: { name }, headers: { 'If-Match': ifMatch } });
    const first = await change('One', etag);
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"']);
    const stale = await change('Two', etag);
    expect([stale.status, stale.body.error]).toEqual([412, 'precondition_failed']);
    expect((await change('Two', '"unknown"')).status).toBe(412);
    expect((await change('Two', '*')).status).toBe(200);
    expect((await change('Three', 'W/"2"')).status).toBe(200);
    const malformed = await change('Four', '3');
    expect([malformed.status, Object.keys(malformed.body.errors)]).toEqual([422, ['If-Match']]);
    expect((await app.call('GET', `/workspaces/${id}`)).body.data.name).toBe('Three');
  });
});

test('GET with If-Match: 412 when the record has changed since', async () => {
  const { id } = await create();
  const read = (ifMatch: string) =>
    app.call('GET', `/workspaces/${id}`, { headers: { 'If-Match': ifMatch } });
  expect([(await read('"0"')).status, (await read('*')).status, (await read('"1"')).status]).toEqual([
    200, 200, 412,
  ]);
});

describe('GET with If-None-Match', () => {
  test('304 without a body while the record is the same, 200 after a change', async () => {
    const { id } = await create();
    const headers = { 'If-None-Match': '"7", "0"' };
    const same = await app.call('GET', `/workspaces/${id}`, { headers });
    expect([same.status, same.text, same.headers.get('etag')]).toEqual([304, '', '"0"']);
    expect(same.headers.get('x-ratelimit-limit')).toBe('100000');
    await app.call('PATCH', `/workspaces/${id}`, { body: { name: 'Changed' } });
    expect((await app.call('GET', `/workspaces/${id}`, { headers })).status).toBe(200);
  });

  test('never 304 for what shows other records too: those have revisions of their own', async () => {
    const { id } = await create();
    const headers = { 'If-None-Match': '"0"' };
    expect((await app.call('GET', `/workspaces/${id}?include=owner`, { headers })).status).toBe(200);
  });
});

describe('DELETE /workspaces/{id}', () => {
  test('E13: 204 and empty; then 404 for reads and for the second deletion', async () => {
    const { id } = await create();
    const gone = await app.call('DELETE', `/workspaces/${id}`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect(gone.headers.get('x-ratelimit-limit')).toBe('100000');
    expect((await app.call('GET', `/workspaces/${id}`)).status).toBe(404);
    expect((await app.call('DELETE', `/workspaces/${id}`)).status).toBe(404);
    const { body } = await app.call('GET', '/workspaces?per_page=100');
    expect(body.data.map((one: { id: number }) => one.id)).not.toContain(id);
  });

  test('422 cannot_delete for the only workspace of its user', async () => {
    const { key, workspace } = await newTenant(app);
    const { status, body } = await app.call('DELETE', `/workspaces/${workspace}`, { key });
    expect([status, body.error]).toEqual([422, 'cannot_delete']);
    expect((await app.call('GET', `/workspaces/${workspace}`, { key })).status).toBe(200);
  });

  test('at once of both that a user has leaves one', async () => {
    const { key, workspace } = await newTenant(app);
    const { body } = await app.call('POST', '/workspaces', { body: { name: 'Second' }, key });
    const second = body.data.id;
    const headers = { 'X-Workspace-ID': String(second) };
    const inside = { name: 'Inside', scopes: ['*'] };
    const other = (await app.call('POST', '/api-keys', { body: inside, headers, key })).body.data.key;
    const answers = await Promise.all([
      app.call('DELETE', `/workspaces/${second}`, { key }),
      app.call('DELETE', `/workspaces/${workspace}`, { key: other }),
    ]);
    // The second is refused, or comes so late that its key has ended.
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    expect(['204,401', '204,422']).toContain(statuses.join());
    const left = await Promise.all([key, other].map((one) => app.call('GET', '/workspaces', { key: one })));
    expect(left.filter(({ status }) => status === 200).map(({ body: list }) => list.meta.total)).toEqual([1]);
  });

  test('of the last is refused also while the rows do not show the deletion before it', async () => {
    const { key } = await newTenant(app);
    await app.call('POST', '/workspaces', { body: { name: 'Second' }, key });
    const newest = { where: [], sort: [['number', 'desc']], limit: 2 } as const;
    const rows = await app.app.stores.readModels.find<WorkspaceRow>('workspaces', newest);
    const lagging = embeddedReadModels([projection]);
    await lagging.apply('workspaces', rows, { log: app.app.stores.log.id, version: 1, position: 1 });
    const { workspaces } = app.app.commands;
    const routes = workspaceRoutes({
      readModels: lagging,
      workspaces,
      showUsers: async () => new Map(),
      turns: turns(),
    });
    const userId = rows[0]?.memberIds[0];
    const remove = (number = 0) => {
      const exchange = { params: { id: String(number) }, caller: { userId }, command: systemContext('test') };
      return routes
        .find(({ method }) => method === 'DELETE')
        ?.handle(exchange as unknown as Exchange<unknown, unknown>);
    };
    expect(await remove(rows[0]?.number)).toMatchObject({ status: 204 });
    await expect(remove(rows[1]?.number)).rejects.toMatchObject({ code: 'cannot_delete' });
  });

  test('422 for a body that would do nothing', async () => {
    const { status, body } = await app.call('DELETE', '/workspaces/1', { body: { force: true } });
    expect([status, body.errors]).toEqual([422, { force: ['The force field is not known.'] }]);
  });

  test('a workspace’s keys stop with it', async () => {
    const { key, workspace } = await newTenant(app);
    const second = (await app.call('POST', '/workspaces', { body: { name: 'Second' }, key })).body.data.id;
    expect((await app.call('DELETE', `/workspaces/${workspace}`, { key })).status).toBe(204);
    const { status, body } = await app.call('GET', `/workspaces/${second}`, { key });
    expect([status, body.error]).toEqual([401, 'unauthorized']);
  });
});

describe('scopes', () => {
  test('E14: 403 names the scope of the endpoint', async () => {
    const key = await scopedKey(app, ['workspaces:read']);
    const { status, text } = await app.call('POST', '/workspaces', { body: { name: 'No' }, key });
    expect([status, text]).toEqual([
      403,
      '{"error":"access_denied","message":"Insufficient permissions. Required scope: workspaces:write"}',
    ]);
  });

  test('E15: workspaces:* opens all of workspaces and nothing else; *:read reads all and writes nothing', async () => {
    const all = await scopedKey(app, ['workspaces:*']);
    const made = await app.call('POST', '/workspaces', { body: { name: 'Scoped' }, key: all });
    expect(made.status).toBe(201);
    expect((await app.call('GET', `/workspaces/${made.body.data.id}`, { key: all })).status).toBe(200);
    expect((await app.call('DELETE', `/workspaces/${made.body.data.id}`, { key: all })).status).toBe(204);
    const webhooks = await app.call('GET', '/webhooks', { key: all });
    expect(webhooks.body.message).toBe('Insufficient permissions. Required scope: webhooks:read');
    const reads = await scopedKey(app, ['*:read']);
    for (const path of ['/workspaces', '/webhooks', '/api-keys'])
      expect((await app.call('GET', path, { key: reads })).status).toBe(200);
    for (const path of ['/workspaces', '/webhooks', '/api-keys'])
      expect((await app.call('POST', path, { body: {}, key: reads })).status).toBe(403);
  });
});

test('a change whose answer was lost is answered after a restart, though the workspace is gone since', async () => {
  const { id } = await create({ name: 'Short-lived', slug: 'short-lived' });
  const change = () =>
    app.call('PATCH', `/workspaces/${id}`, {
      body: { slug: 'shorter-lived' },
      headers: { 'Idempotency-Key': 'lost-change' },
    });
  app.app.stores.idempotency.finish = () => Promise.reject(new Error('stopped'));
  const first = await change();
  expect((await app.call('DELETE', `/workspaces/${id}`)).status).toBe(204);
  await app.restart();
  const second = await onceFree(change);
  expect([second.status, second.text]).toEqual([200, first.text]);
});
