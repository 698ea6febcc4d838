// The delivery queue on BullMQ: the common contract, several processes, and a Redis that fails or loses everything.
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openBullQueue } from '../../src/adapters/delivery-queue/bullmq.js';
import type { DeliveryQueue, Job } from '../../src/adapters/delivery-queue/port.js';
import { expectUnavailable, onceAvailable, reports } from '../servers/expectations.js';
import { startLocalRedis } from '../servers/redis.js';
import { shared } from '../servers/shared.js';
import { type DeliveryQueueSetup, deliveryQueueContract } from './delivery-queue.js';
import { slowEndpointsContract } from './delivery-queue-slow.js';

const server = shared('redis');
const broken = await startLocalRedis();
afterAll(async () => {
  if (!('skipped' in broken)) await broken.stop();
});

const many = { concurrency: 20, perEndpoint: 20 };
const job = (deliveryId: string, endpointId = 'e1'): Job => ({ deliveryId, endpointId, attempt: 1 });
const due = (...jobs: Job[]) => jobs.map((each) => ({ job: each, at: Date.now() }));
const later = (...jobs: Job[]) => jobs.map((each) => ({ job: each, at: Date.now() + 600_000 }));

/** A handler that waits until it is let go, and what it was given. */
const blocking = () => {
  const begun: string[] = [];
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const handler = async ({ deliveryId }: Job) => {
    begun.push(deliveryId);
    if (deliveryId.startsWith('slow')) await gate;
  };
  const has = (...names: string[]) => vi.waitFor(() => expect(begun).toEqual(names), { timeout: 20_000 });
  return { begun, handler, has, letGo: () => letGo() };
};

/** Queues of one installation in one server, and a client that sees what they wrote. */
const installation = (url: string) => {
  const prefix = `${randomUUID()}:`;
  const opened: DeliveryQueue[] = [];
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  const heard = reports();
  return {
    ...{ redis, prefix, heard },
    async open(logId = 'log-a', options: { slowAfter?: number } = {}) {
      const queue = await openBullQueue({ url, prefix, logId, report: heard.report, ...options });
      opened.push(queue);
      return queue;
    },
    async dispose() {
      for (const queue of opened) await queue.close();
      redis.disconnect();
    },
  };
};

describe.skipIf('skipped' in server)('BullMQ', () => {
  const url = 'skipped' in server ? '' : server.url;
  let given: ReturnType<typeof installation>;
  beforeEach(() => {
    given = installation(url);
  });
  afterEach(() => given.dispose());

  const setup: DeliveryQueueSetup = async (options) => {
    const { open, dispose } = installation(url);
    return { queue: await open('log-a', options), dispose };
  };
  deliveryQueueContract('BullMQ', setup);
  slowEndpointsContract('BullMQ', setup);

  test('each of 300 jobs is handed to one of two processes, once', async () => {
    const [one, two] = await Promise.all([given.open(), given.open()]);
    const begun: string[] = [];
    const handler = async ({ deliveryId }: Job) => void begun.push(deliveryId);
    one.work(handler, many);
    two.work(handler, many);
    const names = Array.from({ length: 300 }, (_, at) => `d${at}`);
    await one.add(due(...names.slice(0, 200).map((name) => job(name))));
    await two.add(due(...names.slice(200).map((name) => job(name))));
    await vi.waitFor(async () => expect(await one.depth()).toBe(0), { timeout: 20_000 });
    expect(begun).toHaveLength(300);
    expect(new Set(begun).size).toBe(300);
  });

  test('a job that one process put off is moved to the earlier time by another', async () => {
    const [one, two] = await Promise.all([given.open(), given.open()]);
    const { handler, has } = blocking();
    two.work(handler, many);
    await one.add(later(job('now'), job('soon'), job('never')));
    await two.add([...due(job('now')), { job: job('soon'), at: Date.now() + 1_000 }, ...later(job('never'))]);
    await one.add(later(job('soon'))); // a later time moves nothing
    await has('now', 'soon');
    expect(await one.depth()).toBe(1);
  });

  test('queues of other logs are others, and jobs hold ids only', async () => {
    const [one, other] = await Promise.all([given.open(), given.open('log-b')]);
    await one.add(later(job('d1', 'e1')));
    expect([await one.depth(), await other.depth()]).toEqual([1, 0]);
    const [key = ''] = await given.redis.keys(`${given.prefix}*log-a*d1.1`);
    const { data = '' } = await given.redis.hgetall(key);
    expect(JSON.parse(data)).toEqual({ deliveryId: 'd1', endpointId: 'e1', attempt: 1 });
  });

  test('jobs of an endpoint at its limit lie still until a place is free, and then come at once', async () => {
    const queue = await given.open();
    const { begun, handler, letGo } = blocking();
    queue.work(handler, { concurrency: 20, perEndpoint: 2 });
    const slow = Array.from({ length: 20 }, (_, at) => job(`slow-${at}`));
    await queue.add(due(...slow));
    const delayed = async () => (await given.redis.keys(`${given.prefix}*:delayed`)).length;
    await vi.waitFor(async () => expect(await delayed()).toBe(1));
    const scripts = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await given.redis.info('commandstats'))?.[1]);
    await queue.add(due(job('last', 'e2')));
    await vi.waitFor(() => expect(begun).toContain('last'));
    const before = await scripts();
    await queue.add(due(job('later', 'e2')));
    await vi.waitFor(() => expect(begun).toContain('later'));
    expect((await scripts()) - before).toBeLessThan(20);
    expect(begun).toHaveLength(4);
    const freed = Date.now();
    letGo();
    await vi.waitFor(() => expect(begun).toHaveLength(22), { timeout: 20_000 });
    expect(Date.now() - freed).toBeLessThan(5_000);
  });
});

