// Everything that an installation has stored, as text, wherever that is: to look for what must not be there.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { storeSettings } from './stores.js';

const inFiles = async (dir: string): Promise<string> => {
  const names = await readdir(dir, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')),
  );
  return texts.join('\n');
};

const inEventStore = async (url: string, prefix: string): Promise<string> => {
  const client = EventStoreDBClient.connectionString(url);
  const texts: string[] = [];
  for await (const { event } of client.readAll()) {
    if (!event?.streamId.startsWith(prefix)) continue;
    const { type, streamId, data, metadata } = event;
    texts.push(JSON.stringify({ type, streamId, data, metadata }));
  }
  await client.dispose();
  return texts.join('\n');
};

const inMongo = async (url: string, prefix: string): Promise<string> => {
  const client = new MongoClient(url);
  const texts: string[] = [];
  for (const collection of await client.db(`${prefix}core_api`).collections())
    texts.push(collection.collectionName, JSON.stringify(await collection.find().toArray()));
  await client.close();
  return texts.join('\n');
};

const inRedis = async (url: string, prefix: string): Promise<string> => {
  const redis = new Redis(url);
  const read: Partial<Record<string, (key: string) => Promise<unknown>>> = {
    string: (key) => redis.get(key),
    hash: (key) => redis.hgetall(key),
    list: (key) => redis.lrange(key, 0, -1),
    set: (key) => redis.smembers(key),
    zset: (key) => redis.zrange(key, 0, '-1'),
    stream: (key) => redis.xrange(key, '-', '+'),
  };
  const texts: string[] = [];
  for (const key of await redis.keys(`${prefix}*`))
    texts.push(key, JSON.stringify(await read[await redis.type(key)]?.(key)));
  redis.disconnect();
  return texts.join('\n');
};

/** By place: the files of the folder, and what its installation has on each server. */
export const everythingStored = async (dir: string): Promise<Record<string, string>> => {
  const { EVENTSTORE_URL, MONGODB_URL, REDIS_URL, STORE_PREFIX = '' } = storeSettings(dir);
  return {
    files: await inFiles(dir),
    ...(EVENTSTORE_URL ? { EventStoreDB: await inEventStore(EVENTSTORE_URL, STORE_PREFIX) } : {}),
    ...(MONGODB_URL ? { MongoDB: await inMongo(MONGODB_URL, STORE_PREFIX) } : {}),
    ...(REDIS_URL ? { Redis: await inRedis(REDIS_URL, STORE_PREFIX) } : {}),
  };
};
