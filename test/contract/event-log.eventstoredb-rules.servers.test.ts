// The log on EventStoreDB holds each rule that the server and its client impose on whoever uses them.
import { randomBytes, randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type EventStoreLogOptions, openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import { exact } from '../../src/adapters/event-log/eventstoredb-format.js';
import {
  type Batch,
  type EventLog,
  LogUnavailable,
  RevisionConflict,
} from '../../src/adapters/event-log/port.js';
import type { Recorded } from '../../src/domain/decider.js';
import { quiet, startDouble } from '../servers/eventstoredb.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';

const server = await startDouble();
afterAll(() => server.stop());

/** Short waits, so that a test of a frozen server is not long; the defaults stay below 5 s in all. */
const limits = { callMs: 1_500, silenceMs: 200, probeMs: 800 };
const told: string[] = [];
const report = { ...quiet, info: (message: string) => void told.push(message) };
const openLog = (options: Partial<EventStoreLogOptions> = {}) =>
  openEventStoreLog({
    ...{ url: server.url, prefix: `t${randomBytes(4).toString('hex')}_`, report, limits },
    ...options,
  });
/** A log that does not ask after a silence: what it notices, it is told. */
const deafLog = async () => {
  await log.close();
  log = await openLog({ limits: { ...limits, silenceMs: 60_000 } });
};

let log: EventLog;
let stream: string;
let stop: AbortController;
beforeEach(async () => {
  told.length = 0;
  stop = new AbortController();
  log = await openLog();
  stream = `thing-${randomUUID()}`;
});
afterEach(async () => {
  server.thaw();
  stop.abort();
  await log.close();
});

const follow = (after: number, filter = {}) =>
  log.subscribe(after, filter, stop.signal)[Symbol.asyncIterator]();
/** Pulls until it is live; gives the events on the way. */
const catchUp = async (batches: AsyncIterator<Batch>): Promise<Recorded[]> => {
  const found: Recorded[] = [];
  for (;;) {
    const { value } = await batches.next();
    found.push(...value.events);
    if (value.caughtUp) return found;
  }
};
/** Pulls until `count` events are there. */
const pull = async (batches: AsyncIterator<Batch>, count: number): Promise<Recorded[]> => {
  const found: Recorded[] = [];
  while (found.length < count) {
    const { value, done } = await batches.next();
    if (done) break;
    found.push(...value.events);
  }
  return found;
};
const unavailable = (fate: 'not_written' | 'unknown') =>
  expect.toSatisfy((error) => error instanceof LogUnavailable && error.fate === fate);

describe('1: subscriptions do not reconnect', () => {
  test('a killed server ends one with an error, and following on from its last batch loses and doubles nothing', async () => {
    await deafLog();
    const events = counted(20);
    await log.append(stream, events.slice(0, 10), 'no_stream');
    const batches = follow(-1);
    const before = await catchUp(batches);
    const broken = expect(batches.next()).rejects.toThrow(LogUnavailable);
    await server.kill();
    await broken;
    await server.start();
    await log.append(stream, events.slice(10), 9);
    const after = await pull(follow(before.at(-1)?.position ?? -1), 10);
    expect(idsOf([...before, ...after])).toEqual(idsOf(events));
  });

  test('a frozen server ends one with an error', async () => {
    const batches = follow(-1);
    await catchUp(batches);
    server.freeze();
    await expect(batches.next()).rejects.toThrow(LogUnavailable);
  });
});

describe('2: a burst ends a live subscription', () => {
  test('which is renewed unseen: nothing is lost or doubled', async () => {
    const batches = follow(-1);
    await catchUp(batches);
    const events = counted(5_000);
    const pulled = pull(batches, events.length);
    for (let n = 0; n < events.length; n += 500)
      await log.append(stream, events.slice(n, n + 500), n === 0 ? 'no_stream' : n - 1);
    expect(idsOf(await pulled)).toEqual(idsOf(events));
    expect(told).toContainEqual(expect.stringContaining('a burst ended the subscription'));
  });
});

describe('3: checkpoints run ahead of what was read', () => {
  test('a batch never names a position beyond an event that a later batch brings', async () => {
    for (let n = 0; n < 10; n++) {
      await log.append(`other-${stream}`, counted(300), 'any');
      await log.append(stream, counted(300), 'any');
    }
    const batches = follow(-1, { categories: new Set(['thing']) });
    let position = -1;
    let seen = 0;
    while (seen < 3_000) {
      const { value } = await batches.next();
      for (const event of value.events) expect(event.position).toBeGreaterThan(position);
      position = value.position;
      seen += value.events.length;
      // A reader that takes its time: meanwhile all the buffers on the way fill up.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(seen).toBe(3_000);
  });
});

describe('4: a read that is left holds one of a hundred streams', () => {
  test('a hundred and fifty reads of each kind may be left early', async () => {
    await log.append(stream, counted(200), 'no_stream');
    for (let n = 0; n < 150; n++) {
      for await (const _ of log.read(stream)) break;
      for await (const _ of log.readAll(-1)) break;
      for await (const _ of log.subscribe(-1, {}, stop.signal)) break;
    }
    expect(await collect(log.read(stream))).toHaveLength(200);
    expect(await collect(log.readAll(-1))).toHaveLength(200);
    expect(await pull(follow(-1), 200)).toHaveLength(200);
  });
});

describe('5: a connection carries a hundred streams', () => {
  test('with as many subscriptions as fit, appends and reads go on', async () => {
    await deafLog();
    await log.append(stream, counted(1), 'no_stream');
    await Promise.all(Array.from({ length: 99 }, () => catchUp(follow(-1))));
    expect((await log.append(stream, counted(1), 0)).revision).toBe(1);
    expect(await collect(log.read(stream))).toHaveLength(2);
    expect(await collect(log.readAll(-1))).toHaveLength(2);
    expect(await log.head()).toBeGreaterThan(0);
  });
});

describe('6: reads have no deadline', () => {
  test('of a frozen server they fail in time, and so does the head', async () => {
    await log.append(stream, counted(1), 'no_stream');
    server.freeze();
    const frozen = [
      collect(log.read(stream)),
      collect(log.readAll(-1)),
      log.head(),
      log.append(stream, counted(1), 0),
    ];
    const settled = await Promise.allSettled(frozen);
    for (const one of settled)
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(LogUnavailable) });
  });

  test('a reader that takes longer than that is not too late', async () => {
    await log.append(stream, counted(300), 'no_stream');
    let count = 0;
    for await (const _ of log.read(stream))
      if (++count === 100) await new Promise((resolve) => setTimeout(resolve, limits.callMs + 300));
    expect(count).toBe(300);
  });
});

