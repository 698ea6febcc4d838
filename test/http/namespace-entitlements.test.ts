// What namespaces may use: their own packages, the pool of whoever pays, the tier of their user.
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stand } from '../../src/commands/entitlements/standing.js';
import { builtInPlans } from '../../src/domain/entitlements/built-in-plans.js';
import { namespaceHoldings } from '../../src/http/entitlements/namespaces.js';
import { namespaceRoutes } from '../../src/http/namespaces.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { ask, startFrame } from '../support/frame.js';
import { newTenant } from '../support/tenants.js';
import { legacy } from '../support/webhooks.js';

const GIB = 1_073_741_824;
let app: TestApp;
beforeAll(async () => {
  const file = join(tmpdir(), `core-api-plans-${process.pid}.json`);
  const packages = builtInPlans.packages.map((one) =>
    one.code === 'enterprise' ? { ...one, features: { ...one.features, sso: true } } : one,
  );
  const sso = { code: 'sso', name: 'Single sign-on', type: 'boolean' };
  await writeFile(
    file,
    JSON.stringify({ ...builtInPlans, packages, features: [...builtInPlans.features, sso] }),
  );
  app = await startTestApp({ CATALOGUE_FILE: file });
});
afterAll(() => app.stop());

/** A workspace of a tier, and requests made in it. */
const workspace = async (tier: string) => {
  const { body } = await app.call('POST', '/workspaces', { body: { name: `Of tier ${tier}`, tier } });
  const id = body.data.id as number;
  const headers = { 'X-Workspace-ID': String(id) };
  const namespace = async (more: object = {}) => {
    const made = await app.call('POST', '/namespaces', { body: { name: 'Client', ...more }, headers });
    return made.body.data as { id: number; uuid: string };
  };
  return { id, headers, namespace };
};
const inside = ({ id }: { id: number }) => ({ 'X-Namespace-ID': String(id) });
const check = (of: { id: number }, feature: string, quantity = 1, headers = {}) =>
  app.call('POST', `/namespaces/${of.id}/entitlements/check`, { body: { feature, quantity }, headers });
const record = (of: { id: number }, feature: string, quantity = 1) =>
  app.call('POST', '/entitlements/usage', { body: { feature, quantity }, headers: inside(of) });

