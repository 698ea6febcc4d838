// Endpoints of namespaces, by status, in both dialects; acceptance examples by their numbers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { newTenant, type Tenant } from '../support/tenants.js';

let app: TestApp;
let stranger: Tenant;
beforeAll(async () => {
  app = await startTestApp();
  stranger = await newTenant(app);
});
afterAll(() => app.stop());

const legacy = { 'X-API-Dialect': '2024' };
const TS = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
type Made = { id: number; uuid: string; slug: string; workspace_id: number | null };
const create = async (body: object, key = app.key): Promise<Made> => {
  const answer = await app.call('POST', '/namespaces', { body: { name: 'Client', ...body }, key });
  if (answer.status !== 201) throw new Error(`not created: ${answer.status} ${answer.text}`);
  return answer.body.data;
};
const newWorkspace = async (name: string, key = app.key): Promise<number> =>
  (await app.call('POST', '/workspaces', { body: { name }, key })).body.data.id;
const read = (id: unknown, key = app.key) => app.call('GET', `/namespaces/${id}`, { key });

describe('POST /namespaces', () => {
  test('201: owned by the context workspace, with a slug from the name; one event', async () => {
    let answer: Awaited<ReturnType<typeof app.call>> | undefined;
    const events = await app.appended(async () => {
      answer = await app.call('POST', '/namespaces', { body: { name: 'Client: Acme Corp' } });
    });
    expect([answer?.status, answer?.body]).toEqual([
      201,
      {
        message: 'Namespace created successfully.',
        data: {
          id: expect.any(Number),
          uuid: UUID,
          name: 'Client: Acme Corp',
          slug: 'client-acme-corp',
          owner_type: 'Workspace',
          owner_id: 1,
          workspace_id: 1,
          description: null,
          settings: {},
          is_default: false,
          is_active: true,
          created_at: TS,
        },
      },
    ]);
    const made = events.filter(({ type }) => type === 'NamespaceCreated');
    expect(made).toHaveLength(1);
    expect(made[0]?.metadata).toMatchObject({
      requestId: answer?.headers.get('x-request-id'),
      audience: [expect.any(String)],
    });
  });

  test('201 in the older dialect: no message, a prefixed id, owner and workspace as integers', async () => {
    const { status, body } = await app.call('POST', '/namespaces', {
      body: { name: 'Personal Namespace', slug: 'personal', owner_type: 'User', is_default: true },
      headers: legacy,
    });
    expect([status, Object.keys(body)]).toEqual([201, ['data']]);
    expect(body.data).toMatchObject({
      id: expect.stringMatching(/^ns_[0-9a-hjkmnp-tv-z]{26}$/),
      uuid: UUID,
      slug: 'personal',
      owner_type: 'User',
      owner_id: 1,
      workspace_id: null,
      is_default: true,
    });
  });

  test('a user’s namespace may be paid for by a workspace, named by any of its ids', async () => {
    const paid = await create({ owner_type: 'User', workspace_id: 1 });
    expect(paid.workspace_id).toBe(1);
    const { id } = (await app.call('GET', '/workspaces/1', { headers: legacy })).body.data;
    expect((await create({ owner_type: 'User', workspace_id: id })).workspace_id).toBe(1);
  });

  test('a slug is unique among the namespaces of one owner, and free again after deletion', async () => {
    const { id } = await create({ slug: 'mine' });
    const again = await app.call('POST', '/namespaces', { body: { name: 'x', slug: 'Mine' } });
    expect([again.status, again.body.errors]).toEqual([422, { slug: ['The slug has already been taken.'] }]);
    expect((await create({ slug: 'mine', owner_type: 'User' })).slug).toBe('mine');
    expect((await create({ slug: 'mine' }, stranger.key)).slug).toBe('mine');
    expect((await app.call('DELETE', `/namespaces/${id}`)).status).toBe(204);
    expect((await create({ slug: 'mine' })).slug).toBe('mine');
  });

  test('the same name again gets a slug of its own; a slug may be of any script', async () => {
    const [one, two] = [await create({ name: 'Twice' }), await create({ name: 'Twice' })];
    expect([one.slug, two.slug]).toEqual(['twice', expect.stringMatching(/^twice-[0-9a-f]{6}$/)]);
    expect((await create({ name: '東京 店' })).slug).toBe('東京-店');
    expect((await create({ slug: 'CAFÉ-E\u0301' })).slug).toBe('café-é');
    expect((await create({ name: '🏳️‍🌈' })).slug).toMatch(/^namespace-[0-9a-f]{6}$/);
  });

  test.each([
    [{ owner_id: 999999 }, 'Workspace not found.'],
    [{ owner_type: 'User', owner_id: 999999 }, 'Resource not found.'],
    [{ workspace_id: 999999 }, 'Workspace not found.'],
    [{ workspace_id: 'constructor' }, 'Workspace not found.'],
  ])('404 for %j, the same as for a stranger’s', async (body, message) => {
    const told = async (more: object) => {
      const answer = await app.call('POST', '/namespaces', { body: { name: 'x', ...body, ...more } });
      return [answer.status, answer.body];
    };
    const unknown = await told({});
    expect(unknown).toEqual([404, { error: 'not_found', message }]);
    const { owner } = (
      await app.call('GET', `/workspaces/${stranger.workspace}?include=owner`, { key: stranger.key })
    ).body.data;
    const foreign = 'owner_type' in body ? { owner_id: owner.id } : undefined;
    const [field = ''] = Object.keys(body);
    expect(await told(foreign ?? { [field]: stranger.workspace })).toEqual(unknown);
  });

  test.each([
    [{ name: 'a', owner_type: 'Team' }, 'owner_type', /must be one of: User, Workspace/],
    [{ name: 'a', owner_type: 'user' }, 'owner_type', /must be one of/],
    [{ name: 'a', owner_id: {} }, 'owner_id', /must be an integer or a string/],
    [{ name: 'a', owner_id: null }, 'owner_id', /must be an integer or a string/],
    [{ name: 'a', owner_id: 1.5 }, 'owner_id', /must be/],
    [{ name: 'a', is_active: 'yes' }, 'is_active', 'The is_active field must be true or false.'],
    [{ name: 'a', slug: 'no spaces' }, 'slug', /may only contain letters/],
    [{ name: 'a', toString: 1 }, 'toString', 'The toString field is not known.'],
    [{}, 'name', 'The name field is required.'],
  ])('422 for %j', async (body, field, sentence) => {
    const answer = await app.call('POST', '/namespaces', { body });
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, [field]]);
    expect(answer.body.errors[field][0]).toMatch(sentence);
  });

  test('422 for prototype keys as JSON has them', async () => {
    const answer = await app.call('POST', '/namespaces', {
      body: '{"name":"a","metadata":{"k":"v"},"__proto__":{"isAdmin":true}}',
    });
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['__proto__']]);
  });
});

