// The part of the log's contract about reading all of it and following it live.
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Batch, EventLog, Filter } from '../../src/adapters/event-log/port.js';
import type { Recorded } from '../../src/domain/decider.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';

/** Pulls batches until `enough` says so; then ends the subscription. */
const follow = async (
  log: EventLog,
  after: number,
  filter: Filter,
  enough: (events: readonly Recorded[], batch: Batch) => boolean,
): Promise<{ events: Recorded[]; batches: Batch[] }> => {
  const stop = new AbortController();
  const events: Recorded[] = [];
  const batches: Batch[] = [];
  for await (const batch of log.subscribe(after, filter, stop.signal)) {
    batches.push(batch);
    events.push(...batch.events);
    if (enough(events, batch)) stop.abort();
  }
  return { events, batches };
};

export const eventLogFollowing = (current: () => EventLog) => {
  let log: EventLog;
  let after: number;
  let red: string;
  let blue: string;
  beforeEach(async () => {
    log = current();
    after = await log.head();
    const mark = randomUUID().replaceAll('-', '');
    [red, blue] = [`red${mark}`, `blue${mark}`];
  });
  const only = (...categories: string[]): Filter => ({ categories: new Set(categories) });

  /** Two categories with two types of event each, in many streams. */
  const mixed = async (events: number): Promise<void> => {
    for (let i = 0; i < events; i += 1)
      await log.append(
        `${i % 2 ? red : blue}-${i % 8}`,
        [newEvent(i % 3 ? 'Turned' : 'Counted', { n: i })],
        'any',
      );
  };
  const filters = (): [Filter, (n: number) => boolean][] => [
    [only(red, blue), () => true],
    [only(red), (n) => n % 2 === 1],
    [{ ...only(red, blue), types: new Set(['Counted']) }, (n) => n % 3 === 0],
    [{ ...only(blue), types: new Set(['Turned', 'Unknown']) }, (n) => n % 2 === 0 && n % 3 !== 0],
    [{ ...only(red), types: new Set() }, () => false],
  ];
  const numbersOf = (events: readonly Recorded[]) => events.map(({ data }) => (data as { n: number }).n);
  const allNumbers = Array.from({ length: 48 }, (_, n) => n);

  describe('reading all backwards', () => {
    test('gives the events before a position, newest first, only those of the types and categories', async () => {
      await mixed(48);
      for (const [filter, wanted] of filters()) {
        const events = await collect(log.readAllBackwards(Number.POSITIVE_INFINITY, filter));
        expect(numbersOf(events)).toEqual(allNumbers.filter(wanted).reverse());
      }
      const all = await collect(log.readAllBackwards(Number.POSITIVE_INFINITY, only(red, blue)));
      expect(all).toEqual((await collect(log.readAll(after, only(red, blue)))).reverse());
      const tenth = all.at(-11)?.position ?? 0;
      const before = await collect(log.readAllBackwards(tenth, only(red, blue)));
      expect(numbersOf(before)).toEqual(allNumbers.slice(0, 10).reverse());
    });

    test('without a filter begins with the last event, and gives all that stand before one', async () => {
      await mixed(3);
      const newest: Recorded[] = [];
      for await (const event of log.readAllBackwards(Number.POSITIVE_INFINITY)) {
        newest.push(event);
        if (newest.length === 3) break;
      }
      expect(numbersOf(newest)).toEqual([2, 1, 0]);
      const [first] = await collect(log.readAllBackwards(newest[1]?.position ?? 0, {}, 1));
      expect(first?.id).toBe(newest[2]?.id);
    });

    test('ends at the head of the call', async () => {
      await mixed(5);
      const events = log.readAllBackwards(Number.POSITIVE_INFINITY, only(red, blue));
      const iterator = events[Symbol.asyncIterator]();
      const { value } = await iterator.next();
      await mixed(5);
      const rest: Recorded[] = [];
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) rest.push(next.value);
      expect(numbersOf([value, ...rest])).toEqual([4, 3, 2, 1, 0]);
    });

    test('looks at no more events than it may, wanted or not', async () => {
      await mixed(48);
      const seen = async (filter: Filter, scan: number) =>
        numbersOf(await collect(log.readAllBackwards(Number.POSITIVE_INFINITY, filter, scan)));
      // Others may append to the same server meanwhile: then there is less of ours.
      const newest = [47, 46, 45, 44, 43, 42, 41, 40, 39, 38];
      const both = await seen(only(red, blue), 10);
      expect(both).toEqual(newest.slice(0, both.length));
      const some = await seen(only(red), 10);
      expect(some).toEqual([47, 45, 43, 41, 39].slice(0, some.length));
      expect(await seen({}, 0)).toEqual([]);
      expect(await collect(log.readAllBackwards(-1))).toEqual([]);
    });

    test('that is left early leaves the log usable', async () => {
      await mixed(10);
      for (let i = 0; i < 120; i += 1)
        for await (const _ of log.readAllBackwards(Number.POSITIVE_INFINITY)) break;
      expect(await collect(log.readAll(after, only(red, blue)))).toHaveLength(10);
    });

    test('of more than a page of events gives them all, each once', async () => {
      const events = counted(700);
      for (let i = 0; i < 700; i += 100) await log.append(`${red}-1`, events.slice(i, i + 100), 'any');
      const back = await collect(log.readAllBackwards(Number.POSITIVE_INFINITY, only(red)));
      expect(idsOf(back)).toEqual(idsOf(events).reverse());
    });
  });

  describe('reading all', () => {
    test('gives the events after a position in log order, only those of the types and categories', async () => {
      await mixed(48);
      for (const [filter, wanted] of filters())
        expect(numbersOf(await collect(log.readAll(after, filter)))).toEqual(allNumbers.filter(wanted));
      const all = await collect(log.readAll(after, only(red, blue)));
      expect(all.map(({ position }) => position)).toEqual(
        all.map(({ position }) => position).sort((a, b) => a - b),
      );
      const tenth = all[9]?.position ?? 0;
      expect(numbersOf(await collect(log.readAll(tenth, only(red, blue))))).toEqual(allNumbers.slice(10));
      expect(numbersOf(await collect(log.readAll(-1, only(red, blue))))).toEqual(allNumbers);
    });

    test('ends at the head that there was when it began', async () => {
      await mixed(6);
      const events = log.readAll(after, only(red, blue));
      await log.append(`${red}-x`, counted(1), 'any');
      expect(await collect(events)).toHaveLength(6);
    });

    test('gives nothing at the head and beyond it', async () => {
      await mixed(2);
      expect(await collect(log.readAll(await log.head()))).toEqual([]);
      expect(await collect(log.readAll((await log.head()) + 1_000_000))).toEqual([]);
    });
  });

  describe('following', () => {
    test('gives the same events as reading all, filtered, and says up to where it has seen everything', async () => {
      await mixed(48);
      const head = await log.head();
      for (const [filter, wanted] of filters()) {
        const { events, batches } = await follow(log, after, filter, (_, batch) => batch.caughtUp);
        expect(numbersOf(events)).toEqual(allNumbers.filter(wanted));
        expect(batches.at(-1)?.position).toBeGreaterThanOrEqual(head);
        for (const { events: part, position } of batches)
          for (const event of part) expect(event.position).toBeLessThanOrEqual(position);
      }
    });

    test('has neither gap nor repeat when events arrive while it catches up and after', async () => {
      const filter = only(red);
      const total = 2400;
      const writers = async () => {
        const writer = async (w: number) => {
          for (let i = 0; i < total / 8; i += 10)
            await log.append(`${red}-${w}`, counted(10, i), i === 0 ? 'no_stream' : i - 1);
        };
        await Promise.all(Array.from({ length: 8 }, (_, w) => writer(w)));
      };
      const followers = [0, 1, 2].map(() => follow(log, after, filter, (events) => events.length >= total));
      const [seen] = await Promise.all([Promise.all(followers), writers()]);
      const stored = idsOf(await collect(log.readAll(after, filter)));
      expect(stored).toHaveLength(total);
      for (const { events } of seen) expect(idsOf(events)).toEqual(stored);
    });

    test('hands out live what is read later, to the last detail', async () => {
      const told = { text: 'é\u2028"\\', none: null, list: [1, [{ deep: true }], ''], number: 2 ** 53 - 1 };
      const live = follow(log, await log.head(), only(red), (events) => events.length >= 4);
      await log.append(`${red}-1`, [newEvent('Told', told), newEvent('Told', {})], 'any');
      await Promise.all([
        log.append(`${red}-2`, [newEvent('Told', { n: 1.5 })], 'any'),
        log.append(`${red}-3`, [newEvent('Told', told)], 'any'),
      ]);
      const { events } = await live;
      expect(events).toStrictEqual(await collect(log.readAll(after, only(red))));
    });

    test('resumes after any position that it gave', async () => {
      await mixed(48);
      const filter = only(red, blue);
      const { events } = await follow(log, after, filter, (_, batch) => batch.caughtUp);
      for (const at of [0, 7, 31, 47]) {
        const position = events[at]?.position ?? 0;
        const rest = await follow(log, position, filter, (_, batch) => batch.caughtUp);
        expect(idsOf(rest.events)).toEqual(idsOf(events.slice(at + 1)));
      }
    });

    test('at the head it says at once that it has caught up, then gives what comes', async () => {
      const event = newEvent();
      const { events, batches } = await follow(log, after, only(red), (found, batch) => {
        if (batch.caughtUp && found.length === 0) void log.append(`${red}-1`, [event], 'any');
        return found.length > 0;
      });
      expect(batches[0]).toMatchObject({ events: [], caughtUp: true });
      expect(idsOf(events)).toEqual([event.id]);
    });

    test('a consumer that pauses gets everything later, in batches of bounded size', async () => {
      const stop = new AbortController();
      const batches = log.subscribe(after, only(red), stop.signal)[Symbol.asyncIterator]();
      await batches.next();
      for (let i = 0; i < 3000; i += 500) await log.append(`${red}-1`, counted(500, i), 'any');
      const found: Recorded[] = [];
      while (found.length < 3000) {
        const { value } = await batches.next();
        expect(value.events.length).toBeLessThanOrEqual(1000);
        found.push(...value.events);
      }
      expect(numbersOf(found)).toEqual(Array.from({ length: 3000 }, (_, n) => n));
      stop.abort();
      expect(await batches.next()).toMatchObject({ done: true });
    });

    test('aborting ends it while it waits, reads or is paused, and before it began', async () => {
      await mixed(4);
      const stop = new AbortController();
      const waiting = log.subscribe(await log.head(), only(red), stop.signal)[Symbol.asyncIterator]();
      const paused = log.subscribe(after, only(red), stop.signal)[Symbol.asyncIterator]();
      await waiting.next();
      await paused.next();
      const reading = log.subscribe(after, only(red), stop.signal)[Symbol.asyncIterator]();
      const [next, first] = [waiting.next(), reading.next()];
      stop.abort();
      expect(await next).toMatchObject({ done: true });
      expect(await first).toMatchObject({ done: true });
      expect(await paused.next()).toMatchObject({ done: true });
      expect(await collect(log.subscribe(after, only(red), stop.signal))).toEqual([]);
    });

    test('closing the log ends it', async () => {
      const stop = new AbortController();
      const batches = log.subscribe(await log.head(), only(red), stop.signal)[Symbol.asyncIterator]();
      await batches.next();
      const next = batches.next();
      await log.close();
      expect(await next).toMatchObject({ done: true });
    });
  });
};