describe('a namespace without packages', () => {
  test('lives from the pool of the workspace that pays, together with all others', async () => {
    const { namespace, headers } = await workspace('free');
    const [one, other] = [await namespace(), await namespace()];
    expect((await record(one, 'posts', 60)).body).toMatchObject({ current_usage: 60, limit: 100 });
    expect((await record(other, 'posts', 41)).status).toBe(403);
    expect((await record(other, 'posts', 40)).body).toMatchObject({ current_usage: 100 });
    const pool = await app.call('GET', '/entitlements/check?feature=posts', { headers });
    expect(pool.body).toMatchObject({ allowed: false, current_usage: 100 });
  });

  test.each([{}, legacy])('E49: is checked in the shape of the older reference (%o)', async (headers) => {
    const { namespace } = await workspace('free');
    const one = await namespace();
    expect((await check(one, 'storage', GIB, headers)).body).toEqual({
      allowed: true,
      reason: null,
      message: null,
      current_usage: 0,
      limit: GIB,
      available: GIB,
    });
    await record(one, 'storage', GIB / 2);
    const { status, body } = await check(one, 'storage', GIB, headers);
    expect([status, body]).toEqual([
      200,
      {
        allowed: false,
        reason: 'LIMIT_EXCEEDED',
        message: 'Storage limit exceeded. Used: 0.50 GB, Available: 0.50 GB, Requested: 1.00 GB',
        current_usage: GIB / 2,
        limit: GIB,
        available: GIB / 2,
      },
    ]);
    expect((await check(one, 'nope', 1, headers)).body).toEqual({
      allowed: false,
      reason: 'FEATURE_NOT_FOUND',
      message: 'There is no feature nope.',
      current_usage: 0,
      limit: 0,
      available: 0,
    });
  });

  test('is denied when its workspace is suspended', async () => {
    const { id, namespace } = await workspace('free');
    const one = await namespace();
    await app.call('POST', `/workspaces/${id}/entitlements/suspend`);
    expect((await check(one, 'posts')).body).toMatchObject({ allowed: false, reason: 'WORKSPACE_SUSPENDED' });
  });

  test.each([{}, legacy])('says itself that it is suspended, at once (%o)', async (dialect) => {
    const { namespace, headers } = await workspace('free');
    const one = await namespace({ is_active: false });
    const shown = async () => {
      const { body } = await app.call('GET', `/namespaces/${one.id}?fields=status`, { headers: dialect });
      return body.data.status;
    };
    const suspended = () => app.call('GET', '/namespaces?status=suspended', { headers });
    expect(await shown()).toBe('inactive');
    const events = await app.appended(async () => {
      await app.call('POST', `/namespaces/${one.id}/entitlements/suspend`, { headers: dialect });
      expect(await shown()).toBe('suspended');
      expect((await suspended()).body.data.map(({ id }: { id: number }) => id)).toContain(one.id);
      await app.call('POST', `/namespaces/${one.id}/entitlements/resume`, { headers: dialect });
      expect(await shown()).toBe('inactive');
      await app.waitForAll();
    });
    const types = events.map(({ type }) => type).filter((type) => /Entitlements|Namespace/.test(type));
    expect(types).toEqual([
      ...['EntitlementsSuspended', 'NamespaceUpdated', 'EntitlementsResumed', 'NamespaceUpdated'],
    ]);
  });

  test('ends as its entitlements do, and says each change once, when it is suspended and resumed many times at once', async () => {
    const { namespace } = await workspace('free');
    const { id, uuid } = await namespace();
    const change = (_: unknown, n: number) =>
      app.call('POST', `/namespaces/${id}/entitlements/${n % 2 ? 'resume' : 'suspend'}`);
    const events = await app.appended(async () => {
      const answers = await Promise.all(Array.from({ length: 25 }, change));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      await app.waitForAll();
    });
    const of = (category: string) => events.filter(({ stream }) => stream === `${category}-${uuid}`);
    const decided = of('entitlements').map(({ type }) => type === 'EntitlementsSuspended');
    const said = of('namespace').map(({ data }) => (data as { changes: object }).changes);
    expect(said).toEqual(said.map((_, n) => ({ isSuspended: n % 2 === 0 })));
    expect(said.at(-1)).toEqual({ isSuspended: decided.at(-1) });
    const shown = await app.call('GET', `/namespaces/${id}?fields=status`);
    expect(shown.body.data.status).toBe(decided.at(-1) ? 'suspended' : 'active');
  });
});

describe('a namespace with packages of its own', () => {
  test('counts on a meter of its own what they include, the rest on the pool', async () => {
    const { namespace, headers } = await workspace('free');
    const one = await namespace();
    const assigned = await app.call('POST', `/namespaces/${one.id}/packages`, {
      body: { package: 'pkg_extra_storage' },
    });
    expect([assigned.status, assigned.body.data.id]).toEqual([201, 'pkg_extra_storage']);
    expect((await record(one, 'storage', 2 * GIB)).body).toMatchObject({ limit: 10 * GIB });
    await record(one, 'posts', 5);
    const pool = (await app.call('GET', '/entitlements/summary', { headers })).body.data.entitlements;
    expect([pool.storage.used, pool.posts.used]).toEqual([0, 5]);
    const shown = (await app.call('GET', `/namespaces/${one.id}`)).body.data;
    expect(shown.packages).toEqual([{ id: 'pkg_extra_storage', name: 'Extra Storage', expires_at: null }]);
    expect(shown.entitlements).toMatchObject({
      posts: { used: 5, limit: 100 },
      storage: { used: 2 * GIB, limit: 10 * GIB, unit: 'bytes' },
    });
    expect(Object.keys(shown.entitlements.api_calls)).toEqual(['used', 'limit', 'reset_at']);
  });

  test('has one base package: another takes its place', async () => {
    const { namespace } = await workspace('free');
    const one = await namespace();
    const assign = (name: string) =>
      app.call('POST', `/namespaces/${one.id}/packages`, { body: { package: name } });
    await assign('pkg_starter');
    await assign('pkg_pro');
    const { packages } = (await app.call('GET', `/namespaces/${one.id}`, { headers: legacy })).body.data;
    expect(packages).toEqual([{ id: 'pkg_pro', name: 'Pro Package', expires_at: null }]);
    expect((await check(one, 'posts')).body.limit).toBe(1_000);
  });

  test('shows in its summary whose it is, and corrects what it has recorded', async () => {
    const { id, namespace } = await workspace('free');
    const one = await namespace();
    const recorded = (await record(one, 'posts', 9)).body;
    const corrected = await app.call('POST', `/entitlements/usage/${recorded.id}/correct`, {
      body: { quantity: 1, reason: 'x' },
      headers: inside(one),
    });
    expect(corrected.body.data.current_usage).toBe(1);
    const { body } = await app.call('GET', '/entitlements/summary', { headers: inside(one) });
    expect(body.data).toMatchObject({ workspace_id: id, namespace_id: one.id, tier: 'free' });
  });
});

