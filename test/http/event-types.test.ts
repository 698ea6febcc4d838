import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { startReceiver } from '../support/receiver.js';

type Listed = {
  type: string;
  description: string;
  included_in_all: boolean;
  example: Record<string, unknown>;
};

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
});
afterAll(() => app.stop());
const list = async (query = '', headers = {}) =>
  (await app.call('GET', `/event-types${query}`, { headers })).body;
const items = (body: Record<string, unknown>) => body['data'] as Listed[];

test('every type has a description and an example that names it', async () => {
  const types = items(await list());
  expect(types.map(({ type }) => type)).toEqual(
    expect.arrayContaining([
      'workspace.created',
      'workspace.deleted',
      'api_key.rotated',
      'webhook.disabled',
      'user.updated',
      'post.created',
    ]),
  );
  for (const { type, description, example } of types) {
    expect(description).toMatch(/\.$/);
    expect(example).toEqual({
      id: expect.stringMatching(/^evt_/),
      type,
      created_at: expect.any(String),
      workspace_id: 1,
      data: expect.any(Object),
    });
    expect(Object.keys(example['data'] as object)).not.toHaveLength(0);
  }
});

test('descriptions name fields as the bodies do: in snake case, and of a suspension the status', async () => {
  const types = items(await list('?per_page=100'));
  for (const { type, description } of types)
    expect([type, description]).toEqual([type, expect.not.stringMatching(/`[a-z]+[A-Z]\w*`/)]);
  for (const name of ['workspace.updated', 'namespace.updated']) {
    const { description, example } = types.find(({ type }) => type === name) ?? {};
    expect(description).toContain('`status`');
    expect(example?.['data']).toMatchObject({ status: expect.any(String) });
  }
});

test('the older dialect shows its own bodies', async () => {
  const [first] = items(await list('', { 'X-API-Dialect': '2024' }));
  expect(first?.example['data']).toEqual({
    object: { id: expect.stringMatching(/^wks_/), type: 'workspace', attributes: expect.any(Object) },
  });
});

test('the list sorts by type, and shows only the fields that are asked for', async () => {
  const types = items(await list('?per_page=100')).map(({ type }) => type);
  const sorted = items(await list('?sort=-type&fields=type&per_page=100'));
  expect(sorted).toEqual(
    types
      .toSorted()
      .reverse()
      .map((type) => ({ type })),
  );
  const { status, body } = await app.call('GET', '/event-types?fields=name');
  expect([status, Object.keys(body.errors)]).toEqual([422, ['fields']]);
});

test('the list has pages', async () => {
  const all = items(await list());
  const second = await list('?page=2&per_page=3');
  expect(items(second)).toEqual(all.slice(3, 6));
  expect(second).toMatchObject({
    meta: { total: all.length, per_page: 3, from: 4 },
    links: { prev: expect.stringContaining('page=1') },
  });
  expect((await app.call('GET', '/event-types?per_page=0')).status).toBe(422);
});

test('what is sent has the fields of the example', async () => {
  const receiver = await startReceiver();
  const keysOf = (data: unknown) => Object.keys(data as object).toSorted();
  await app.call('POST', '/webhooks', { body: { url: receiver.url, events: ['*'] } });
  const workspace = (await app.call('POST', '/workspaces', { body: { name: 'Acme' } })).body.data['id'];
  await app.call('PATCH', `/workspaces/${workspace}`, { body: { name: 'Acme Ltd' } });
  await app.call('DELETE', `/workspaces/${workspace}`);
  const key = (await app.call('POST', '/api-keys', { body: { name: 'K' } })).body.data['id'];
  const next = (await app.call('POST', `/api-keys/${key}/rotate`)).body.data['id'];
  await app.call('DELETE', `/api-keys/${next}`);
  const hook = (await app.call('POST', '/webhooks', { body: { url: receiver.url, events: ['none.such'] } }))
    .body.data['id'];
  await app.call('PATCH', `/webhooks/${hook}`, { body: { events: ['none.other'] } });
  await app.call('DELETE', `/webhooks/${hook}`);
  await receiver.waitFor(9);
  const examples = new Map(items(await list()).map(({ type, example }) => [type, example]));
  for (const { body } of receiver.requests) {
    const sent = JSON.parse(body);
    expect([sent.type, keysOf(sent), keysOf(sent.data)]).toEqual([
      sent.type,
      keysOf(examples.get(sent.type)),
      keysOf(examples.get(sent.type)?.['data']),
    ]);
  }
  await receiver.stop();
});
