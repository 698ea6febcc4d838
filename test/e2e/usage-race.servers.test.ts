// Two processes on the same servers count on one meter: exactly what fits, and each knows at once what the other has counted.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sharedServers } from '../servers/shared.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { eventsIn } from '../support/embedded-log.js';
import { ownPrefix } from '../support/stores.js';

const servers = sharedServers();
const hasAll = servers !== undefined && 'url' in servers.mongodb && 'url' in servers.redis;

describe.skipIf(!hasAll)('two processes', () => {
  let one: TestApp;
  let two: TestApp;
  let headers: Record<string, string>;
  beforeEach(async () => {
    const STORE_PREFIX = ownPrefix();
    [one, two] = await Promise.all([startTestApp({ STORE_PREFIX }), startTestApp({ STORE_PREFIX })]);
    const { body } = await one.call('POST', '/workspaces', { body: { name: 'Racing', tier: 'pro' } });
    headers = { 'X-Workspace-ID': String(body.data.id) };
  });
  afterEach(async () => {
    await Promise.all([one.stop(), two.stop()]);
  });
  const record = (app: TestApp, quantity: number) =>
    app.call('POST', '/entitlements/usage', { body: { feature: 'posts', quantity }, headers });
  const check = async (app: TestApp) =>
    (await app.call('GET', '/entitlements/check?feature=posts', { headers })).body;

  it('admit exactly what fits of racing records', async () => {
    await record(one, 45);
    const racing = Array.from({ length: 200 }, (_, n) => record(n % 2 ? one : two, 10));
    const statuses = (await Promise.all(racing)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(95);
    expect(statuses.filter((status) => status === 403)).toHaveLength(105);
    for (const app of [one, two])
      expect(await check(app)).toMatchObject({ current_usage: 995, limit: 1_000 });
    const counts = (await eventsIn(one.app.stores.log))
      .filter(({ type }) => type === 'UsageRecorded')
      .map(({ data }) => (data as { currentUsage: number }).currentUsage);
    expect(counts).toEqual([45, ...Array.from({ length: 95 }, (_, n) => 55 + n * 10)]);
  });

  it('know what the other has counted and given as soon as it has answered', async () => {
    for (let n = 1; n <= 6; n++) {
      const [writer, reader] = n % 2 ? [one, two] : [two, one];
      await record(writer, 1);
      expect((await check(reader)).current_usage).toBe(n);
    }
    const path = `/workspaces/${headers['X-Workspace-ID']}/boosts`;
    await one.call('POST', path, { body: { feature: 'posts', type: 'add_limit', amount: 5 } });
    expect((await check(two)).limit).toBe(1_005);
    await two.call('POST', `/workspaces/${headers['X-Workspace-ID']}/entitlements/suspend`);
    expect((await record(one, 1)).status).toBe(403);
  });
});