describe('7: without exceptions the client tells a wrong revision', () => {
  test('a URL that asks for that changes nothing: conflicts name the right one', async () => {
    const other = await openLog({ url: `${server.url}&throwOnAppendFailure=false` });
    await other.append(stream, counted(5), 'no_stream');
    const conflict = other.append(stream, counted(1), 'no_stream');
    await expect(conflict).rejects.toThrow(
      expect.toSatisfy((error) => error instanceof RevisionConflict && error.actual === 4),
    );
    await other.close();
  });
});

describe('8: a failed connection has many faces', () => {
  test('to a server that is down nothing was written; the log recovers by itself', async () => {
    await log.append(stream, counted(1), 'no_stream');
    await server.kill();
    // What was handed to a connection that nobody knew to be broken is another matter.
    await log.append(stream, counted(1), 0).catch(() => undefined);
    await expect(log.append(stream, counted(1), 0)).rejects.toThrow(unavailable('not_written'));
    await expect(collect(log.read(stream))).rejects.toThrow(LogUnavailable);
    await expect(log.head()).rejects.toThrow(LogUnavailable);
    await server.start();
    expect((await log.append(stream, counted(1), 0)).revision).toBe(1);
  });

  test('an append that the server does not answer in time may be written', async () => {
    await log.append(stream, counted(1), 'no_stream');
    server.freeze();
    const late = log.append(stream, counted(1), 0);
    await expect(late).rejects.toThrow(unavailable('unknown'));
  });

  test('killed under 300 appends of 60 kB every one of them settles, and no error is left over', async () => {
    const left: unknown[] = [];
    const listen = (error: unknown) => void left.push(error);
    process.on('unhandledRejection', listen);
    const big = () =>
      log.append(`big-${randomUUID()}`, [newEvent('Counted', { text: 'x'.repeat(60_000) })], 'no_stream');
    await big();
    const appends = Array.from({ length: 300 }, big);
    await appends[0];
    await server.kill();
    const settled = await Promise.allSettled(appends);
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.off('unhandledRejection', listen);
    await server.start();
    const failed = settled.filter((one) => one.status === 'rejected');
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) expect(reason).toBeInstanceOf(LogUnavailable);
    expect(left).toEqual([]);
  });
});

