// Two processes on the same servers: what one suspends or resumes the other shows so, alone and in lists by status.
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
  beforeEach(async () => {
    const STORE_PREFIX = ownPrefix();
    [one, two] = await Promise.all([startTestApp({ STORE_PREFIX }), startTestApp({ STORE_PREFIX })]);
  });
  afterEach(async () => {
    await Promise.all([one.stop(), two.stop()]);
  });
  const newOne = async (kind: string) =>
    (await one.call('POST', `/${kind}`, { body: { name: 'Acme' } })).body.data;
  const statusAt = async (app: TestApp, path: string) =>
    (await app.call('GET', `${path}?fields=status`)).body.data.status;
  const listedAt = async (app: TestApp, kind: string, status: string) =>
    (await app.call('GET', `/${kind}?status=${status}&fields=id`)).body.data.map(
      ({ id }: { id: number }) => id,
    );

  it.each(['workspaces', 'namespaces'])('show the status of %s as the other has changed it', async (kind) => {
    const { id } = await newOne(kind);
    const path = `/${kind}/${id}`;
    for (const [writer, reader] of [
      [one, two],
      [two, one],
    ] as const) {
      await writer.call('POST', `${path}/entitlements/suspend`);
      expect(await statusAt(reader, path)).toBe('suspended');
      expect(await listedAt(reader, kind, 'suspended')).toEqual([id]);
      expect(await listedAt(reader, kind, 'active')).not.toContain(id);
      await reader.call('POST', `${path}/entitlements/resume`);
      expect(await statusAt(writer, path)).toBe('active');
      expect(await listedAt(writer, kind, 'suspended')).toEqual([]);
      expect(await listedAt(writer, kind, 'active')).toContain(id);
    }
  });

  it('end with the same status, each change said once, whatever was asked of both at once', async () => {
    const { id, uuid } = await newOne('namespaces');
    const racing = Array.from({ length: 16 }, (_, n) =>
      (n % 2 ? one : two).call('POST', `/namespaces/${id}/entitlements/${n % 3 ? 'resume' : 'suspend'}`),
    );
    const answers = await Promise.all(racing);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const app of [one, two, one]) await app.waitForAll();
    const { log } = one.app.stores;
    const last = (await eventsIn(log, `entitlements-${uuid}`)).at(-1)?.type;
    const said = (await eventsIn(log, `namespace-${uuid}`)).slice(1).map(({ data }) => data);
    expect(said).toEqual(
      said.map((_, n) => expect.objectContaining({ changes: { isSuspended: n % 2 === 0 } })),
    );
    for (const app of [one, two])
      expect(await statusAt(app, `/namespaces/${id}`)).toBe(
        last === 'EntitlementsSuspended' ? 'suspended' : 'active',
      );
  });
});
