// Two processes of every role on the same servers: to a client they are one.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shared } from '../servers/shared.js';
import { expectNothingLostOrDoubled } from '../support/aftermath.js';
import { subscribeTo } from '../support/faults.js';
import { type Fleet, newFleet } from '../support/fleet.js';
import { ask, startLoad } from '../support/load.js';
import { ready } from '../support/readiness.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import type { ServerProcess } from '../support/server.js';
import { dropDatabases } from '../support/stores.js';

const [eventstore, mongodb, redis] = [shared('eventstore'), shared('mongodb'), shared('redis')];
const missing = 'skipped' in mongodb || 'skipped' in redis;

describe.skipIf(missing)('two processes of every role', () => {
  let fleet: Fleet;
  let receiver: Receiver;
  let one: ServerProcess;
  let two: ServerProcess;
  beforeAll(async () => {
    fleet = await newFleet({
      EVENTSTORE_URL: eventstore.url,
      MONGODB_URL: 'url' in mongodb ? mongodb.url : '',
      REDIS_URL: 'url' in redis ? redis.url : '',
    });
    receiver = await startReceiver();
    // All at once, on nothing: one first start, whoever makes it.
    const roles = ['api', 'api', 'projections', 'projections', 'deliveries', 'deliveries'];
    await Promise.all(roles.map(fleet.start));
    const [first, second] = fleet.withRole('api');
    if (!first || !second) throw new Error('two processes serve the API');
    [one, two] = [first, second];
    await ready(fleet.processes);
    await subscribeTo(fleet, receiver.url);
  }, 120_000);
  afterAll(async () => {
    await fleet.stop();
    await receiver.stop();
    await dropDatabases(fleet.settings['MONGODB_URL'] ?? '', [fleet.settings['STORE_PREFIX'] ?? '']);
  });

  const call = async (at: ServerProcess, method: string, path: string, body?: object, headers = {}) => {
    const { status, text } = await ask(at, fleet.key, method, path, body, headers);
    return { status, text, data: text === '' ? undefined : JSON.parse(text).data };
  };
  const namesAt = async (at: ServerProcess): Promise<string[]> =>
    ((await call(at, 'GET', '/workspaces?per_page=100&sort=-created_at')).data as { name: string }[]).map(
      ({ name }) => name,
    );
  /** Milliseconds until the process refuses a key. */
  const refusedAfter = async (at: ServerProcess, key: string): Promise<number> => {
    const begun = performance.now();
    while ((await ask(at, key, 'GET', '/workspaces')).status !== 401)
      if (performance.now() - begun > 10_000) throw new Error('not refused in 10 s');
    return performance.now() - begun;
  };

  it('make one first workspace and one first key, when all of them start at once', async () => {
    expect(await namesAt(one)).toEqual(['Default']);
    expect((await call(two, 'GET', '/api-keys')).data).toHaveLength(1);
  });

  it('answer a read with what was written at the other one', async () => {
    for (let n = 0; n < 10; n++) {
      const [writer, reader] = n % 2 ? [one, two] : [two, one];
      const { data } = await call(writer, 'POST', '/workspaces', { name: `Seen ${n}` });
      expect((await call(reader, 'GET', `/workspaces/${data.id}`)).data?.name).toBe(`Seen ${n}`);
      expect(await namesAt(reader)).toContain(`Seen ${n}`);
      const changed = await call(reader, 'PATCH', `/workspaces/${data.id}`, { name: `Changed ${n}` });
      expect(changed.status).toBe(200);
      expect((await call(writer, 'GET', `/workspaces/${data.id}`)).data.name).toBe(`Changed ${n}`);
    }
  });

  it('refuse within 1 s a key that was revoked at the other one', async () => {
    for (const [revoking, asked] of [
      [one, two],
      [two, one],
    ] as const) {
      const { data } = await call(revoking, 'POST', '/api-keys', {
        name: 'Short',
        scopes: ['workspaces:read'],
      });
      expect((await ask(asked, data.key, 'GET', '/workspaces')).status).toBe(200);
      expect((await call(revoking, 'DELETE', `/api-keys/${data.id}`)).status).toBe(204);
      expect(await refusedAfter(asked, data.key)).toBeLessThan(1_000);
    }
  });

  it('make one resource of an Idempotency-Key that both get at the same time', async () => {
    for (let n = 0; n < 5; n++) {
      const headers = { 'idempotency-key': randomUUID() };
      const untilAnswered = async (at: ServerProcess) => {
        for (;;) {
          const answer = await call(at, 'POST', '/workspaces', { name: `Once ${n}` }, headers);
          if (answer.status !== 409) return answer;
        }
      };
      const answers = await Promise.all([one, two, one, two].map(untilAnswered));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(201);
      expect((await namesAt(two)).filter((name) => name === `Once ${n}`)).toHaveLength(1);
    }
  });

  it('decide together what both change: of equal slugs one is taken, of equal numbers none', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        call(n % 2 ? one : two, 'POST', '/workspaces', { name: `Same ${n}`, slug: 'same' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(9);
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        call(n % 2 ? one : two, 'POST', '/workspaces', { name: `Twin ${n}` }),
      ),
    );
    expect(new Set(made.map(({ data }) => data.id)).size).toBe(10);
  });

  it('lose and double nothing under load: no row, no delivery record, no outcome', {
    timeout: 120_000,
  }, async () => {
    const load = startLoad(() => fleet.withRole('api'), fleet.key);
    try {
      await load.more(20);
      await load.stop();
      await expectNothingLostOrDoubled(fleet, load, receiver);
    } finally {
      load.giveUp();
    }
  });
});