describe('9: one bad append ends all that are under way', () => {
  test('so it is refused before it is sent, and the thirty others are stored', async () => {
    const good = Array.from({ length: 30 }, (_, n) => log.append(`${stream}${n}`, counted(1), 'no_stream'));
    await expect(log.append(stream, counted(1), -1)).rejects.toThrow(RangeError);
    await expect(log.append(stream, [newEvent('\ud800')], 'any')).rejects.toThrow(RangeError);
    expect(await Promise.all(good)).toHaveLength(30);
  });
});

describe('10: a rejected append may be stored', () => {
  test('the fate is unknown, and doing it again writes nothing new', async () => {
    const mortal = await startDouble(['--die-on', 'Fatal']);
    onTestFinished(() => mortal.stop());
    const logOf = await openEventStoreLog({ url: mortal.url, report: quiet, limits });
    await logOf.append(stream, counted(2), 'no_stream');
    const events = [newEvent('Fatal'), newEvent()];
    await expect(logOf.append(stream, events, 1)).rejects.toThrow(unavailable('unknown'));
    await mortal.kill(); // it has done so itself: waits until it is gone
    await mortal.start();
    expect((await logOf.append(stream, events, 1)).revision).toBe(3);
    expect(await collect(logOf.read(stream))).toHaveLength(4);
    await logOf.close();
  });
});

describe('11: positions are places in a file', () => {
  test('not consecutive, while revisions are; following goes on also from between two', async () => {
    const positions: number[] = [];
    for (let n = 0; n < 3; n++) {
      const { position, revision } = await log.append(stream, counted(1), n === 0 ? 'no_stream' : n - 1);
      expect(revision).toBe(n);
      positions.push(position);
    }
    const [first = 0, second = 0, third = 0] = positions;
    expect(Math.min(second - first, third - second)).toBeGreaterThan(1);
    const rest = await pull(follow(first + 1), 2);
    expect(rest.map(({ position }) => position)).toEqual([second, third]);
  });

  test('of others’ events they count as well, and none of those is shown', async () => {
    const client = EventStoreDBClient.connectionString(server.url);
    const mine = await log.append(stream, counted(1), 'no_stream');
    await client.appendToStream(
      `foreign-${stream}`,
      Array.from({ length: 50 }, () => jsonEvent({ type: 'Counted', data: {} })),
    );
    const next = await log.append(stream, counted(1), 0);
    expect(next.position - mine.position).toBeGreaterThan(50);
    expect(await collect(log.readAll(-1))).toHaveLength(2);
    expect(await log.head()).toBe(next.position);
    await client.dispose();
  });

  test('of another installation count as well, and none of its events is shown, however alike its prefix', async () => {
    const prefix = `t${randomBytes(4).toString('hex')}`;
    await log.close();
    log = await openLog({ prefix });
    const other = await openLog({ prefix: `${prefix}x` });
    await other.append(`${stream}0`, counted(1), 'no_stream');
    await other.append(stream, counted(3), 'no_stream');
    await log.append(stream, counted(1), 'no_stream');
    await other.append(stream, counted(3), 2);
    for (const filter of [{}, { types: new Set(['Counted']) }, { categories: new Set(['thing']) }])
      expect(await collect(log.readAll(-1, filter))).toHaveLength(1);
    expect(await catchUp(follow(-1))).toHaveLength(1);
    await other.close();
  });

  test('that are no exact numbers are refused', () => {
    expect(exact(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => exact(2n ** 53n)).toThrow(RangeError);
  });
});
