// The delivery queue on BullMQ and Redis: jobs hold ids only, a key is one job, an endpoint has a limit of its own.
import { type Job as BullJob, DelayedError, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf, type StoreOptions, within } from '../connection.js';
import {
  connectRedis,
  failingFast,
  orUnavailable,
  redisClient,
  serverInfo,
  waiting,
} from '../redis-connection.js';
import { endpointGate } from './endpoint-gate.js';
import { type Limits, places } from './places.js';
import { type DeliveryQueue, type Job, jobKey } from './port.js';

type Queued = BullJob<Job, void>;

// A job whose endpoint has no place left is put off for this long; it is called back as soon as a place is free, so
// this only counts when the process that put it off has died, and then the sweep finds it first.
const parkedMs = 60_000;
const closeWithinMs = 2_000;
const states = ['wait', 'active', 'delayed'] as const;
/** BullMQ multiplies due times (Unix ms) by this to keep the order of equal ones. */
const scorePerMs = 0x1000;

const warnOfEviction = async (redis: Redis, report: StoreOptions['report']) => {
  if (redis.status !== 'ready') return;
  const policy = (await serverInfo(redis).catch(() => new Map<string, string>())).get('maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return;
  report.warn(
    `REDIS_URL: the server drops keys when its memory is full (maxmemory-policy ${policy}); set it to noeviction, or deliveries come late and idempotency keys are forgotten.`,
    {},
  );
};

/** Where due times of waiting jobs stand, in Unix ms; undefined for a job that is not waiting for its time. */
const dueTimes = async (redis: Redis, delayedKey: string, keys: readonly string[]) => {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.zscore(delayedKey, key);
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, score]) => {
    if (error) throw error;
    return typeof score === 'string' ? Math.floor(Number(score) / scorePerMs) : undefined;
  });
};

/** Whether a job could not be moved because it no longer waits for its time: it went, or is being worked on. */
const isNoLongerDelayed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === -1 || error.code === -3);

/** Runs `move` on a job that may have gone meanwhile; false when it had. */
const moved = async (move: Promise<void>): Promise<boolean> => {
  try {
    await move;
    return true;
  } catch (error) {
    if (isNoLongerDelayed(error)) return false;
    throw error;
  }
};

type Workings = {
  readonly prefix: string;
  readonly report: StoreOptions['report'];
  readonly redis: Redis;
  readonly slowAfter: number | undefined;
};

/** The side that works: resolves `close` when the jobs in hand have ended. */
const startWorker = (
  { prefix, report, redis, slowAfter }: Workings,
  handler: (job: Job) => Promise<void>,
  limits: Limits,
) => {
  const place = places(limits, slowAfter === undefined ? {} : { slowAfter });
  const gate = endpointGate<Queued>(place);
  const inHand = new Map<string, Promise<void>>();
  const warn = (message: string, error: unknown, details: object = {}) =>
    report.warn(message, { ...details, error: messageOf(error) });

  /** Calls back up to `count` parked jobs, of those that are still there. */
  const callBack = async (next: () => Queued | undefined, count = 1) => {
    for (let called = 0, job = next(); job; job = called < count ? next() : undefined)
      if (await moved(job.promote())) called += 1;
  };

  /** Calls back who may come now that a job of the endpoint has ended. */
  const callNext = async (endpointId: string, wasSlow: boolean) => {
    if (!place.isSlow(endpointId))
      await callBack(() => gate.next(endpointId), wasSlow ? place.free(endpointId) : 1);
    await callBack(gate.nextSlow);
  };

  const work = async (job: Queued, token?: string) => {
    const { data } = job;
    const key = jobKey(data);
    // Redis may hand it out a second time when it has lost its lock or was emptied: one at a time is enough.
    if (inHand.has(key)) return;
    gate.unpark(data.endpointId, key);
    const giveBack = gate.enter(data.endpointId);
    if (!giveBack) {
      await job.moveToDelayed(Date.now() + parkedMs, token);
      gate.park(data.endpointId, key, job);
      await callBack(() => gate.next(data.endpointId)); // a place may have become free meanwhile
      throw new DelayedError();
    }
    const running = (async () => handler(data))().catch((error) =>
      warn('a delivery could not be handled', error, data),
    );
    inHand.set(key, running);
    await running;
    inHand.delete(key);
    const wasSlow = place.isSlow(data.endpointId);
    giveBack();
    callNext(data.endpointId, wasSlow).catch((error) => warn('a waiting delivery comes later', error));
  };

  const worker = new Worker<Job, void>('deliveries', work, {
    prefix,
    connection: redis,
    concurrency: limits.concurrency,
    runRetryDelay: 1_000,
  });
  worker.on('error', (error) => {
    if (redis.status === 'ready') warn('the delivery queue reports an error', error);
  });

  return {
    async close() {
      const closed = worker.close();
      while (inHand.size > 0) await Promise.all(inHand.values());
      // With a server that is down BullMQ waits for it; what it has not written by then is worked on again.
      const patience = <T>(ending: Promise<T>) => within(closeWithinMs, ending);
      await patience(closed).catch(() => patience(worker.getBackend().close(true)).catch(() => undefined));
      redis.disconnect();
    },
  };
};

