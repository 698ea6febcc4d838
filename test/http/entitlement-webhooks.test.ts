// What endpoints are told of entitlements and usage, and how often.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { createWebhook, legacy } from '../support/webhooks.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '500' });
});
afterAll(() => app.stop());

/** A free workspace with an endpoint that takes these events. */
const listening = async (events: string[], headers = {}) => {
  const { body } = await app.call('POST', '/workspaces', { body: { name: 'Listening', tier: 'free' } });
  const id = body.data.id as number;
  const context = { 'X-Workspace-ID': String(id) };
  const endpoint = await createWebhook(app, { events }, { ...context, ...headers });
  const told = async () => {
    await app.waitForAll();
    const answer = await app.call('GET', `/webhooks/${endpoint.id}/deliveries?sort=id`, { headers: context });
    return answer.body.data as { id: number; event_type: string }[];
  };
  const bodyOf = async (delivery: { id: number }) =>
    (await app.call('GET', `/webhooks/${endpoint.id}/deliveries/${delivery.id}`, { headers: context })).body
      .data.request.body;
  const record = (quantity: number) =>
    app.call('POST', '/entitlements/usage', { body: { feature: 'posts', quantity }, headers: context });
  return { id, context, told, bodyOf, record };
};

test('each threshold is told once, with what is used; records are not part of *', async () => {
  const { id, told, bodyOf, record } = await listening(['*']);
  await record(79);
  expect(await told()).toEqual([]);
  await record(1);
  await record(1);
  await record(19);
  const deliveries = await told();
  expect(deliveries.map(({ event_type }) => event_type)).toEqual([
    'entitlement.limit_warning',
    'entitlement.limit_warning',
    'entitlement.limit_reached',
  ]);
  const [first] = deliveries;
  expect(first && (await bodyOf(first))).toEqual({
    id: expect.stringMatching(/^evt_/),
    type: 'entitlement.limit_warning',
    created_at: expect.any(String),
    workspace_id: id,
    data: { feature: 'posts', threshold: 80, current_usage: 80, limit: 100, period: 'all' },
  });
});

test('a record is told to whoever names it, in the endpoint’s dialect', async () => {
  const { told, bodyOf, record } = await listening(['usage.*'], legacy);
  const { body } = await record(5);
  const [delivery] = await told();
  expect(delivery && (await bodyOf(delivery))).toEqual({
    id: expect.stringMatching(/^evt_/),
    type: 'usage.recorded',
    created_at: expect.any(String),
    data: {
      object: {
        id: body.id,
        type: 'usage',
        attributes: { feature: 'posts', quantity: 5, current_usage: 5, limit: 100, period: 'all' },
      },
    },
  });
});

test('packages are told of, also the one that changes with the tier; once, also after a restart', async () => {
  const { id, told, bodyOf } = await listening(['entitlement.package_changed']);
  const path = `/workspaces/${id}/packages`;
  await app.call('POST', path, { body: { package: 'pkg_extra_storage' } });
  await app.call('DELETE', `${path}?package=pkg_extra_storage`);
  await app.call('PATCH', `/workspaces/${id}`, { body: { tier: 'pro' } });
  await app.waitForAll();
  const deliveries = await told();
  const bodies = await Promise.all(deliveries.map(bodyOf));
  expect(bodies.map(({ data }) => data)).toEqual([
    { id: 'pkg_extra_storage', change: 'assigned', expires_at: null },
    { id: 'pkg_extra_storage', change: 'cancelled' },
    { id: 'pkg_pro', change: 'base_changed', previous: 'pkg_free' },
  ]);
  await app.call('PATCH', `/workspaces/${id}`, { body: { name: 'Of the same tier' } });
  await app.restart();
  expect(await told()).toHaveLength(3);
});