describe('GET /namespaces', () => {
  test('E49 (2024): owner_type=User&is_active=true gives only those, each with the fields of the reference', async () => {
    const tenant = await newTenant(app);
    const mine = await create({ name: 'Mine', owner_type: 'User' }, tenant.key);
    await create({ name: 'Off', owner_type: 'User', is_active: false }, tenant.key);
    await create({ name: 'Shared' }, tenant.key);
    const query = '/namespaces?owner_type=User&is_active=true';
    const { status, body } = await app.call('GET', query, { key: tenant.key, headers: legacy });
    expect(status).toBe(200);
    expect(body.data).toEqual([
      {
        id: expect.stringMatching(/^ns_/),
        uuid: mine.uuid,
        name: 'Mine',
        slug: 'mine',
        owner_type: 'User',
        owner_id: expect.any(Number),
        workspace_id: null,
        is_default: false,
        is_active: true,
        created_at: TS,
      },
    ]);
    expect(body.meta).toEqual({ current_page: 1, per_page: 15, total: 1, last_page: 1 });
  });

  test('filters by workspace, status and words; sorts; shows nothing of a stranger', async () => {
    const { key, workspace } = await newTenant(app);
    const second = await newWorkspace('Second', key);
    await create({ name: 'One' }, key);
    await create({ name: 'Two', workspace_id: second }, key);
    await create({ name: 'Three', owner_id: second, is_active: false }, key);
    const names = async (query: string, headers = {}) => {
      const { body } = await app.call('GET', `/namespaces?sort=name&${query}`, { key, headers });
      return body.data.map(({ name }: { name: string }) => name);
    };
    expect(await names('')).toEqual(['One', 'Three', 'Two']);
    expect(await names(`workspace_id=${second}`)).toEqual(['Three', 'Two']);
    expect(await names('workspace=second')).toEqual(['Three', 'Two']);
    expect(await names(`workspace_id=${workspace}`)).toEqual(['One']);
    expect(await names('', { 'X-Workspace-ID': String(second) })).toEqual(['One', 'Three', 'Two']);
    expect(await names('status=inactive')).toEqual(['Three']);
    expect(await names('is_active=1')).toEqual(['One', 'Two']);
    expect(await names('status=suspended')).toEqual([]);
    expect(await names('search=TW%20o')).toEqual(['Two']);
    expect(await names('owner_type=Workspace&is_active=false')).toEqual(['Three']);
  });

  test.each([
    ['owner_type=Team', 'owner_type'],
    ['owner_type=', 'owner_type'],
    ['owner_type=constructor', 'owner_type'],
    ['is_active=maybe', 'is_active'],
    ['is_active=toString', 'is_active'],
    ['status=gone', 'status'],
    ['sort=owner', 'sort'],
    ['include=members', 'include'],
    ['fields=nme', 'fields'],
  ])('422 for ?%s', async (query, field) => {
    const { status, body } = await app.call('GET', `/namespaces?${query}`);
    expect([status, Object.keys(body.errors)]).toEqual([422, [field]]);
  });
});

