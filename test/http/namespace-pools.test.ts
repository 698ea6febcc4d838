// What a namespace shares with the workspace that pays for it, and what not: the records of others, and who pays.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entitlementRoutes } from '../../src/http/entitlements/usage.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { ask, losing, startFrame } from '../support/frame.js';
import { newColleague, newTenant } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const record = async (quantity: number, key: string, headers = {}) =>
  (await app.call('POST', '/entitlements/usage', { key, headers, body: { feature: 'posts', quantity } }))
    .body as { id: string };
const used = async (key: string, workspace: number) => {
  const headers = { 'X-Workspace-ID': String(workspace) };
  const { body } = await app.call('GET', '/entitlements/check?feature=posts', { key, headers });
  return body.current_usage as number;
};

describe('a namespace that another workspace pays for', () => {
  test('corrects what was recorded through it, and no record of the payer’s own', async () => {
    const [payer, owner] = [await newTenant(app), await newTenant(app)];
    const linking = await newColleague(app, payer.workspace, 'member');
    const owning = await app.call('GET', '/user', { key: owner.key });
    await app.call('POST', `/workspaces/${payer.workspace}/members`, {
      key: payer.key,
      body: { email: owning.body.data.email, role: 'member' },
    });
    const made = await app.call('POST', '/namespaces', {
      key: owner.key,
      body: { name: 'Client', owner_id: owner.workspace, workspace_id: payer.workspace },
    });
    expect(made.status).toBe(201);
    const left = `/workspaces/${payer.workspace}/members/${owning.body.data.id}`;
    expect((await app.call('DELETE', left, { key: payer.key })).status).toBe(204);

    const theirs = await record(40, linking.key);
    const headers = { 'X-Namespace-ID': String(made.body.data.id) };
    const own = await record(2, owner.key, headers);
    const correct = (id: string) =>
      app.call('POST', `/entitlements/usage/${id}/correct`, {
        key: owner.key,
        headers,
        body: { quantity: 1, reason: 'Counted twice' },
      });
    expect((await correct(theirs.id)).status).toBe(404);
    expect(await used(payer.key, payer.workspace)).toBe(42);
    expect((await correct(own.id)).body.data).toMatchObject({ previous_quantity: 2, current_usage: 41 });
  });
});

describe('a user’s own namespace that nobody is named to pay for', () => {
  test('is paid for by a workspace of theirs, whoever makes them a member of an older one', async () => {
    const [older, victim] = [await newTenant(app), await newTenant(app)];
    const { body: user } = await app.call('GET', '/user', { key: victim.key });
    const made = await app.call('POST', '/namespaces', {
      key: victim.key,
      body: { name: 'Mine', owner_type: 'User' },
    });
    const headers = { 'X-Namespace-ID': String(made.body.data.id) };
    const joining = { email: user.data.email, role: 'owner' };
    const members = `/workspaces/${older.workspace}/members`;
    expect((await app.call('POST', members, { key: older.key, body: joining })).status).toBe(201);
    await record(7, victim.key, headers);
    expect(await used(older.key, older.workspace)).toBe(0);
    expect(await used(victim.key, victim.workspace)).toBe(7);
  });
});

describe('a record whose answer was lost before another workspace came to pay', () => {
  /** A namespace's record, the change of who pays, and the retry of the record, in a workspace that fits both times. */
  const retried = async (key: string, namespace: number, payer: number, context: number) => {
    const { readModels } = app.app.stores;
    const routes = entitlementRoutes({ readModels, ...app.app.commands });
    const frame = await startFrame(
      app,
      routes.map((one) => losing(one, () => undefined)),
    );
    const body = { feature: 'posts', quantity: 7 };
    // Both named: else the context would be the payer, and the retry another request.
    const headers = {
      'X-Workspace-ID': String(context),
      'X-Namespace-ID': String(namespace),
      'Idempotency-Key': `once-${namespace}`,
    };
    try {
      const lost = await ask(frame, key, '/entitlements/usage', { headers, body });
      expect(lost.status).toBe(500);
    } finally {
      await frame.stop();
    }
    const change = { key, body: { workspace_id: payer } };
    expect((await app.call('PATCH', `/namespaces/${namespace}`, change)).status).toBe(200);
    return app.call('POST', '/entitlements/usage', { key, headers, body });
  };

  test.each(['User', 'Workspace'])('is not counted again for them (namespace of a %s)', async (type) => {
    const { key, workspace } = await newTenant(app);
    const other = (await app.call('POST', '/workspaces', { key, body: { name: 'Other' } })).body.data.id;
    const mine = { name: 'Mine', owner_type: type };
    const made = await app.call('POST', '/namespaces', { key, body: mine });
    const context = type === 'User' ? other : workspace;
    const { status, body } = await retried(key, made.body.data.id, other, context);
    expect([status, body]).toMatchObject([200, { current_usage: 7 }]);
    expect(await used(key, workspace)).toBe(7);
    expect(await used(key, other)).toBe(0);
  });
});
