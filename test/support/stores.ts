// Where an installation of the tests keeps its data: in its folder, or, in `npm run test:servers`, on the shared servers.
import { createHash, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { sharedServers } from '../servers/shared.js';

/** What a folder is on servers: the same folder is the same installation, as it is without them. */
const prefixOf = (dir: string): string => `t${createHash('sha256').update(dir).digest('hex').slice(0, 12)}_`;
const ENCRYPTION_KEY = Buffer.alloc(32, 'test').toString('base64');

const used = new Set<string>();

/** A STORE_PREFIX of its own, for several processes to share. */
export const ownPrefix = (): string => {
  const prefix = prefixOf(randomUUID());
  used.add(prefix);
  return prefix;
};

/** Settings that lead the installation of a folder to its stores; none when everything is in the folder itself. */
export const storeSettings = (dir: string): Readonly<Record<string, string>> => {
  const servers = sharedServers();
  if (!servers) return {};
  const { eventstore, mongodb, redis } = servers;
  const prefix = prefixOf(dir);
  used.add(prefix);
  return {
    STORE_PREFIX: prefix,
    ENCRYPTION_KEY,
    EVENTSTORE_URL: eventstore.url,
    ...('url' in mongodb ? { MONGODB_URL: mongodb.url } : {}),
    ...('url' in redis ? { REDIS_URL: redis.url } : {}),
  };
};

/** Removes the databases of installations with these prefixes. */
export const dropDatabases = async (url: string, prefixes: readonly string[]) => {
  const client = new MongoClient(url);
  for (const prefix of prefixes) await client.db(`${prefix}core_api`).dropDatabase();
  await client.close();
};

const dropKeys = async (url: string, patterns: readonly string[]) => {
  const redis = new Redis(url);
  for (const match of patterns)
    for await (const keys of redis.scanStream({ match, count: 1_000 }))
      if (keys.length > 0) await redis.unlink(keys);
  redis.disconnect();
};

/** What Redis does by its own clock a day later: forgets the idempotency records of a folder's installation. */
export const expireRecords = async (dir: string): Promise<void> => {
  const redis = sharedServers()?.redis;
  if (redis && 'url' in redis) await dropKeys(redis.url, [`${prefixOf(dir)}core-api:*:idempotency:*`]);
};

/** Removes what this test file left in databases. Streams of events stay: a server does not give them up at once. */
export const dropStores = async (): Promise<void> => {
  const servers = sharedServers();
  const prefixes = [...used];
  used.clear();
  if (!servers || prefixes.length === 0) return;
  const { mongodb, redis } = servers;
  if ('url' in mongodb) await dropDatabases(mongodb.url, prefixes);
  if ('url' in redis)
    await dropKeys(
      redis.url,
      prefixes.map((prefix) => `${prefix}*`),
    );
};
