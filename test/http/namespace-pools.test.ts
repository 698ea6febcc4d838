// What a namespace shares with the workspace that pays for it, and what not: the records of others, and who pays.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
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
