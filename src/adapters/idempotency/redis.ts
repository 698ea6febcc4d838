// Idempotency records in Redis: claims by atomic scripts, a short lease that a live run renews, and what holds after a loss.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { messageOf, type StoreOptions } from '../connection.js';
import { connectRedis, failingFast, orUnavailable, redisScript, serverInfo } from '../redis-connection.js';
import { hmac, seal, unseal } from '../seal.js';
import type { Begun, Idempotency, Started, StoredAnswer } from './port.js';
import { beginScript, finishScript, releaseScript, renewScript } from './redis-scripts.js';

export type RedisIdempotencyOptions = StoreOptions & {
  readonly logId: string;
  /** Purpose key that the records are sealed with. */
  readonly key: Buffer;
  /** Unix ms. The server's own clock, the same for every process, unless tests give another. */
  readonly now?: () => number;
};

type Run = { readonly name: string; readonly token: string; readonly started: Started };

const leaseMs = 2_000;
const renewEveryMs = 600;
const lifeMs = 24 * 3_600_000;

/** What a connection says of its server. Another run of it, or one that evicts keys, may have lost records. */
type Server = { readonly runId: string; readonly evicts: boolean };

/** Asks the server anew after each time that the connection was lost. */
const serverOf = (redis: Redis): (() => Promise<Server>) => {
  let asked: Promise<Server> | undefined;
  redis.on('close', () => {
    asked = undefined;
  });
  return () => {
    asked ??= orUnavailable(async () => {
      const info = await serverInfo(redis);
      return { runId: info.get('run_id') ?? '', evicts: info.get('maxmemory_policy') !== 'noeviction' };
    }).catch((error) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
};

/**
 * Opens the records. They may be lost when the server was emptied or started again: for 24 h after either was seen,
 * every new run is told to look for its events first. Throws one plain sentence naming REDIS_URL or ENCRYPTION_KEY.
 */
export const openRedisIdempotency = async (options: RedisIdempotencyOptions): Promise<Idempotency> => {
  const { key, logId, prefix, report, now } = options;
  const base = `${prefix}core-api:${logId}:idempotency:`;
  const guard = `${base}guard`;
  // The keys of callers do not stand in the store in clear: a record's name is an HMAC with a key of its own.
  const nameKey = Buffer.from(hmac(key, 'record names'), 'hex');
  const redis = await connectRedis(options, failingFast);
  const server = serverOf(redis);
  const claim = redisScript(redis, 2, beginScript);
  const complete = redisScript(redis, 1, finishScript);
  const letGo = redisScript(redis, 1, releaseScript);
  const prolong = redisScript(redis, 1, renewScript);

  const runs = new Map<string, Run>();
  const writes = new Set<Promise<unknown>>();
  const time = () => (now ? now() : -1);

  const open = <T>(sealed: string, name: string): T => {
    try {
      return JSON.parse(unseal(key, sealed, name).toString()) as T;
    } catch (cause) {
      throw new Error('ENCRYPTION_KEY is not the key that the records in REDIS_URL were sealed with.', {
        cause,
      });
    }
  };

  const checkKey = async () => {
    const held = await redis.hget(guard, 'check');
    if (held) open(held, guard);
    else await redis.hsetnx(guard, 'check', seal(key, 'true', guard));
  };

  /** A write that nobody waits for: when it fails, the lease ends and the command is run again, finding its events. */
  const unattended = (write: Promise<unknown>) => {
    const settled = write
      .catch((error) => report.warn('an idempotency record was not written', { error: messageOf(error) }))
      .finally(() => writes.delete(settled));
    writes.add(settled);
  };

  try {
    if (redis.status === 'ready') await checkKey();
  } catch (error) {
    redis.disconnect();
    throw error;
  }

  const renewing = setInterval(() => {
    for (const { name, token } of runs.values())
      prolong(`${base}${name}`, token, time(), leaseMs).catch(() => undefined); // the next one may come through
  }, renewEveryMs).unref();

  /** Ends a run of this process: nobody else renews or finishes it. */
  const end = (callerKey: string): Run | undefined => {
    const run = runs.get(callerKey);
    runs.delete(callerKey);
    return run;
  };

  return {
    async begin(callerKey, fresh): Promise<Begun> {
      const name = hmac(nameKey, callerKey).slice(0, 32);
      const token = randomUUID();
      const { runId, evicts } = await server();
      const sealed = seal(key, JSON.stringify(fresh), name);
      const [state, stored, retry, doubtful] = (await claim(
        ...[`${base}${name}`, guard, fresh.fingerprint, sealed, token, runId],
        ...[evicts ? 1 : 0, time(), leaseMs, lifeMs],
      )) as [Begun['state'], string | null, number, number?];
      if (state === 'finished') return { state, answer: open<StoredAnswer>(stored ?? '', name) };
      if (state !== 'run') return { state };
      const started = stored ? open<Started>(stored, name) : fresh;
      runs.set(callerKey, { name, token, started });
      return { state, started, retry: retry === 1, ...(doubtful === 1 ? { doubtful: true } : {}) };
    },

    async finish(callerKey, answer, { durable }) {
      const run = end(callerKey);
      if (!run) return;
      const sealed = seal(key, JSON.stringify(answer), run.name);
      const { fingerprint } = run.started;
      const written = complete(`${base}${run.name}`, fingerprint, sealed, time(), lifeMs);
      if (durable) await written;
      else unattended(written);
    },

    async release(callerKey) {
      const run = end(callerKey);
      if (run) unattended(letGo(`${base}${run.name}`, run.token));
    },

    async close() {
      clearInterval(renewing);
      runs.clear();
      await Promise.all(writes);
      redis.disconnect();
    },
  };
};
