// What every event log does. A further adapter supplies its set-up only; logs of other tests may share its server.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type EventLog,
  type Expected,
  LogUnavailable,
  type NewEvent,
  RevisionConflict,
} from '../../src/adapters/event-log/port.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';
import { eventLogFollowing } from './event-log-following.js';
import { eventLogModel } from './event-log-model.js';
import { eventLogReading } from './event-log-reading.js';

/** `open` opens the same log each time; the one before is closed by then. */
export type EventLogSetup = () => Promise<{ open(): Promise<EventLog>; cleanup(): Promise<void> }>;

export const eventLogContract = (name: string, setup: EventLogSetup) =>
  describe(`event log: ${name}`, () => {
    let log: EventLog;
    let open: () => Promise<EventLog>;
    let cleanup: () => Promise<void>;
    let stream: string;
    beforeEach(async () => {
      ({ open, cleanup } = await setup());
      log = await open();
      stream = `thing-${randomUUID()}`;
    });
    afterEach(async () => {
      await log.close();
      await cleanup();
    });

    const ids = async () => idsOf(await collect(log.read(stream)));
    const conflict = (promise: Promise<unknown>, actual: number) =>
      expect(promise).rejects.toThrow(
        expect.toSatisfy((error) => error instanceof RevisionConflict && error.actual === actual),
      );

    describe('appends', () => {
      test('revisions count from 0 within the stream, positions rise over all streams, the head is the last', async () => {
        const first = await log.append(stream, counted(1), 'no_stream');
        const other = await log.append(`${stream}x`, counted(1), 'no_stream');
        const second = await log.append(stream, counted(3), 0);
        expect([first.revision, other.revision, second.revision]).toEqual([0, 0, 3]);
        expect(other.position).toBeGreaterThan(first.position);
        expect(second.position).toBeGreaterThan(other.position);
        expect(await log.head()).toBeGreaterThanOrEqual(second.position);
        expect((await collect(log.read(stream))).at(-1)?.position).toBe(second.position);
      });

      test('an event is read back as it was appended', async () => {
        const event = {
          ...newEvent('Thing.happened', {
            text: 'ä€😀\u0000\n"\\',
            list: [1, -0.5, 1e21, null, true],
            deep: { a: {} },
          }),
          metadata: {
            ...newEvent().metadata,
            actor: { key: randomUUID(), user: randomUUID() },
            causationId: randomUUID(),
            requestId: 'req_1',
            fingerprint: 'ff',
            ip: 'sealed',
          },
        };
        const { revision, position } = await log.append(stream, [event], 'any');
        expect(await collect(log.read(stream))).toEqual([{ ...event, stream, revision, position }]);
        expect(await collect(log.readAll(position - 1))).toContainEqual({
          ...event,
          stream,
          revision,
          position,
        });
      });

      test.each<[Expected, number, 'appends' | 'conflicts']>([
        ['no_stream', -1, 'appends'],
        ['no_stream', 1, 'conflicts'],
        ['stream_exists', -1, 'conflicts'],
        ['stream_exists', 1, 'appends'],
        ['any', -1, 'appends'],
        ['any', 1, 'appends'],
        [0, -1, 'conflicts'],
        [0, 1, 'conflicts'],
        [1, 1, 'appends'],
        [2, 1, 'conflicts'],
      ])('expecting %s of a stream at %i %s', async (expected, revision, outcome) => {
        const before = counted(revision + 1);
        if (before.length > 0) await log.append(stream, before, 'no_stream');
        const events = counted(2);
        if (outcome === 'conflicts') await conflict(log.append(stream, events, expected), revision);
        else expect((await log.append(stream, events, expected)).revision).toBe(revision + 2);
        expect(await ids()).toEqual(idsOf(outcome === 'conflicts' ? before : [...before, ...events]));
      });

      test.each<Expected>(['no_stream', 4])(
        'of 50 racing appends that expect %s exactly one is stored',
        async (expected) => {
          if (expected === 4) await log.append(stream, counted(5), 'no_stream');
          const before = await ids();
          const racers = Array.from({ length: 50 }, () => newEvent());
          const results = await Promise.allSettled(
            racers.map((event) => log.append(stream, [event], expected)),
          );
          const winners = racers.filter((_, i) => results[i]?.status === 'fulfilled');
          expect(winners).toHaveLength(1);
          expect(await ids()).toEqual([...before, ...idsOf(winners)]);
          for (const result of results)
            if (result.status === 'rejected') {
              expect(result.reason).toBeInstanceOf(RevisionConflict);
              expect(result.reason.actual).toBe(before.length);
            }
        },
      );

      test('the events of an append are stored side by side, also when many append at once', async () => {
        const after = await log.head();
        const category = `c${randomUUID().replaceAll('-', '')}`;
        const appends = Array.from({ length: 60 }, (_, i) => ({
          stream: `${category}-${i % 6}`,
          events: counted(1 + (i % 5)),
        }));
        await Promise.all(appends.map(({ stream, events }) => log.append(stream, events, 'any')));
        const stored = idsOf(await collect(log.readAll(after, { categories: new Set([category]) })));
        expect(stored).toHaveLength(appends.flatMap(({ events }) => events).length);
        for (const { events } of appends) {
          const at = stored.indexOf(events[0]?.id ?? '');
          expect(stored.slice(at, at + events.length)).toEqual(idsOf(events));
        }
      });

      test.each<[string, string, readonly NewEvent[], Expected]>([
        ['no events', 'thing-1', [], 'any'],
        ['no stream name', '', counted(1), 'any'],
        ['a system stream', '$thing-1', counted(1), 'any'],
        ['an impossible revision', 'thing-1', counted(1), -1],
        ['a broken revision', 'thing-1', counted(1), 0.5],
        ['no revision', 'thing-1', counted(1), Number.NaN],
        ['an id that is no UUID', 'thing-1', [{ ...newEvent(), id: 'x' }], 'any'],
        ['an event without a type', 'thing-1', [newEvent('')], 'any'],
        ['a system event', 'thing-1', [newEvent('$Counted')], 'any'],
        [
          'one bad event among good ones',
          'thing-1',
          [newEvent(), { ...newEvent(), id: '' }, newEvent()],
          'any',
        ],
        ['more than a mebibyte', 'thing-1', [newEvent('Counted', { text: 'x'.repeat(1 << 20) })], 'any'],
      ])('an append with %s is refused and nothing of it is stored', async (_, target, events, expected) => {
        const good = log.append(stream, counted(1), 'no_stream');
        await expect(log.append(target === 'thing-1' ? stream : target, events, expected)).rejects.toThrow(
          RangeError,
        );
        await good;
        expect(await ids()).toHaveLength(1);
        await log.append(stream, counted(1), 0);
      });
    });

    describe('an append that is repeated', () => {
      test('with the same ids and expectation gives the first result and stores nothing', async () => {
        const events = counted(3);
        const first = await log.append(stream, events, 'no_stream');
        expect(await log.append(stream, events, 'no_stream')).toEqual(first);
        const more = counted(2);
        const second = await log.append(stream, more, 2);
        await log.append(stream, counted(1), 4);
        expect(await log.append(stream, events, 'no_stream')).toEqual(first);
        expect(await log.append(stream, more, 2)).toEqual(second);
        expect(await ids()).toHaveLength(6);
      });

      test('at the same moment is stored once', async () => {
        const events = counted(2);
        const results = await Promise.all([1, 2, 3].map(() => log.append(stream, events, 'no_stream')));
        expect(new Set(results.map(({ position }) => position)).size).toBe(1);
        expect(await ids()).toEqual(idsOf(events));
      });

      test('after the log was closed and opened gives the first result', async () => {
        const events = counted(2);
        const first = await log.append(stream, events, 'no_stream');
        await log.close();
        log = await open();
        expect(await log.append(stream, events, 'no_stream')).toEqual(first);
        expect(await ids()).toEqual(idsOf(events));
      });

      test('with ids that are only partly known conflicts', async () => {
        const [one, two] = [newEvent(), newEvent()];
        await log.append(stream, [one, two], 'no_stream');
        await conflict(log.append(stream, [one, newEvent()], 'no_stream'), 1);
        await conflict(log.append(stream, [one, two, newEvent()], 'no_stream'), 1);
        await conflict(log.append(stream, [two], 'no_stream'), 1);
        expect(await ids()).toEqual(idsOf([one, two]));
      });
    });

    eventLogReading(() => ({ log, stream }));

    describe('closing', () => {
      test('what was acknowledged is found after opening again, under the same log id, and revisions go on', async () => {
        const { id } = log;
        const events = counted(3);
        await log.append(stream, events, 'no_stream');
        await log.close();
        log = await open();
        expect(log.id).toBe(id);
        expect(await ids()).toEqual(idsOf(events));
        expect((await log.append(stream, counted(1), 2)).revision).toBe(3);
      });

      test('waits for the appends under way, then refuses further use', async () => {
        const running = Promise.all(Array.from({ length: 40 }, () => log.append(stream, counted(1), 'any')));
        const closing = log.close();
        await expect(log.append(stream, counted(1), 'any')).rejects.toThrow(LogUnavailable);
        await closing;
        expect(await running).toHaveLength(40);
        await expect(log.append(stream, counted(1), 'any')).rejects.toThrow(LogUnavailable);
        await expect(collect(log.read(stream))).rejects.toThrow(LogUnavailable);
        await expect(collect(log.readAll(-1))).rejects.toThrow(LogUnavailable);
        await log.close();
      });
    });

    eventLogFollowing(() => log);
    eventLogModel(
      () => log,
      async () => {
        await log.close();
        log = await open();
      },
    );
  });