describe('GET /namespaces/{id}', () => {
  test('by integer, prefixed id and uuid, the same record; with relations and sparse fields', async () => {
    const { id, uuid } = await create({ name: 'Found', tags: ['a'], metadata: { k: 'v' } });
    const prefixed = (await app.call('GET', `/namespaces/${id}`, { headers: legacy })).body.data.id;
    const whole = (await read(id)).body;
    for (const other of [uuid, uuid.toUpperCase(), prefixed]) expect((await read(other)).body).toEqual(whole);
    const query = '?fields=id,status,tags&include=owner,workspace,metadata';
    expect((await app.call('GET', `/namespaces/${id}${query}`)).body.data).toEqual({
      id,
      status: 'active',
      tags: ['a'],
      metadata: { k: 'v' },
      owner: expect.objectContaining({ id: 1, slug: 'default' }),
      workspace: expect.objectContaining({ id: 1, slug: 'default' }),
    });
    const mine = await create({ owner_type: 'User' });
    const shown = (await app.call('GET', `/namespaces/${mine.id}?include=owner,workspace`)).body.data;
    expect(shown).toMatchObject({ owner: { id: 1, email: 'owner@example.com' }, workspace: null });
  });

  test('404 for an unknown one, the same for a stranger’s, on every method', async () => {
    const { uuid } = await create({}, stranger.key);
    for (const method of ['GET', 'PATCH', 'DELETE'])
      for (const id of [uuid, '999999', 'nonsense', '%00', 'ns_'])
        expect([id, (await app.call(method, `/namespaces/${id}`)).text]).toEqual([
          id,
          '{"error":"not_found","message":"Resource not found."}',
        ]);
    expect((await read(uuid, stranger.key)).status).toBe(200);
  });
});

describe('PATCH and DELETE /namespaces/{id}', () => {
  test('200 with the whole record; settings and metadata merge; the slug moves', async () => {
    const { id } = await create({ slug: 'before', settings: { a: 1 }, metadata: { x: '1' } });
    const body = {
      name: 'After',
      slug: 'after',
      description: 'Told',
      settings: { b: 2 },
      metadata: { x: null, y: '2' },
      is_active: false,
    };
    const changed = await app.call('PATCH', `/namespaces/${id}`, { body });
    expect([changed.status, changed.body.message]).toEqual([200, 'Namespace updated successfully.']);
    expect(changed.body.data).toMatchObject({
      name: 'After',
      slug: 'after',
      description: 'Told',
      settings: { a: 1, b: 2 },
      is_active: false,
      updated_at: TS,
    });
    // What it holds is no part of it: an answer that is given again must say the same.
    const { packages: _, entitlements: __, ...itself } = (await read(id)).body.data;
    expect(itself).toEqual(changed.body.data);
    expect((await create({ slug: 'before' })).slug).toBe('before');
    const taken = await app.call('PATCH', `/namespaces/${id}`, { body: { slug: 'before' } });
    expect([taken.status, Object.keys(taken.body.errors)]).toEqual([422, ['slug']]);
  });

  test('412 when it has changed since; the owner cannot be changed', async () => {
    const { id } = await create({});
    const ifMatch = { 'If-Match': '"0"' };
    const change = (body: object, headers = {}) => app.call('PATCH', `/namespaces/${id}`, { body, headers });
    expect((await change({ name: 'One' }, ifMatch)).headers.get('etag')).toBe('"1"');
    expect((await change({ name: 'Two' }, ifMatch)).status).toBe(412);
    expect((await change({ slug: 'two' }, ifMatch)).status).toBe(412);
    expect((await change({ owner_type: 'User' })).body.errors).toEqual({
      owner_type: ['The owner_type field is not known.'],
    });
  });

  test('one default per owner: a new one takes the place of the old, whoever else’s stay', async () => {
    const { key } = await newTenant(app);
    const first = await create({ is_default: true }, key);
    const own = await create({ is_default: true, owner_type: 'User' }, key);
    const second = await create({ is_default: true }, key);
    const third = await create({}, key);
    const defaults = async () => {
      const { body } = await app.call('GET', '/namespaces', { key });
      return body.data.filter((one: { is_default: boolean }) => one.is_default).map(({ id }: Made) => id);
    };
    expect(await defaults()).toEqual([own.id, second.id]);
    await app.call('PATCH', `/namespaces/${third.id}`, { body: { is_default: true }, key });
    expect(await defaults()).toEqual([own.id, third.id]);
    const all = [first, second, third].map(({ id }) =>
      app.call('PATCH', `/namespaces/${id}`, { body: { is_default: true }, key }),
    );
    await Promise.all(all);
    await app.waitForAll();
    await app.waitForAll();
    expect(await defaults()).toHaveLength(2);
  });

  test('204 and gone; then 404', async () => {
    const { id } = await create({});
    expect((await app.call('DELETE', `/namespaces/${id}`)).status).toBe(204);
    expect((await read(id)).status).toBe(404);
    expect((await app.call('DELETE', `/namespaces/${id}`)).status).toBe(404);
  });
});

test('workspaces include their namespaces', async () => {
  const { key, workspace } = await newTenant(app);
  const { id } = await create({ name: 'Inside' }, key);
  const { body } = await app.call('GET', `/workspaces/${workspace}?include=namespaces&fields=id`, { key });
  expect(body.data).toEqual({ id: workspace, namespaces: [expect.objectContaining({ id, name: 'Inside' })] });
});
