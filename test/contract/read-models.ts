// What every read-model store does. A further adapter supplies its set-up only.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Checkpoint, Model, ReadModels, Row, Term } from '../../src/adapters/read-models/port.js';
import { type Put, readModelQueries } from './read-models-queries.js';
import { naiveFind, newestRows, queries, steps } from './read-models-reference.js';

export type ReadModelsSetup = (
  models: readonly Model[],
) => Promise<{ store: ReadModels; dispose(): Promise<void> }>;

export type Item = Row & {
  readonly number?: number;
  readonly workspaceId?: string | null;
  readonly status?: string | null;
  readonly tags?: readonly string[];
  readonly name?: string | null;
  readonly score?: number | null;
};

const models: Model[] = [
  { name: 'items', indexes: ['workspaceId', 'status', 'tags'] },
  { name: 'others', indexes: [] },
];
const at = (position: number, changes: Partial<Checkpoint> = {}): Checkpoint => ({
  log: 'log-a',
  version: 1,
  position,
  ...changes,
});

export const readModelsContract = (name: string, setup: ReadModelsSetup, { runs }: { runs: number }) =>
  describe(`read models: ${name}`, () => {
    let store: ReadModels;
    let dispose: () => Promise<void>;
    beforeEach(async () => {
      ({ store, dispose } = await setup(models));
    });
    afterEach(() => dispose());

    let position = 0;
    const put: Put = async (...rows) => {
      const stored = rows.map((row) => ({ ...row, position: ++position }));
      await store.apply('items', stored, at(position));
      return stored;
    };
    const ids = async (where: readonly Term[]) =>
      (await store.find<Item>('items', { where, sort: [['id', 'asc']] })).map(({ id }) => id);

    test('an applied row is found at once, by id, by list and by count', async () => {
      const [row] = await put({ id: 'a', number: 1, name: 'First' });
      expect(await store.get('items', 'a')).toEqual(row);
      expect(await store.find('items', { where: [] })).toEqual([row]);
      expect(await store.count('items', [])).toBe(1);
      expect(await store.get('items', 'b')).toBeUndefined();
    });

    test('a row of the same or an older position changes nothing', async () => {
      await store.apply('items', [{ id: 'a', position: 5, name: 'five' } as Item], at(5));
      await store.apply('items', [{ id: 'a', position: 5, name: 'again' } as Item], at(5));
      await store.apply('items', [{ id: 'a', position: 4, name: 'older' } as Item], at(5));
      expect(await store.get<Item>('items', 'a')).toMatchObject({ position: 5, name: 'five' });
      await store.apply('items', [{ id: 'a', position: 6, name: 'six' } as Item], at(6));
      expect(await store.get<Item>('items', 'a')).toMatchObject({ position: 6, name: 'six' });
    });

    test('several versions of a row in one apply leave the newest', async () => {
      const rows = [7, 9, 8].map((position): Item => ({ id: 'a', position, name: `at ${position}` }));
      await store.apply('items', rows, at(9));
      expect(await store.get<Item>('items', 'a')).toMatchObject({ position: 9, name: 'at 9' });
    });

    test('a new version is found by its new values and no longer by the old ones', async () => {
      await put({ id: 'a', workspaceId: 'w1', status: 'on', tags: ['x', 'y'] });
      await put({ id: 'a', workspaceId: 'w1', status: 'off', tags: ['y', 'z'] });
      expect(await ids([{ field: 'status', op: 'eq', value: 'on' }])).toEqual([]);
      expect(await ids([{ field: 'status', op: 'eq', value: 'off' }])).toEqual(['a']);
      expect(await ids([{ field: 'tags', op: 'eq', value: 'x' }])).toEqual([]);
      expect(await ids([{ field: 'tags', op: 'eq', value: 'z' }])).toEqual(['a']);
      expect(await ids([{ field: 'workspaceId', op: 'eq', value: 'w1' }])).toEqual(['a']);
    });

    test('a deleted row is found by load only, and an older version does not bring it back', async () => {
      await store.apply('items', [{ id: 'a', position: 1, status: 'on' } as Item], at(1));
      await store.apply('items', [{ id: 'a', position: 3, deleted: true }], at(3));
      await store.apply('items', [{ id: 'a', position: 2, status: 'on' } as Item], at(3));
      expect(await store.get('items', 'a')).toBeUndefined();
      expect(await store.find('items', { where: [] })).toEqual([]);
      expect(await store.count('items', [])).toBe(0);
      expect(await ids([{ field: 'id', op: 'eq', value: 'a' }])).toEqual([]);
      expect(await ids([{ field: 'status', op: 'eq', value: 'on' }])).toEqual([]);
      const loaded = await store.load('items', ['a', 'unknown']);
      expect([...loaded.keys()]).toEqual(['a']);
      expect(loaded.get('a')).toMatchObject({ id: 'a', position: 3, deleted: true });
      await store.apply('items', [{ id: 'a', position: 4, status: 'on' } as Item], at(4));
      expect(await ids([{ field: 'status', op: 'eq', value: 'on' }])).toEqual(['a']);
    });

    test('a query that asks for deleted rows finds them too, by all that they kept', async () => {
      await put(
        { id: 'a', number: 3, workspaceId: 'w1', name: 'gone' },
        { id: 'b', number: 1, workspaceId: 'w1', name: 'here' },
        { id: 'c', number: 2, workspaceId: 'w2', name: 'gone' },
      );
      const [gone] = await put({ id: 'a', number: 3, workspaceId: 'w1', name: 'gone', deleted: true });
      await put({ id: 'c', number: 2, workspaceId: 'w2', name: 'gone', deleted: true });
      const found = async (where: readonly Term[], page: { skip?: number; limit?: number } = {}) =>
        (await store.find('items', { where, sort: [['number', 'asc']], deleted: true, ...page })).map(
          ({ id }) => id,
        );
      expect(await found([])).toEqual(['b', 'c', 'a']);
      expect(await found([], { skip: 1, limit: 1 })).toEqual(['c']);
      expect(await found([{ field: 'workspaceId', op: 'eq', value: 'w1' }])).toEqual(['b', 'a']);
      expect(await found([{ field: 'name', op: 'eq', value: 'gone' }])).toEqual(['c', 'a']);
      expect(await found([{ field: 'id', op: 'in', value: ['a', 'b'] }])).toEqual(['b', 'a']);
      const where: Term[] = [{ field: 'number', op: 'eq', value: 3 }];
      expect(await store.find('items', { where, deleted: true })).toEqual([gone]);
      expect(await store.find('items', { where })).toEqual([]);
    });

    test('a checkpoint moves forwards only, unless it is of another log or version', async () => {
      expect(await store.checkpoint('items')).toBeUndefined();
      await store.apply('items', [], at(10));
      await store.apply('items', [], at(9));
      expect(await store.checkpoint('items')).toEqual(at(10));
      await store.apply('items', [], at(11));
      expect(await store.checkpoint('items')).toEqual(at(11));
      await store.apply('items', [], at(2, { version: 2 }));
      expect(await store.checkpoint('items')).toEqual(at(2, { version: 2 }));
      await store.apply('items', [], at(1, { version: 2, log: 'log-b' }));
      expect(await store.checkpoint('items')).toEqual(at(1, { version: 2, log: 'log-b' }));
    });

    test('a forgotten row is found by nothing, as if it had never been; the checkpoint stays', async () => {
      const [a, b] = await put({ id: 'a', number: 1, status: 'on' }, { id: 'b', number: 2, status: 'on' });
      const [gone] = await put({ id: 'c', number: 3, deleted: true });
      const before = await store.checkpoint('items');
      await store.forget('items', [a, gone, { id: 'unknown', position: 1 }] as Item[]);
      await store.forget('items', [a] as Item[]);
      await store.forget('items', []);
      expect(await store.get('items', 'a')).toBeUndefined();
      expect((await store.load('items', ['a', 'b', 'c'])).size).toBe(1);
      expect(await store.find('items', { where: [], deleted: true })).toEqual([b]);
      expect(await ids([{ field: 'status', op: 'eq', value: 'on' }])).toEqual(['b']);
      expect(await store.count('items', [])).toBe(1);
      expect(await store.checkpoint('items')).toEqual(before);
      await store.apply('items', [{ id: 'a', position: 1, status: 'on' } as Item], at(position));
      expect(await store.get<Item>('items', 'a')).toMatchObject({ position: 1, status: 'on' });
    });

    test('a row that has changed meanwhile is not forgotten', async () => {
      const [seen] = await put({ id: 'a', status: 'on' });
      const [changed] = await put({ id: 'a', status: 'off' });
      await store.forget('items', [seen] as Item[]);
      expect(await store.get('items', 'a')).toEqual(changed);
    });

    test('dropping a model forgets its rows, tombstones and checkpoint, and nothing of another', async () => {
      await put({ id: 'a', status: 'on' }, { id: 'b', deleted: true });
      await store.apply('others', [{ id: 'a', position: 1 }], at(1));
      await store.drop('items');
      expect(await store.find('items', { where: [] })).toEqual([]);
      expect(await ids([{ field: 'status', op: 'eq', value: 'on' }])).toEqual([]);
      expect((await store.load('items', ['a', 'b'])).size).toBe(0);
      expect(await store.checkpoint('items')).toBeUndefined();
      expect(await store.get('others', 'a')).toEqual({ id: 'a', position: 1 });
      expect(await store.checkpoint('others')).toEqual(at(1));
      await store.apply('items', [{ id: 'a', position: 0 }], at(0));
      expect(await store.get('items', 'a')).toEqual({ id: 'a', position: 0 });
    });

    readModelQueries(() => store, put);

    test('any list, page and count is what looking at every row would give', async () => {
      await fc.assert(
        fc.asyncProperty(steps, fc.array(queries, { minLength: 1, maxLength: 8 }), async (taken, asked) => {
          await store.drop('items');
          const newest = newestRows();
          for (const [index, { rows, forgotten }] of taken.entries()) {
            await store.apply('items', rows, at(index));
            newest.apply(rows);
            await store.forget('items', newest.forget(forgotten));
          }
          const stored = newest.rows();
          for (const query of asked) {
            const expected = naiveFind(stored, query);
            expect(await store.find('items', query)).toEqual(expected);
            expect(await store.count('items', query.where)).toBe(
              naiveFind(stored, { where: query.where }).length,
            );
          }
        }),
        { numRuns: runs },
      );
    });
  });