describe.skipIf('skipped' in broken)('BullMQ, Redis broken', () => {
  if ('skipped' in broken) return;
  const { url } = broken;
  let given: ReturnType<typeof installation>;
  beforeEach(() => {
    given = installation(url);
  });
  afterEach(() => given.dispose());

  test('emptied with jobs waiting and in hand, it goes on with what is added again, and none is in hand twice', async () => {
    const queue = await given.open();
    const { handler, has, letGo, begun } = blocking();
    queue.work(handler, many);
    await queue.add([...due(job('slow')), ...later(job('waiting'))]);
    await has('slow');
    await given.redis.flushall();
    expect(await queue.depth()).toBe(0);
    await queue.add(due(job('slow'), job('waiting')));
    await has('slow', 'waiting');
    letGo();
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
    await queue.add(due(job('after')));
    await has('slow', 'waiting', 'after');
    expect(begun.filter((name) => name === 'slow')).toHaveLength(1);
  });

  test('killed and started again, it fails fast meanwhile, and then goes on with jobs old and new', async () => {
    const queue = await given.open();
    const { handler, has, begun, letGo } = blocking();
    queue.work(handler, many);
    await queue.add([...due(job('slow')), { job: job('waiting'), at: Date.now() + 1_000 }]);
    await has('slow');
    await broken.kill();
    await expectUnavailable(() => queue.add(due(job('new'))));
    await expectUnavailable(() => queue.depth());
    letGo(); // its end cannot be written now
    await broken.start();
    await onceAvailable(() => queue.add(due(job('new'))));
    await vi.waitFor(() => expect([...begun].sort()).toEqual(['new', 'slow', 'waiting']), {
      timeout: 20_000,
    });
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0), { timeout: 20_000 });
    expect(given.heard.sentences.length).toBeLessThan(10);
  });

  test('frozen, it fails within 5 s; thawed, it goes on', async () => {
    const queue = await given.open();
    const { handler, has } = blocking();
    queue.work(handler, many);
    await queue.add(due(job('before')));
    await has('before');
    await broken.freeze();
    await expectUnavailable(() => queue.add(later(job('frozen'))));
    broken.thaw();
    await onceAvailable(() => queue.add(due(job('after'))));
    await has('before', 'after');
  });

  test('started after the process, it is used as soon as it is there', async () => {
    await broken.kill();
    const queue = await given.open();
    const { handler, has } = blocking();
    queue.work(handler, many);
    await expectUnavailable(() => queue.add(due(job('early'))));
    expect(given.heard.sentences[0]).toMatch(/^REDIS_URL: the server cannot be reached/);
    await broken.start();
    await onceAvailable(() => queue.add(due(job('first'))));
    await has('first');
  });

  test('close ends within 10 s while the server is down, with and without ever having reached it', async () => {
    const reached = await given.open();
    reached.work(async () => undefined, many);
    await reached.add(due(job('d1')));
    await vi.waitFor(async () => expect(await reached.depth()).toBe(0));
    await broken.kill();
    const never = await given.open();
    never.work(async () => undefined, many);
    const begun = performance.now();
    await Promise.all([reached.close(), never.close()]);
    expect(performance.now() - begun).toBeLessThan(10_000);
    await broken.start();
  });

  test('close ends within 10 s while the server is frozen and the end of a job cannot be written', async () => {
    const queue = await given.open();
    const { handler, has, letGo } = blocking();
    queue.work(handler, many);
    await queue.add(due(job('slow')));
    await has('slow');
    await broken.freeze();
    const begun = performance.now();
    const closed = queue.close();
    letGo();
    await closed;
    expect(performance.now() - begun).toBeLessThan(10_000);
    broken.thaw();
  });

  test('a server that evicts keys is warned about in a sentence naming REDIS_URL and the setting', async () => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue(undefined); // of BullMQ itself
    const set = (policy: string) =>
      onceAvailable(() => given.redis.config('SET', 'maxmemory-policy', policy));
    await given.open();
    expect(given.heard.sentences).toEqual([]);
    await set('allkeys-lru');
    await given.open();
    await set('noeviction');
    expect(given.heard.sentences).toEqual([expect.stringMatching(/^REDIS_URL: .*allkeys-lru.*noeviction/)]);
    warned.mockRestore();
  });
});
