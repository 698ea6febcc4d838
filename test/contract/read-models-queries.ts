// What the terms, sorts and pages of a query mean, the same in every read-model store.
import { expect, test } from 'vitest';
import type { ReadModels, Term } from '../../src/adapters/read-models/port.js';
import type { Item } from './read-models.js';

/** Stores rows of the model `items`, each at the next position. */
export type Put = (...rows: Omit<Item, 'position'>[]) => Promise<Item[]>;

const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const readModelQueries = (store: () => ReadModels, put: Put) => {
  const ids = async (where: readonly Term[]) =>
    (await store().find<Item>('items', { where, sort: [['id', 'asc']] })).map(({ id }) => id);

  test('eq and in match null where the value is null or missing, and any element of an array', async () => {
    await put(
      { id: 'a', status: null, tags: [] },
      { id: 'b', tags: ['x', 'y'] },
      { id: 'c', status: 'on', tags: ['y', 'y'] },
    );
    expect(await ids([{ field: 'status', op: 'eq', value: null }])).toEqual(['a', 'b']);
    expect(await ids([{ field: 'status', op: 'in', value: ['on', null] }])).toEqual(['a', 'b', 'c']);
    expect(await ids([{ field: 'status', op: 'in', value: [] }])).toEqual([]);
    expect(await ids([{ field: 'tags', op: 'eq', value: 'y' }])).toEqual(['b', 'c']);
    expect(await ids([{ field: 'tags', op: 'in', value: ['x', 'y'] }])).toEqual(['b', 'c']);
    expect(await store().count('items', [{ field: 'tags', op: 'in', value: ['x', 'y', 'x'] }])).toBe(2);
    expect(await ids([{ field: 'id', op: 'in', value: ['c', 'a', 'c', 'z'] }])).toEqual(['a', 'c']);
  });

  test('equality tells types apart', async () => {
    await put({ id: 'a', name: '1' }, { id: 'b', score: 1 });
    expect(await ids([{ field: 'name', op: 'eq', value: 1 }])).toEqual([]);
    expect(await ids([{ field: 'score', op: 'eq', value: '1' }])).toEqual([]);
    expect(await ids([{ field: 'score', op: 'in', value: ['1', 1] }])).toEqual(['b']);
  });

  test('ranges never match null, a missing value or another type', async () => {
    await put(
      { id: 'a', score: null },
      { id: 'b' },
      { id: 'c', score: 5 },
      { id: 'd', score: -5 },
      { id: 'e', score: 0 },
    );
    expect(await ids([{ field: 'score', op: 'lt', value: 5 }])).toEqual(['d', 'e']);
    expect(await ids([{ field: 'score', op: 'lte', value: 5 }])).toEqual(['c', 'd', 'e']);
    expect(await ids([{ field: 'score', op: 'gt', value: -5 }])).toEqual(['c', 'e']);
    expect(await ids([{ field: 'score', op: 'gte', value: -5 }])).toEqual(['c', 'd', 'e']);
    expect(await ids([{ field: 'score', op: 'gte', value: '' }])).toEqual([]);
  });

  test('contains is literal and keeps case', async () => {
    await put(
      { id: 'a', name: 'a.*b' },
      { id: 'b', name: 'aXXb' },
      { id: 'c', name: 'A.*B' },
      { id: 'd', name: '100%_$(^)[1]\\d' },
      { id: 'e', name: null },
      { id: 'f' },
    );
    const named = (value: string) => ids([{ field: 'name', op: 'contains', value }]);
    expect(await named('.*')).toEqual(['a', 'c']);
    expect(await named('a.*b')).toEqual(['a']);
    expect(await named('%_')).toEqual(['d']);
    expect(await named('$(^)[1]\\d')).toEqual(['d']);
    expect(await named('')).toEqual(['a', 'b', 'c', 'd']);
    expect(await named('null')).toEqual([]);
  });

  test('strings sort and compare by code point, also beyond U+FFFF', async () => {
    const names = ['', 'B', 'a', 'aa', 'é', '\ud7ff', '\ue000', '\uffee', '😀', '😀a', '𐀀'].sort(byCodePoint);
    await put(...names.map((text, index) => ({ id: `${names.length - index}`, name: text })));
    const sorted = await store().find<Item>('items', { where: [], sort: [['name', 'asc']] });
    expect(sorted.map((row) => row.name)).toEqual(names);
    const above = await store().find<Item>('items', {
      where: [{ field: 'name', op: 'gt', value: '\uffee' }],
      sort: [['name', 'asc']],
    });
    expect(above.map((row) => row.name)).toEqual(['𐀀', '😀', '😀a']);
  });

  test('sort keys apply in order, null and missing first, ties by id ascending', async () => {
    await put(
      { id: 'd', number: 1, score: 2, name: 'x' },
      { id: 'a', number: 2, score: 2, name: 'x' },
      { id: 'c', number: 3, score: 1, name: 'x' },
      { id: 'e', number: 4, score: 1, name: 'y' },
      { id: 'b', number: 5, score: null, name: 'y' },
      { id: 'f', number: 6, name: 'y' },
    );
    const sorted = async (sort: Parameters<ReadModels['find']>[1]['sort']) =>
      (await store().find('items', { where: [], ...(sort && { sort }) })).map(({ id }) => id).join('');
    expect(await sorted(undefined)).toBe('abcdef');
    expect(await sorted([['number', 'asc']])).toBe('dacebf');
    expect(await sorted([['number', 'desc']])).toBe('fbecad');
    expect(await sorted([['score', 'asc']])).toBe('bfcead');
    expect(await sorted([['score', 'desc']])).toBe('adcebf');
    expect(
      await sorted([
        ['name', 'desc'],
        ['score', 'asc'],
      ]),
    ).toBe('bfecad');
    expect(
      await sorted([
        ['score', 'asc'],
        ['number', 'desc'],
      ]),
    ).toBe('fbecad');
  });

  test('a page is the slice of the whole list, and past its end there is nothing', async () => {
    await put(...Array.from({ length: 30 }, (_, index) => ({ id: `id-${index}`, number: 30 - index })));
    const page = async (skip: number, limit: number) =>
      (await store().find<Item>('items', { where: [], sort: [['number', 'asc']], skip, limit })).map(
        ({ number }) => number,
      );
    expect(await page(0, 3)).toEqual([1, 2, 3]);
    expect(await page(28, 3)).toEqual([29, 30]);
    expect(await page(30, 3)).toEqual([]);
    expect(await page(0, 0)).toEqual([]);
  });
};
