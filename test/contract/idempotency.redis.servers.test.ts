// The idempotency records in Redis: the common contract, several processes, and a server that loses them.
import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Idempotency, Started, StoredAnswer } from '../../src/adapters/idempotency/port.js';
import { openRedisIdempotency, type RedisIdempotencyOptions } from '../../src/adapters/idempotency/redis.js';
import { expectUnavailable, onceAvailable, reports } from '../servers/expectations.js';
import { startLocalRedis } from '../servers/redis.js';
import { shared } from '../servers/shared.js';
import { idempotencyContract } from './idempotency.js';

const server = shared('redis');
const broken = await startLocalRedis();
afterAll(async () => {
  if (!('skipped' in broken)) await broken.stop();
});

const day = 24 * 3_600_000;
const leaseMs = 2_000;
const answer: StoredAnswer = { status: 201, body: '{"secret":"sk_live_1"}', headers: { location: '/here' } };

/** Stores of one installation in one server, on a clock by hand, and a client that sees what they wrote. */
const installation = async (url: string) => {
  const prefix = `${randomUUID()}:`;
  const clock = { now: Date.UTC(2026, 0, 1) };
  const opened: Idempotency[] = [];
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  const options: RedisIdempotencyOptions = {
    url,
    prefix,
    logId: randomUUID(),
    key: randomBytes(32),
    report: reports().report,
    now: () => clock.now,
  };
  const open = async (changes: Partial<RedisIdempotencyOptions> = {}) => {
    const store = await openRedisIdempotency({ ...options, ...changes });
    opened.push(store);
    return store;
  };
  const fresh = (fingerprint = 'f1'): Started => ({
    commandId: randomUUID(),
    fingerprint,
    seed: `seed ${randomUUID()}`,
    at: new Date(clock.now).toISOString(),
  });
  /** The first run ever finds an empty server, as after a loss; a day later nothing can be missing any more. */
  const settle = async (store: Idempotency) => {
    await store.begin(randomUUID(), fresh());
    clock.now += day;
  };
  const records = async () => {
    const keys = await redis.keys(`${prefix}*`);
    return keys.filter((each) => !each.endsWith(':guard'));
  };
  return {
    ...{ clock, redis, opened, open, fresh, settle, records },
    async dispose() {
      for (const store of opened) await store.close();
      redis.disconnect();
    },
  };
};

describe.skipIf('skipped' in server)('Redis', () => {
  const url = 'skipped' in server ? '' : server.url;

  idempotencyContract('Redis', async () => {
    const { clock, redis, opened, open, settle, records, dispose } = await installation(url);
    const store = await open();
    await settle(store);
    return {
      store,
      clock,
      dispose,
      async restart() {
        await opened.at(-1)?.close();
        return open();
      },
      async crash() {
        await opened.at(-1)?.close(); // renews its leases no longer; 2 s later they have lapsed:
        for (const record of await records())
          if (await redis.hexists(record, 'lease')) await redis.hset(record, 'lease', 0);
        return open();
      },
    };
  });

  describe('several processes', () => {
    let given: Awaited<ReturnType<typeof installation>>;
    let one: Idempotency;
    let two: Idempotency;
    beforeEach(async () => {
      given = await installation(url);
      one = await given.open();
      two = await given.open();
      await given.settle(one);
    });
    afterEach(() => given.dispose());

    test('of twenty begins at once in two processes one runs', async () => {
      const begun = await Promise.all(
        Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).begin('key', given.fresh())),
      );
      expect(begun.filter(({ state }) => state === 'run')).toHaveLength(1);
      expect(begun.filter(({ state }) => state === 'in_progress')).toHaveLength(19);
    });

    test('a run that goes on renews its lease, and elsewhere stays in progress', async () => {
      await one.begin('key', given.fresh());
      const begunAt = given.clock.now;
      given.clock.now += leaseMs - 1;
      const renewed = async () => {
        for (const record of await given.records())
          expect(Number(await given.redis.hget(record, 'lease'))).toBeGreaterThan(begunAt + leaseMs);
      };
      const [record = ''] = await given.records();
      await given.redis.hset(record, 'lease', begunAt + leaseMs);
      await vi.waitFor(renewed, { timeout: 5_000 });
      given.clock.now += leaseMs - 1;
      expect(await two.begin('key', given.fresh())).toEqual({ state: 'in_progress' });
    });

    test('a run whose process died is taken over with its values when its lease has lapsed, not before', async () => {
      const started = given.fresh();
      await one.begin('key', started);
      await one.close();
      given.clock.now += leaseMs - 1;
      expect(await two.begin('key', given.fresh())).toEqual({ state: 'in_progress' });
      given.clock.now += 1;
      expect(await two.begin('key', given.fresh())).toEqual({ state: 'run', started, retry: true });
    });

    test('of a run that was only frozen and the one that took it over, the first answer stays', async () => {
      await one.begin('key', given.fresh());
      given.clock.now += leaseMs;
      expect(await two.begin('key', given.fresh())).toMatchObject({ state: 'run', retry: true });
      await two.finish('key', answer, { durable: true });
      await one.finish('key', { ...answer, status: 409 }, { durable: true });
      expect(await one.begin('key', given.fresh())).toEqual({ state: 'finished', answer });
    });

    test('releasing what another process has taken over leaves it alone', async () => {
      await one.begin('key', given.fresh());
      given.clock.now += leaseMs;
      await two.begin('key', given.fresh());
      await one.release('key');
      expect(await one.begin('key', given.fresh())).toEqual({ state: 'in_progress' });
    });

    test('neither callers’ keys nor seeds nor answers can be read in the server, and all of it expires', async () => {
      const started = given.fresh();
      await one.begin('callers-own-key', started);
      await one.begin('another-key', given.fresh());
      await one.finish('another-key', answer, { durable: true });
      const dump: string[] = [];
      for (const record of await given.records()) {
        dump.push(record, JSON.stringify(await given.redis.hgetall(record)));
        expect(await given.redis.pttl(record)).toBeGreaterThan(0);
      }
      expect(dump.length).toBeGreaterThanOrEqual(4);
      for (const secret of ['own-key', started.seed, 'sk_live', '/here'])
        expect(dump.join()).not.toContain(secret);
    });

    test('another encryption key is refused at start in a sentence naming ENCRYPTION_KEY', async () => {
      await expect(given.open({ key: randomBytes(32) })).rejects.toThrow(/^ENCRYPTION_KEY is not the key/);
    });
  });
});

