// The log on EventStoreDB under faults: writers and a follower at work while the server is killed, frozen, flooded.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import { type Batch, type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { type Follower, follower } from '../../src/projections/follower.js';
import { quiet, startDouble } from '../servers/eventstoredb.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';

const server = await startDouble();
afterAll(() => server.stop());

/** A store that is down must be noticed within this, ms. */
const NOTICED = 5_000;
const WRITERS = 12;

let log: EventLog;
let following: Follower;
let seen: { id: string; position: number }[];
let handled: number;
let slowest: number;
beforeEach(async () => {
  log = await openEventStoreLog({
    url: server.url,
    prefix: `t${randomBytes(4).toString('hex')}_`,
    report: quiet,
  });
  seen = [];
  handled = -1;
  slowest = 0;
  const handler = {
    name: 'seen',
    types: new Set(['Counted']),
    start: async () => -1,
    handle: async ({ events, position }: Batch) => {
      seen.push(...events);
      handled = position;
    },
  };
  following = follower(log, { projections: [handler], reactors: [] }, quiet);
  await following.start();
});
afterEach(async () => {
  server.thaw();
  await following.stop();
  await log.close();
});

/** Appends one event after the other until told to stop, each again as it was until it is acknowledged; their ids. */
const writer = async (n: number, stop: AbortSignal): Promise<string[]> => {
  const acknowledged: string[] = [];
  while (!stop.aborted) {
    const event = newEvent('Counted', { text: 'x'.repeat(300) });
    for (let stored = false; !stored; ) {
      const since = Date.now();
      const revision = acknowledged.length - 1;
      try {
        await log.append(`writer-${n}`, [event], revision < 0 ? 'no_stream' : revision);
        stored = true;
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        await delay(50);
      } finally {
        slowest = Math.max(slowest, Date.now() - since);
      }
    }
    acknowledged.push(event.id);
  }
  return acknowledged;
};

/**
 * Writers at work while `faults` happen; afterwards nothing acknowledged is lost, nothing doubled, all followed.
 * `others` = events in the log that are not the writers'.
 */
const survives = async (faults: () => Promise<void>, others = 0) => {
  const stop = new AbortController();
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n, stop.signal)));
  await faults();
  await delay(300);
  stop.abort();
  const acknowledged = await writing;
  for (const [n, ids] of acknowledged.entries())
    expect(idsOf(await collect(log.read(`writer-${n}`)))).toEqual(ids);
  const all = idsOf(await collect(log.readAll(-1)));
  expect(all).toHaveLength(acknowledged.flat().length + others);
  expect(await following.waitFor(await log.head(), undefined, 20_000)).toBe(true);
  expect(idsOf(seen)).toEqual(all);
  expect(handled).toBeGreaterThanOrEqual(seen.at(-1)?.position ?? 0);
  expect(slowest).toBeLessThan(NOTICED);
};

test('killed and started again three times', () =>
  survives(async () => {
    for (let times = 0; times < 3; times++) {
      await delay(300);
      await server.kill();
      await delay(300);
      await server.start();
    }
  }));

test('down for some seconds', () =>
  survives(async () => {
    await delay(300);
    await server.kill();
    await delay(6_000);
    await server.start();
  }));

test(
  'frozen for as long as it takes the connections to be given up',
  () =>
    survives(async () => {
      await delay(300);
      server.freeze();
      await delay(16_000);
      server.thaw();
    }),
  60_000,
);

test('flooded by appends of five hundred events', async () => {
  for (let n = 0; n < 20; n++) await log.append('flood', counted(500), 'any');
  await survives(async () => {
    for (let n = 0; n < 20; n++) await log.append('flood', counted(500), 'any');
  }, 20_000);
});
