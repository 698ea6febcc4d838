// The part of the log's contract that arbitrary histories check: the log is compared with a plain model in memory.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type EventLog,
  type Expected,
  type NewEvent,
  RevisionConflict,
} from '../../src/adapters/event-log/port.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';

type Step =
  | { kind: 'append'; stream: number; events: number; expected: Expected | 'right' }
  | { kind: 'repeat'; which: number }
  | { kind: 'reopen' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      stream: fc.nat(2),
      events: fc.integer({ min: 1, max: 4 }),
      expected: fc.oneof(
        fc.constantFrom<Expected | 'right'>('right', 'right', 'no_stream', 'stream_exists', 'any'),
        fc.nat(6),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

/** What a log is, in a few lines: streams of ids, and the order of all. */
const createModel = () => {
  const all: { stream: string; id: string }[] = [];
  const stored = new Map<string, string[]>();
  const of = (stream: string) => stored.get(stream) ?? [];
  return {
    all,
    of,
    /** What an append that is up to date expects. */
    right: (stream: string): Expected => (of(stream).length === 0 ? 'no_stream' : of(stream).length - 1),
    /** Revision of the append's last event, or `conflict`. */
    append(stream: string, events: readonly NewEvent[], expected: Expected): number | 'conflict' {
      const before = of(stream);
      const revision = before.length - 1;
      const exact = expected === 'no_stream' ? -1 : expected;
      const ids = idsOf(events);
      if (exact === 'any' || exact === revision || (exact === 'stream_exists' && revision >= 0)) {
        stored.set(stream, [...before, ...ids]);
        all.push(...ids.map((id) => ({ stream, id })));
        return revision + ids.length;
      }
      if (typeof exact !== 'number') return 'conflict';
      const there = before.slice(exact + 1, exact + 1 + ids.length);
      return JSON.stringify(there) === JSON.stringify(ids) ? exact + ids.length : 'conflict';
    },
  };
};

export const eventLogModel = (current: () => EventLog, reopen: () => Promise<void>) => {
  const outcomeOf = async (append: Promise<{ revision: number }>): Promise<number | 'conflict'> => {
    try {
      return (await append).revision;
    } catch (error) {
      if (error instanceof RevisionConflict) return 'conflict';
      throw error;
    }
  };

  /** Takes the steps on the log and on a model side by side. */
  const play = async (category: string, steps: readonly Step[]) => {
    const model = createModel();
    const done: [string, NewEvent[], Expected][] = [];
    const both = async (stream: string, events: NewEvent[], expected: Expected) => {
      const promised = model.append(stream, events, expected);
      expect(await outcomeOf(current().append(stream, events, expected))).toBe(promised);
    };
    for (const next of steps) {
      if (next.kind === 'reopen') await reopen();
      if (next.kind === 'repeat')
        await Promise.all(
          done
            .slice(next.which)
            .slice(0, 1)
            .map((args) => both(...args)),
        );
      if (next.kind !== 'append') continue;
      const stream = `${category}-${next.stream}`;
      const expected = next.expected === 'right' ? model.right(stream) : next.expected;
      const args = [stream, counted(next.events), expected] as const;
      if (args[2] !== 'any' && args[2] !== 'stream_exists') done.push([...args]);
      await both(...args);
    }
    return model;
  };

  const run = async (steps: readonly Step[]): Promise<void> => {
    const category = `m${randomUUID().replaceAll('-', '')}`;
    const after = await current().head();
    const model = await play(category, steps);
    const log = current();
    const all = await collect(log.readAll(after, { categories: new Set([category]) }));
    expect(all.map(({ stream, id }) => ({ stream, id }))).toEqual(model.all);
    for (const stream of new Set(model.all.map(({ stream }) => stream))) {
      expect(idsOf(await collect(log.read(stream)))).toEqual(model.of(stream));
      const backwards = await collect(log.read(stream, { backwards: true }));
      expect(idsOf(backwards)).toEqual([...model.of(stream)].reverse());
    }
  };

  describe('whatever happens', () => {
    test('appends, conflicts, repeats and restarts leave what a plain model says', async () => {
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), run), {
        numRuns: 40,
      });
    });

    test('any JSON and any text comes back exactly, also after opening again', async () => {
      const text = fc.string({ unit: 'binary', maxLength: 40 });
      const json = fc.dictionary(text, fc.jsonValue({ stringUnit: 'binary' }));
      await fc.assert(
        fc.asyncProperty(json, text, fc.boolean(), async (data, name, again) => {
          // JSON has one zero only.
          const plain = JSON.parse(JSON.stringify(data)) as object;
          const stream = `text${name.replaceAll('-', '')}-${randomUUID()}`;
          const event = newEvent(`Said${name}`, plain);
          const { revision, position } = await current().append(stream, [event], 'no_stream');
          if (again) await reopen();
          const expected = [{ ...event, stream, revision, position }];
          expect(await collect(current().read(stream))).toEqual(expected);
          expect(await collect(current().readAll(position - 1, { types: new Set([event.type]) }))).toEqual(
            expected,
          );
        }),
        { numRuns: 40 },
      );
    });
  });
};
