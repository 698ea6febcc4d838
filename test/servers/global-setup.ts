// Before `npm run test:servers`: starts each server once, says which it is, and stops it in the end.
import { appendFileSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { startEventStore } from './eventstoredb.js';
import { leftOut } from './left-out.js';
import { startMongo } from './mongodb.js';
import { startRedis } from './redis.js';
import type { Skipped, TestServer } from './server.js';
import type { SharedServer } from './shared.js';

/** Says it on the terminal and, where TEST_SERVERS_REPORT names a file, there too. */
const say = (sentence: string) => {
  console.info(sentence);
  const report = process.env['TEST_SERVERS_REPORT'];
  if (report) appendFileSync(report, `${sentence}\n`);
};

const announce = (name: string, found: TestServer | Skipped) =>
  say('skipped' in found ? `${name}: skipped, ${found.skipped}` : `${name}: ${found.used}`);

/** What workers may be told: a function cannot be sent to them. */
const told = <S extends TestServer | Skipped>(found: S) =>
  ('skipped' in found ? found : { url: found.url, used: found.used }) as S extends Skipped
    ? Skipped
    : SharedServer;

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const [eventstore, mongodb, redis] = await Promise.all([startEventStore(), startMongo(), startRedis()]);
  announce('EventStoreDB', eventstore);
  announce('MongoDB', mongodb);
  announce('Redis', redis);
  for (const [file, reason] of Object.entries(leftOut)) say(`${file}: not run on servers. ${reason}`);
  project.provide('servers', { eventstore: told(eventstore), mongodb: told(mongodb), redis: told(redis) });
  return async () => {
    for (const server of [eventstore, mongodb, redis]) if (!('skipped' in server)) await server.stop();
  };
};
