// Connections to Redis: fail fast while the server is down, and come back by themselves.
import { createHash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { messageOf, type StoreOptions } from './connection.js';
import { StoreUnavailable } from './read-models/port.js';

const setting = 'REDIS_URL';
const firstAnswerMs = 4_000;
const refused = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid (password|username))/;

export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/**
 * Fails at once while there is no connection, and after 2 s without an answer: the connection then counts as broken,
 * so that only the first to notice has waited. Nothing is sent twice.
 */
export const failingFast: ClientOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  socketTimeout: 2_000,
  commandTimeout: 2_500,
};

/** Waits for the server, however long: what BullMQ's workers need. */
export const waiting: ClientOptions = { maxRetriesPerRequest: null };

const checkUrl = (url: string) => {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol !== 'redis:' && protocol !== 'rediss:')
    throw new Error(`${setting} is not a URL such as redis://localhost:6379, or rediss:// for TLS.`);
};

/** Resolves with what became of the first try: undefined once the server answers, else the error. */
const firstTry = (redis: Redis): Promise<Error | undefined> =>
  new Promise((resolve) => {
    const end = (error?: Error) => {
      clearTimeout(timer);
      redis.off('ready', onReady).off('error', end);
      resolve(error);
    };
    const onReady = () => end();
    const timer = setTimeout(() => end(new Error(`no answer within ${firstAnswerMs} ms`)), firstAnswerMs);
    redis.once('ready', onReady).once('error', end);
  });

/** Reports the loss of a connection once, not each try to get it back. */
const reportOutages = (redis: Redis, report: StoreOptions['report']) => {
  let down = false;
  redis.on('ready', () => {
    down = false;
  });
  redis.on('error', (error) => {
    if (down) return;
    down = true;
    report.warn(`${setting}: the server cannot be reached; trying until it can.`, { error: error.message });
  });
};

/** A client that connects by itself. Throws one plain sentence naming REDIS_URL when it is no URL. */
export const redisClient = (
  { url, report }: Pick<StoreOptions, 'url' | 'report'>,
  options: ClientOptions,
): Redis => {
  checkUrl(url);
  const retryStrategy = (tries: number) => Math.min(50 * 2 ** tries, 1_000) * (0.5 + Math.random() / 2);
  const settings: ClientOptions = { connectionName: 'core-api', connectTimeout: 3_000, retryStrategy };
  const redis = new Redis(url, { ...settings, ...options });
  reportOutages(redis, report);
  return redis;
};

/**
 * Connects. Throws one plain sentence naming REDIS_URL when it is no URL or the server refuses the user.
 * A server that is down is reported, and used as soon as it is there. TLS and credentials are taken from the URL.
 */
export const connectRedis = async (
  options: Pick<StoreOptions, 'url' | 'report'>,
  clientOptions: ClientOptions,
): Promise<Redis> => {
  const redis = redisClient(options, clientOptions);
  const error = await firstTry(redis);
  if (!error || !refused.test(error.message)) return redis;
  redis.disconnect();
  throw new Error(`${setting}: the server refused the user or the password.`);
};

/** What the server says of itself (INFO), by name: `run_id`, `maxmemory_policy` and others. */
export const serverInfo = async (redis: Redis): Promise<Map<string, string>> => {
  const lines = (await redis.info()).split(/\r?\n/).map((line) => line.split(':'));
  return new Map(
    lines.flatMap(([name, ...value]) => (name && value.length > 0 ? [[name, value.join(':')]] : [])),
  );
};

/** Runs an operation; any failure is StoreUnavailable. */
export const orUnavailable = async <T>(operation: () => Promise<T>): Promise<T> => {
  try {
    return await operation();
  } catch (error) {
    throw error instanceof StoreUnavailable ? error : new StoreUnavailable(setting, error);
  }
};

/** A Lua script with `keys` keys, run atomically, in the order of the calls. */
export const redisScript = (redis: Redis, keys: number, lua: string) => {
  const hash = createHash('sha1').update(lua).digest('hex');
  let known = false; // to the server behind this connection
  redis.on('close', () => {
    known = false;
  });
  return (...args: readonly (string | number)[]): Promise<unknown> =>
    orUnavailable(async () => {
      if (!known) {
        known = true;
        return redis.eval(lua, keys, ...args);
      }
      try {
        return await redis.evalsha(hash, keys, ...args);
      } catch (error) {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
        return redis.eval(lua, keys, ...args);
      }
    });
};
