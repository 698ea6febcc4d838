// The namespace that a request is made in: how it is named, whose it may be, and which workspace comes with it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { ask, type Frame, startFrame, testRoute } from '../support/frame.js';
import { newTenant, type Tenant } from '../support/tenants.js';

type Made = { id: number; uuid: string };
let app: TestApp;
let frame: Frame;
let stranger: Tenant;
let second: number;
let inSecond: Made;
let own: Made;
let paid: Made;
let foreign: Made;

const create = async (body: object, key = app.key): Promise<Made> =>
  (await app.call('POST', '/namespaces', { body: { name: 'Client', ...body }, key })).body.data;

beforeAll(async () => {
  app = await startTestApp();
  stranger = await newTenant(app);
  second = (await app.call('POST', '/workspaces', { body: { name: 'Second' } })).body.data.id;
  inSecond = await create({ owner_id: second });
  own = await create({ owner_type: 'User' });
  paid = await create({ owner_id: 1, workspace_id: second });
  foreign = await create({}, stranger.key);
  frame = await startFrame(app, [
    testRoute(
      '/where',
      async ({ workspace, namespace }) => ({
        status: 200,
        body: { workspace: workspace.number, namespace: namespace?.number ?? null },
      }),
      { method: 'GET' },
    ),
    testRoute('/made', async ({ namespace }) => ({
      status: 201,
      body: { namespace: namespace?.number ?? null },
    })),
  ]);
});
afterAll(async () => {
  await frame.stop();
  await app.stop();
});

const where = async (query = '', headers: Record<string, string> = {}) => {
  const { status, body } = await ask(frame, app.key, `/where${query}`, { method: 'GET', headers });
  return status === 200 ? [body.workspace, body.namespace] : [status, body.message];
};

test('without one there is none, and the key’s own workspace', async () => {
  expect(await where()).toEqual([1, null]);
});

test('is named by two headers and two parameters, each with any form of its id', async () => {
  const prefixed = (
    await app.call('GET', `/namespaces/${inSecond.id}`, { headers: { 'X-API-Dialect': '2024' } })
  ).body.data.id;
  for (const id of [String(inSecond.id), inSecond.uuid, prefixed]) {
    for (const header of ['X-Namespace-ID', 'X-Namespace'])
      expect(await where('', { [header]: id })).toEqual([second, inSecond.id]);
    for (const parameter of ['namespace_id', 'namespace'])
      expect(await where(`?${parameter}=${id}`)).toEqual([second, inSecond.id]);
  }
  expect(await where(`?namespace=${prefixed}`, { 'X-Namespace-ID': inSecond.uuid })).toEqual([
    second,
    inSecond.id,
  ]);
});

test('brings its workspace: who pays first; a user’s own one leaves the key’s', async () => {
  expect(await where(`?namespace_id=${paid.id}`)).toEqual([second, paid.id]);
  expect(await where(`?namespace_id=${own.id}`)).toEqual([1, own.id]);
});

test('goes together with a workspace that it belongs to', async () => {
  const headers = { 'X-Workspace-ID': '1' };
  expect(await where(`?namespace_id=${paid.id}`, headers)).toEqual([1, paid.id]);
  expect(await where(`?namespace_id=${own.id}`, { 'X-Workspace-ID': String(second) })).toEqual([
    second,
    own.id,
  ]);
  const { status, body } = await ask(frame, app.key, `/where?namespace_id=${inSecond.id}`, {
    method: 'GET',
    headers,
  });
  expect([status, Object.keys(body.errors)]).toEqual([422, ['namespace_id']]);
});

test('422 when header and query are at odds', async () => {
  const { status, body } = await ask(frame, app.key, `/where?namespace_id=${own.id}`, {
    method: 'GET',
    headers: { 'X-Namespace-ID': String(paid.id) },
  });
  expect([status, Object.keys(body.errors)]).toEqual([422, ['namespace_id']]);
});

test('404 for an unknown one, a stranger’s, an empty one, a deleted one', async () => {
  const gone = await create({});
  await app.call('DELETE', `/namespaces/${gone.id}`);
  const none = [404, 'Namespace not found.'];
  for (const id of ['99999', foreign.uuid, String(foreign.id), 'nonsense', '', gone.uuid, 'constructor']) {
    expect(await where('', { 'X-Namespace-ID': id })).toEqual(none);
    expect(await where(`?namespace=${id}`)).toEqual(none);
    expect(await where(`?namespace_id=${own.id}`, { 'X-Namespace': id })).toEqual(none);
  }
  expect(await where(`?namespace_id=${own.id}`, { 'X-Workspace-ID': '99999' })).toEqual([
    404,
    'Workspace not found.',
  ]);
});

test('is part of what an Idempotency-Key stands for', async () => {
  const post = (headers: Record<string, string>) =>
    ask(frame, app.key, '/made', { headers: { 'Idempotency-Key': 'placed', ...headers } });
  expect((await post({ 'X-Namespace-ID': String(own.id) })).body).toEqual({ namespace: own.id });
  expect((await post({ 'X-Namespace-ID': own.uuid })).body).toEqual({ namespace: own.id });
  expect((await post({})).status).toBe(422);
});
