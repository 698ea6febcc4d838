// Drafts: what the log and the rows would be, and nothing of it in the stores below.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DraftLog, draftLog } from '../../src/adapters/event-log/draft.js';
import {
  type EventLog,
  type Expected,
  type NewEvent,
  RevisionConflict,
} from '../../src/adapters/event-log/port.js';
import { draftReadModels } from '../../src/adapters/read-models/draft.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { Recorded } from '../../src/domain/decider.js';
import { newId } from '../../src/domain/ids.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';
import { naiveFind, operations, queries, replay } from './read-models-reference.js';

const metadata = {
  at: '2026-01-15T10:30:00.000Z',
  audience: [],
  actor: { system: 'test' },
  commandId: newId(),
  correlationId: 'c',
};
const some = (...names: string[]): NewEvent[] =>
  names.map((name) => ({ id: newId(), type: 'Happened', data: { name }, metadata }));

describe('a draft of the log', () => {
  let below: TestLog;
  let log: EventLog;
  let told: Recorded[];
  const draft = (
    passes: (events: readonly NewEvent[], expected: Expected) => boolean = () => false,
  ): DraftLog =>
    draftLog(log, {
      passes,
      onKept: async (events) => {
        told.push(...events);
      },
    });
  beforeEach(async () => {
    below = await testLog();
    log = below.log;
    told = [];
  });
  afterEach(() => below.stop());

  test('keeps its appends to itself, tells of them, and says where they belong', async () => {
    await log.append('s-1', some('a', 'b'), 'no_stream');
    const draft1 = draft();
    const head = await log.head();
    const [c, d, e] = [some('c'), some('d', 'e'), some('x')] as const;
    expect(await draft1.append('s-1', c, 1)).toMatchObject({ revision: 2 });
    expect(await draft1.append('s-2', e, 'no_stream')).toMatchObject({ revision: 0 });
    expect(await draft1.append('s-1', d, 2)).toMatchObject({ revision: 4 });
    expect(draft1.staged()).toEqual([
      { stream: 's-1', after: 1, events: [...c, ...d] },
      { stream: 's-2', after: -1, events: e },
    ]);
    expect(told.map(({ stream, revision }) => [stream, revision])).toEqual([
      ['s-1', 2],
      ['s-2', 0],
      ['s-1', 3],
      ['s-1', 4],
    ]);
    const positions = told.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((left, right) => left - right));
    expect(positions[0]).toBeGreaterThan(head);
    expect(await log.head()).toBe(head);
    expect(await eventsIn(log, 's-1')).toHaveLength(2);
  });

  test('refuses an append to a stream that is not as expected', async () => {
    const draft1 = draft();
    await draft1.append('s-1', some('a'), 'no_stream');
    await expect(draft1.append('s-1', some('b'), 'no_stream')).rejects.toThrow(RevisionConflict);
    await expect(draft1.append('s-1', some('b'), 3)).rejects.toThrow(RevisionConflict);
    await expect(draft1.append('s-2', some('b'), 'stream_exists')).rejects.toThrow(RevisionConflict);
    expect(draft1.staged()).toHaveLength(1);
  });

  test('lets through what passes', async () => {
    const draft1 = draft((_, expected) => expected === 'any');
    await draft1.append('s-1', some('a'), 'any');
    expect(await eventsIn(log, 's-1')).toHaveLength(1);
    expect(draft1.staged()).toEqual([]);
  });

  test('reads as the log would with the same appends, forwards and backwards, from anywhere', async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(3),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
        fc.record(
          { from: fc.nat(12), backwards: fc.boolean(), limit: fc.integer({ min: 1, max: 9 }) },
          { requiredKeys: [] },
        ),
        async (existing, appends, options) => {
          n += 1;
          const [drafted, real] = [`s-${n}`, `t-${n}`];
          const draft1 = draft();
          let revision = -1;
          const write = async (to: EventLog, stream: string, events: NewEvent[]) =>
            (await to.append(stream, events, revision === -1 ? 'no_stream' : revision)).revision;
          if (existing > 0) {
            const names = Array.from({ length: existing }, (_, at) => `old ${at}`);
            await write(log, drafted, some(...names));
            revision = await write(log, real, some(...names));
          }
          for (const [at, count] of appends.entries()) {
            const names = Array.from({ length: count }, (_, i) => `new ${at} ${i}`);
            await write(draft1, drafted, some(...names));
            revision = await write(log, real, some(...names));
          }
          const seen = async (from: EventLog, stream: string) => {
            const events = [];
            for await (const event of from.read(stream, options)) events.push([event.revision, event.data]);
            return events;
          };
          expect(await seen(draft1, drafted)).toEqual(await seen(log, real));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a draft of rows', () => {
  const models = [{ name: 'items', indexes: ['workspaceId', 'status', 'tags'] }];
  const at = { log: 'log', version: 1, position: 0 };

  test('finds, counts and loads as a store would that had all rows, and leaves the store below alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        operations,
        fc.nat(60),
        fc.array(queries, { minLength: 1, maxLength: 5 }),
        async (rows, cut, asked) => {
          const below = embeddedReadModels(models);
          const ordered = rows.map((row, n) => ({ ...row, position: n + 1 }));
          await below.apply('items', ordered.slice(0, cut), at);
          const draft = draftReadModels(below);
          for (const row of ordered.slice(cut)) await draft.apply('items', [row], at);
          const all = replay(ordered);
          for (const query of asked) {
            expect(await draft.find('items', query)).toEqual(naiveFind(all, query));
            const { where } = query;
            expect(await draft.count('items', where)).toBe(naiveFind(all, { where }).length);
          }
          for (const row of all)
            expect(await draft.get('items', row.id)).toEqual(row.deleted ? undefined : row);
          const loaded = await draft.load('items', [...all.map(({ id }) => id), 'none']);
          expect(new Map([...loaded].toSorted())).toEqual(
            new Map(all.map((row) => [row.id, row] as const).toSorted()),
          );
          expect(await below.find('items', { where: [], deleted: true })).toEqual(
            naiveFind(replay(ordered.slice(0, cut)), { where: [], deleted: true }),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test('an older version of a row changes nothing', async () => {
    const below = embeddedReadModels(models);
    const draft = draftReadModels(below);
    await draft.apply('items', [{ id: 'a', position: 5 }], at);
    await draft.apply('items', [{ id: 'a', position: 4, deleted: true }], at);
    expect(await draft.get('items', 'a')).toEqual({ id: 'a', position: 5 });
  });
});
