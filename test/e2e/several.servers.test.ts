// Several processes on the same servers: each role twice, and what one writes the others show, refuse and deliver.
import { MongoClient } from 'mongodb';
import { afterEach, describe, expect, it } from 'vitest';
import { sharedServers } from '../servers/shared.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { eventsIn } from '../support/embedded-log.js';
import { startReceiver } from '../support/receiver.js';
import { ownPrefix } from '../support/stores.js';

const servers = sharedServers();
const hasAll = servers !== undefined && 'url' in servers.mongodb && 'url' in servers.redis;

const within = async (ms: number, condition: () => Promise<boolean>) => {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
};

describe.skipIf(!hasAll)('several processes', () => {
  const running: TestApp[] = [];
  /** One process for each list of roles, all of one installation; started side by side, as in a cluster. */
  const start = async (...roles: string[]) => {
    const STORE_PREFIX = ownPrefix();
    const more = { STORE_PREFIX, WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_RETRY_SCHEDULE: '0,1' };
    const apps = await Promise.all(roles.map((ROLES) => startTestApp({ ...more, ROLES })));
    running.push(...apps);
    return apps as [TestApp, TestApp, TestApp, TestApp];
  };
  const stop = async (app: TestApp) => {
    running.splice(running.indexOf(app), 1);
    await app.stop();
  };
  const names = async (app: TestApp) =>
    ((await app.call('GET', '/workspaces')).body.data as { name: string }[]).map(({ name }) => name);
  const all = 'api,projections,deliveries';

  afterEach(async () => {
    await Promise.all(running.splice(0).map((app) => app.stop()));
  });

  it('make one first key, and show at once what another has written', async () => {
    const [one, two] = await start(all, all);
    expect(await names(one)).toHaveLength(1);
    for (let n = 0; n < 6; n++) {
      const [writer, reader] = n % 2 === 0 ? [one, two] : [two, one];
      const made = await writer.call('POST', '/workspaces', { body: { name: `W${n}` } });
      expect(made.status).toBe(201);
      expect(await names(reader)).toContain(`W${n}`);
      const path = `/workspaces/${made.body.data.id}`;
      await reader.call('PATCH', path, { body: { name: `changed ${n}` } });
      expect((await writer.call('GET', path)).body.data.name).toBe(`changed ${n}`);
    }
    for (const { app } of [one, two]) expect((await app.metrics.lateReads.get()).values[0]?.value).toBe(0);
  });

  it('split by roles, deliver each event once, and go on when one of each is gone', async () => {
    const receiver = await startReceiver();
    const roles = ['api', 'projections', 'projections', 'deliveries', 'deliveries'];
    const [api, ...others] = await start(...roles);
    const hook = { url: receiver.url, events: ['workspace.*'] };
    expect((await api.call('POST', '/webhooks', { body: hook })).status).toBe(201);
    const create = async (name: string) =>
      expect((await api.call('POST', '/workspaces', { body: { name } })).status).toBe(201);
    const delivered = () => receiver.requests.map(({ body }) => JSON.parse(body).data.name as string);

    for (let n = 0; n < 4; n++) await create(`before ${n}`);
    await receiver.waitFor(4);
    // Whoever holds a lease gives it back, and the other goes on.
    for (const role of ['projections', 'deliveries']) {
      const held = others.find(
        ({ app }) =>
          app.config.ROLES.includes(role as never) && app.follower.states().some(({ held }) => held),
      ) as TestApp;
      await stop(held);
    }
    for (let n = 0; n < 4; n++) await create(`after ${n}`);
    await receiver.waitFor(8, 20_000);
    expect(await within(10_000, async () => (await names(api)).length === 9)).toBe(true);
    expect(delivered().sort()).toEqual([0, 1, 2, 3].flatMap((n) => [`after ${n}`, `before ${n}`]).sort());
    const attempts = (await eventsIn(api.app.stores.log)).filter(({ type }) => type === 'DeliveryAttempted');
    expect(attempts).toHaveLength(8);
    await receiver.stop();
  });

  it('refuse a revoked key and a deleted workspace everywhere, also when nobody projects', async () => {
    const [one, two, projecting] = await start('api', 'api', 'projections');
    const key = async (app: TestApp, workspace?: string) => {
      const headers = workspace === undefined ? {} : { 'x-workspace-id': workspace };
      const made = await app.call('POST', '/api-keys', { body: { name: 'K', scopes: ['*'] }, headers });
      expect(made.status).toBe(201);
      return made.body.data as { id: number; key: string };
    };
    const workspace = (await one.call('POST', '/workspaces', { body: { name: 'Gone' } })).body.data;
    const [revoked, disabled, lost] = [await key(one), await key(one), await key(one, String(workspace.id))];
    const statusOf = async (app: TestApp, { key }: { key: string }) =>
      (await app.call('GET', '/workspaces', { key })).status;
    for (const each of [revoked, disabled, lost]) expect(await statusOf(two, each)).toBe(200);

    await stop(projecting);
    const refusedSoon = async (each: { key: string }, work: Promise<{ status: number }>) => {
      expect(await within(1_000, async () => (await statusOf(two, each)) === 401)).toBe(true);
      expect((await work).status).toBeLessThan(300);
      expect(await statusOf(one, each)).toBe(401);
    };
    await refusedSoon(revoked, one.call('DELETE', `/api-keys/${revoked.id}`));
    const off = { body: { is_enabled: false } };
    await refusedSoon(disabled, one.call('PATCH', `/api-keys/${disabled.id}`, off));
    await refusedSoon(lost, one.call('DELETE', `/workspaces/${workspace.id}`));
  });

  it('build the read models again when the database is dropped, and tell nobody that a good key is none', async () => {
    const [one, two] = await start('api,projections', 'api');
    for (let n = 0; n < 5; n++) await one.call('POST', '/workspaces', { body: { name: `W${n}` } });
    expect((await one.call('PATCH', '/workspaces/3', { body: { name: 'changed' } })).status).toBe(200);
    const hook = { url: 'https://example.com/hook', events: ['workspace.*'] };
    expect((await one.call('POST', '/webhooks', { body: hook })).status).toBe(201);
    const before = (await names(two)).sort();
    const whole: Readonly<Record<string, (data: unknown) => boolean>> = {
      '/workspaces': (data) => (data as unknown[]).length === before.length,
      '/workspaces/3': (data) => (data as { name: string }).name === 'changed',
      '/webhooks': (data) => (data as unknown[]).length === 1,
    };
    const wrong: unknown[] = [];
    const ask = async (app: TestApp, path: string): Promise<boolean> => {
      const { status, body } = await app.call('GET', path);
      const isWhole = status === 200 && whole[path]?.(body.data) === true;
      if (!isWhole && status !== 503) wrong.push({ isFirst: app === one, path, status, body });
      return isWhole;
    };
    const verify = async (app: TestApp): Promise<void> => {
      const { status, body } = await app.call('POST', '/api-keys/verify', { body: { key: one.key } });
      const isGood = status === 200 && body.valid === true;
      if (!isGood && status !== 503) wrong.push({ isFirst: app === one, path: 'verify', status, body });
    };
    let asking = true;
    const askers = [one, two].flatMap((app) =>
      Object.keys(whole).map(async (path) => {
        while (asking) await ask(app, path);
      }),
    );
    askers.push(
      ...[one, two].map(async (app) => {
        while (asking) await verify(app);
      }),
    );
    const client = new MongoClient(one.app.config.MONGODB_URL ?? '');
    const database = client.db(`${one.app.config.STORE_PREFIX}core_api`);
    // The second time just as some rows are there again.
    for (const app of [one, two]) {
      await database.dropDatabase();
      await within(20_000, () => ask(app, '/workspaces'));
    }
    await client.close();
    const back = async () =>
      (await Promise.all([one, two].map((app) => ask(app, '/webhooks')))).every((isWhole) => isWhole);
    const isBack = await within(20_000, back);
    asking = false;
    await Promise.all(askers);
    expect({ wrong, isBack }).toEqual({ wrong: [], isBack: true });
    expect((await names(two)).sort()).toEqual(before);
    expect((await one.call('POST', '/workspaces', { body: { name: 'After' } })).status).toBe(201);
    expect(await names(two)).toContain('After');
  });
});