/**
 * Opens the queue. A delivery is in it once, by its key; Redis may be emptied or started again at any time: what was
 * lost is put back by who added it. Throws one plain sentence naming REDIS_URL when it is refused.
 */
export const openBullQueue = async (
  options: StoreOptions & { readonly logId: string; readonly slowAfter?: number },
): Promise<DeliveryQueue> => {
  const { report } = options;
  const prefix = `${options.prefix}core-api:${options.logId}`;
  const redis = await connectRedis(options, failingFast);
  await warnOfEviction(redis, report);
  const queue = new Queue<Job, void, string>('deliveries', {
    prefix,
    connection: redis,
    skipVersionCheck: true, // it would ask once, and be broken for good when it got no answer
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  queue.on('error', () => undefined); // the connection reports itself
  let worker: ReturnType<typeof startWorker> | undefined;
  let closing: Promise<void> | undefined;
  let left: number | undefined;

  const connected = () => {
    if (redis.status !== 'ready') throw new Error('there is no connection');
  };
  const depth = () =>
    orUnavailable(async () => {
      connected();
      return queue.getJobCountByTypes(...states);
    });

  const add = async (jobs: readonly { job: Job; at: number }[]) => {
    connected();
    const timestamp = Date.now();
    const added = await queue.addBulk(
      jobs.map(({ job, at }) => ({
        name: 'delivery',
        data: job,
        opts: { jobId: jobKey(job), timestamp, delay: Math.max(0, at - timestamp) },
      })),
    );
    // A job that was there already stayed as it was. Looking after adding finds it whoever added it, and when.
    const due = await dueTimes(
      redis,
      queue.toKey('delayed'),
      jobs.map(({ job }) => jobKey(job)),
    );
    for (const [index, { at }] of jobs.entries()) {
      const job = added[index];
      if (!job || (due[index] ?? 0) <= at) continue;
      const delay = at - Date.now();
      await moved(delay > 0 ? job.changeDelay(delay) : job.promote());
    }
  };

  return {
    async add(jobs) {
      if (closing || jobs.length === 0) return;
      await orUnavailable(() => add(jobs));
    },

    work(handler, limits) {
      const { slowAfter } = options;
      worker = startWorker(
        { prefix, report, redis: redisClient(options, waiting), slowAfter },
        handler,
        limits,
      );
    },

    depth: async () => left ?? depth(),

    close() {
      closing ??= (async () => {
        await worker?.close();
        left = await depth().catch(() => 0);
        await queue.close();
        redis.disconnect();
      })();
      return closing;
    },
  };
};
