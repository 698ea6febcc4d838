// The read models in memory: the common contract, and what holds for large collections.
import { describe, expect, test } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { type Item, readModelsContract } from './read-models.js';

readModelsContract(
  'embedded',
  async (models) => {
    const store = embeddedReadModels(models);
    return { store, dispose: () => store.close() };
  },
  { runs: 500 },
);

describe('read models: embedded, many rows', () => {
  const checkpoint = { log: 'log', version: 1, position: 0 };
  /** 0, 1, … count-1 in an order that looks random and is always the same. */
  const shuffled = (count: number) => Array.from({ length: count }, (_, index) => (index * 7919) % count);

  test('thousands of rows that come, change place and go in any order stay in the order of their numbers', async () => {
    const store = embeddedReadModels([{ name: 'items', indexes: ['workspaceId', 'status'] }]);
    const count = 6000;
    let position = 0;
    const item = (number: number, status: string): Item => ({
      id: `id-${number}`,
      position: ++position,
      number,
      workspaceId: 'w',
      status,
    });
    await store.apply(
      'items',
      shuffled(count).map((number) => item(number, 'pending')),
      checkpoint,
    );
    await store.apply(
      'items',
      shuffled(count)
        .filter((number) => number % 3 === 0)
        .map((number) => item(number, 'done')),
      checkpoint,
    );
    await store.apply(
      'items',
      shuffled(count)
        .filter((number) => number % 5 === 0)
        .map((number) => ({ id: `id-${number}`, position: ++position, deleted: true })),
      checkpoint,
    );
    const numbers = Array.from({ length: count }, (_, number) => number).filter((number) => number % 5 !== 0);
    for (const [status, expected] of [
      ['pending', numbers.filter((number) => number % 3 !== 0)],
      ['done', numbers.filter((number) => number % 3 === 0)],
    ] as const) {
      const where = [{ field: 'status', op: 'eq', value: status }] as const;
      const found = await store.find<Item>('items', { where, sort: [['number', 'asc']] });
      expect(found.map(({ number }) => number)).toEqual(expected);
      expect(await store.count('items', where)).toBe(expected.length);
      const page = await store.find<Item>('items', {
        where,
        sort: [['number', 'desc']],
        skip: 700,
        limit: 25,
      });
      expect(page.map(({ number }) => number)).toEqual([...expected].reverse().slice(700, 725));
    }
    expect(await store.count('items', [{ field: 'workspaceId', op: 'eq', value: 'w' }])).toBe(numbers.length);
  });

  test('a short page of a long list sorted by another field is the beginning of the sorted list', async () => {
    const store = embeddedReadModels([{ name: 'items', indexes: [] }]);
    const count = 5000;
    const rows = shuffled(count).map(
      (score, number): Item => ({ id: `id-${number}`, position: 1, number, score }),
    );
    await store.apply('items', rows, checkpoint);
    for (const direction of ['asc', 'desc'] as const) {
      const page = await store.find<Item>('items', {
        where: [],
        sort: [['score', direction]],
        skip: 50,
        limit: 3,
      });
      const first = direction === 'asc' ? [50, 51, 52] : [count - 51, count - 52, count - 53];
      expect(page.map(({ score }) => score)).toEqual(first);
    }
  });

  test('thousands of rows that share a number are all found by it, and no other', async () => {
    const store = embeddedReadModels([{ name: 'items', indexes: ['number'] }]);
    const rows = shuffled(5000).map(
      (each): Item => ({ id: `id-${each}`, position: 1, number: Math.floor(each / 2500) }),
    );
    await store.apply('items', [...rows, { id: 'next', position: 1, number: 2 } as Item], checkpoint);
    const count = (number: number) => store.count('items', [{ field: 'number', op: 'eq', value: number }]);
    expect(await Promise.all([-1, 0, 0.5, 1, 2, 3].map(count))).toEqual([0, 2500, 0, 2500, 1, 0]);
  });

  test('a model that was not declared is refused by name', async () => {
    const store = embeddedReadModels([{ name: 'items', indexes: [] }]);
    expect(() => store.find('other', { where: [] })).toThrow('There is no read model other.');
  });
});