describe.skipIf('skipped' in broken)('Redis, broken', () => {
  const url = 'skipped' in broken ? '' : broken.url;
  let given: Awaited<ReturnType<typeof installation>>;
  let store: Idempotency;
  beforeEach(async () => {
    given = await installation(url);
    store = await given.open();
    await given.settle(store);
  });
  afterEach(() => given.dispose());
  const begin = (key: string) => store.begin(key, given.fresh());

  test('for 24 h after the server was emptied every new run looks for its events first', async () => {
    expect(await begin('before')).toMatchObject({ state: 'run', retry: false });
    await given.redis.flushall();
    expect(await begin('after')).toMatchObject({ state: 'run', retry: true });
    given.clock.now += day - 1;
    expect(await begin('much later')).toMatchObject({ retry: true });
    given.clock.now += 1;
    expect(await begin('a day later')).toMatchObject({ retry: false });
  });

  test('what is begun after a loss is doubtful also when it is run again; what was begun before never', async () => {
    /** A release is not waited for. */
    const run = async (key: string) => {
      const begun = await vi.waitFor(async () => {
        const found = await begin(key);
        expect(found.state).toBe('run');
        return found;
      });
      await store.release(key);
      return begun;
    };
    expect(await run('known')).not.toHaveProperty('doubtful');
    const again = await run('known');
    expect([again, 'doubtful' in again]).toMatchObject([{ retry: true }, false]);
    await given.redis.flushall();
    expect(await run('lost')).toMatchObject({ retry: true, doubtful: true });
    given.clock.now += day - 1_000;
    expect(await run('lost')).toMatchObject({ retry: true, doubtful: true });
    given.clock.now += 1_000;
    const later = await run('new');
    expect([later, 'doubtful' in later]).toMatchObject([{ retry: false }, false]);
  });

  test('for 24 h after the server was started again every new run looks for its events first', async () => {
    if ('skipped' in broken) return;
    expect(await begin('before')).toMatchObject({ state: 'run', retry: false });
    await broken.kill();
    await broken.start();
    expect(await onceAvailable(() => begin('after'))).toMatchObject({ state: 'run', retry: true });
    const elsewhere = await given.open();
    expect(await elsewhere.begin('elsewhere', given.fresh())).toMatchObject({ retry: true });
    given.clock.now += day;
    expect(await begin('a day later')).toMatchObject({ retry: false });
  });

  test('a server that evicts keys is never trusted to have kept a record', async () => {
    await given.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const distrustful = await given.open();
    expect(await distrustful.begin('key', given.fresh())).toMatchObject({ state: 'run', retry: true });
    await given.redis.config('SET', 'maxmemory-policy', 'noeviction');
  });

  test('an answer is stored although the server was emptied while it was made', async () => {
    await begin('key');
    await given.redis.flushall();
    await store.finish('key', answer, { durable: true });
    expect(await begin('key')).toEqual({ state: 'finished', answer });
    const [record = ''] = await given.records();
    expect(await given.redis.pttl(record)).toBeGreaterThan(0);
  });

  test('while the server is killed or frozen begin fails within 5 s, and what ends a run waits for nothing', async () => {
    if ('skipped' in broken) return;
    await begin('finished');
    await begin('released');
    await broken.kill();
    await expectUnavailable(() => begin('key'));
    await store.finish('finished', answer, { durable: false });
    await store.release('released');
    await broken.start();
    expect(await onceAvailable(() => begin('key'))).toMatchObject({ state: 'run' });
    await broken.freeze();
    await expectUnavailable(() => begin('frozen'));
    await expectUnavailable(() => store.finish('key', answer, { durable: true }));
    broken.thaw();
    expect(await onceAvailable(() => begin('later'))).toMatchObject({ state: 'run' });
  });
});