test('a user’s own namespace has what is only there or not from the user’s tier, and nothing countable', async () => {
  const { headers } = await workspace('pro');
  const { body } = await app.call('POST', '/namespaces', {
    body: { name: 'Mine', owner_type: 'User', workspace_id: headers['X-Workspace-ID'] },
    headers,
  });
  const mine = body.data as { id: number };
  // The pool of the tier pro has no single sign-on; that of the user, the first one, has.
  expect((await check(mine, 'sso')).body).toMatchObject({ allowed: true, limit: null });
  expect((await check(mine, 'posts')).body.limit).toBe(1_000);
  const pool = await app.call('GET', '/entitlements/check?feature=sso', { headers });
  expect(pool.body).toMatchObject({ allowed: false, reason: 'FEATURE_NOT_INCLUDED' });
});

test('a namespace of another tenant answers like one that does not exist', async () => {
  const stranger = await newTenant(app);
  const foreign = (await app.call('POST', '/namespaces', { body: { name: 'Theirs' }, key: stranger.key }))
    .body.data;
  for (const id of [foreign.id, 999_999]) {
    const answers = [
      await check({ id }, 'posts'),
      await app.call('POST', `/namespaces/${id}/packages`, { body: { package: 'pkg_pro' } }),
    ];
    for (const { status, body } of answers)
      expect([status, body]).toEqual([404, { error: 'not_found', message: 'Resource not found.' }]);
    const context = await record({ id }, 'posts');
    expect([context.status, context.body.message]).toEqual([404, 'Namespace not found.']);
  }
});

test('a page of namespaces asks for a few entitlements at once, however many it shows', async () => {
  const { namespace, headers } = await workspace('pro');
  for (let n = 0; n < 12; n++) await namespace();
  const { readModels } = app.app.stores;
  const { usage, provisioning, plans } = app.app.commands;
  let [under, most, asked] = [0, 0, 0];
  const stand: Stand = async (...about) => {
    under += 1;
    asked += 1;
    most = Math.max(most, under);
    try {
      return await usage.stand(...about);
    } finally {
      under -= 1;
    }
  };
  const holdings = namespaceHoldings({ readModels, stand, granted: provisioning.streams, plans });
  const frame = await startFrame(
    app,
    namespaceRoutes({
      readModels,
      namespaces: app.app.commands.namespaces,
      showUsers: async () => new Map(),
      holdings,
    }),
  );
  try {
    const { body } = await ask(frame, app.key, '/namespaces?include=entitlements&per_page=100', {
      method: 'GET',
      headers,
    });
    expect(body.data.length).toBeGreaterThanOrEqual(12);
    for (const one of body.data) expect(one.entitlements).toHaveProperty('posts');
    expect(asked).toBe(body.data.length * plans.features.size);
    expect(most).toBeLessThanOrEqual(16);
  } finally {
    await frame.stop();
  }
});
