// What endpoints are told of namespaces, in both dialects.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { newTenant } from '../support/tenants.js';
import { createWebhook, legacy } from '../support/webhooks.js';

let app: TestApp;
let receivers: Receiver[];
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
  receivers = await Promise.all([1, 2].map(() => startReceiver(() => ({ status: 200, body: '' }))));
});
afterAll(async () => {
  await app.stop();
  await Promise.all(receivers.map((receiver) => receiver.stop()));
});

test('namespace.created, updated and deleted reach the workspace’s endpoints, and nobody else’s', async () => {
  const [newer, older] = receivers as [Receiver, Receiver];
  const stranger = await newTenant(app);
  const events = ['namespace.*'];
  await createWebhook(app, { url: newer.url, events });
  await createWebhook(app, { url: older.url, events }, legacy);
  const create = (key: string, body: object) => app.call('POST', '/namespaces', { key, body });
  await create(stranger.key, { name: 'Elsewhere' });
  const made = (await create(app.key, { name: 'Client', tags: ['a'] })).body.data;
  await app.call('PATCH', `/namespaces/${made.id}`, { body: { name: 'Renamed' } });
  await app.call('DELETE', `/namespaces/${made.id}`);
  await create(app.key, { name: 'Mine', owner_type: 'User' });
  const told = async (receiver: Receiver) => {
    const received = await receiver.waitFor(4);
    // Their order is not promised.
    const key = ({ type, workspace_id, data }: Record<string, unknown>) =>
      [type, workspace_id ?? 0, JSON.stringify(data)].join();
    return received
      .map(({ body }) => JSON.parse(body))
      .toSorted((left, right) => (key(left) < key(right) ? -1 : 1));
  };
  const single = { ...made, status: 'active', updated_at: made.created_at };
  const changed = { ...single, name: 'Renamed', updated_at: expect.any(String) };
  expect((await told(newer)).map(({ type, workspace_id, data }) => [type, workspace_id, data])).toEqual([
    // A user's own namespace is nobody else's: only the workspace in which it was made hears of it.
    ['namespace.created', null, expect.objectContaining({ name: 'Mine', workspace_id: null })],
    ['namespace.created', 1, single],
    ['namespace.deleted', 1, changed],
    ['namespace.updated', 1, changed],
  ]);
  const { id: _, ...attributes } = single;
  const inOldStyle = (await told(older)).filter(({ type }) => type === 'namespace.created');
  expect(inOldStyle.map(({ data }) => data)).toContainEqual({
    object: { id: expect.stringMatching(/^ns_/), type: 'namespace', attributes },
  });
});
