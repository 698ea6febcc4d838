// A read model as simple as can be, and random rows and queries to compare a store with.
import fc from 'fast-check';
import type { Query, Row, Scalar, Sort, Term } from '../../src/adapters/read-models/port.js';

type Loose = Row & Record<string, unknown>;

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 5 });
const words = fc.constantFrom('', 'a', 'ab', 'Ab', 'b', 'z', '.', '\ue000', '\uffee', '😀', '𐀀b', 'é');
const ids = fc.constantFrom(...'abcdefgh');
const fields = {
  number: maybe(fc.integer({ min: 1, max: 12 })),
  workspaceId: fc.constantFrom('w1', 'w2', 'w3', null),
  status: maybe(fc.constantFrom('on', 'off', null)),
  tags: maybe(fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 })),
  name: maybe(fc.oneof(words, fc.constant(null))),
  score: maybe(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(null))),
};

/** Versions of rows in the order they are stored; some stale, some deletions. Models with and without numbers. */
export const operations: fc.Arbitrary<Loose[]> = fc
  .tuple(
    fc.constantFrom('numbered', 'mixed', 'unnumbered'),
    fc.array(
      fc.tuple(ids, fc.integer({ min: -9, max: 2 }), fc.integer({ min: 0, max: 4 }), fc.record(fields)),
      { maxLength: 60, size: '+1' },
    ),
  )
  .map(([kind, drafts]) =>
    drafts.map(([id, late, fate, values], index): Loose => {
      const position = Math.max(index + late, 0);
      // Numbers that never repeat are the usual case, and let a store take a short way.
      const number = { numbered: id.charCodeAt(0), mixed: values.number, unnumbered: undefined }[kind];
      const row: Record<string, unknown> = { ...values, number, deleted: fate === 0 || undefined };
      return {
        id,
        position,
        ...Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)),
      };
    }),
  );

const term = (field: string, values: fc.Arbitrary<Scalar>, ops: readonly Term['op'][]): fc.Arbitrary<Term> =>
  fc.tuple(fc.constantFrom(...ops), values, fc.array(values, { maxLength: 3 })).map(([op, value, list]) => {
    if (op === 'in') return { field, op, value: list };
    return { field, op, value } as Term;
  });
const terms = fc.oneof(
  term('id', ids, ['eq', 'in', 'gt', 'lte']),
  term('workspaceId', fc.constantFrom('w1', 'w2', 'w3', null), ['eq', 'in']),
  term('status', fc.constantFrom('on', 'off', null, 'other'), ['eq', 'in']),
  term('tags', fc.constantFrom('x', 'y', 'q'), ['eq', 'in']),
  term('name', words, ['eq', 'in', 'gt', 'gte', 'lt', 'lte', 'contains']),
  term('score', fc.integer({ min: -3, max: 3 }), ['eq', 'in', 'gt', 'gte', 'lt', 'lte']),
  term('number', fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 97, max: 104 })), [
    'eq',
    'in',
    'gt',
    'gte',
    'lt',
  ]),
);
const ways = fc.constantFrom('asc', 'desc');
const sorts: fc.Arbitrary<Sort> = fc.oneof(
  fc.array(fc.tuple(fc.constantFrom('id', 'number', 'name', 'score', 'status'), ways), { maxLength: 3 }),
  ways.map((way): Sort => [['number', way]]), // the usual list
);

export const queries: fc.Arbitrary<Query> = fc.record(
  {
    where: fc.array(terms, { maxLength: 3 }),
    sort: sorts,
    skip: fc.integer({ min: 0, max: 8 }),
    limit: fc.integer({ min: 1, max: 8 }),
    deleted: fc.constant(true as const),
  },
  { requiredKeys: ['where'] },
);

/** Rows to store in one go, and the ids of those to forget then. */
export type Step = { readonly rows: readonly Loose[]; readonly forgotten: readonly string[] };

export const steps: fc.Arbitrary<Step[]> = fc
  .tuple(operations, fc.array(fc.oneof(fc.constant([]), fc.subarray([...'abcdefgh'])), { minLength: 6 }))
  .map(([rows, forgotten]) =>
    Array.from({ length: Math.ceil(rows.length / 10) }, (_, at) => ({
      rows: rows.slice(10 * at, 10 * at + 10),
      forgotten: forgotten[at] ?? [],
    })),
  );

/** The newest version of each row. */
export const newestRows = () => {
  const newest = new Map<string, Loose>();
  return {
    apply(rows: readonly Loose[]) {
      for (const row of rows)
        if (row.position > (newest.get(row.id)?.position ?? -1)) newest.set(row.id, row);
    },
    /** Drops some; answers where they stood, or might have. */
    forget: (forgotten: readonly string[]) =>
      forgotten.map((id) => {
        const position = newest.get(id)?.position ?? 1;
        newest.delete(id);
        return { id, position };
      }),
    rows: (): Loose[] => [...newest.values()],
  };
};
export const replay = (rows: readonly Loose[]): Loose[] => {
  const newest = newestRows();
  newest.apply(rows);
  return newest.rows();
};

const compareScalars = (a: unknown, b: unknown): number => {
  const rank = (value: unknown) =>
    value === null ? 0 : ['undefined', 'number', 'string'].indexOf(typeof value);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return typeof a === 'string' && typeof b === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : 0;
};

const matches = (row: Loose, { field, op, value }: Term): boolean => {
  const held = row[field];
  const each = Array.isArray(held) ? held : [held ?? null];
  if (op === 'eq') return each.includes(value);
  if (op === 'in') return each.some((item) => value.includes(item));
  if (op === 'contains') return typeof held === 'string' && held.indexOf(value) !== -1;
  if (typeof held !== typeof value) return false;
  const order = compareScalars(held, value);
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[op];
};

export const naiveFind = (
  rows: readonly Loose[],
  { where, sort = [], skip = 0, limit = 1e9, deleted }: Query,
): Loose[] =>
  rows
    .filter((row) => (deleted || !row.deleted) && where.every((term) => matches(row, term)))
    .sort((a, b) => {
      for (const [field, direction] of [...sort, ['id', 'asc'] as const]) {
        const order = compareScalars(a[field], b[field]);
        if (order !== 0) return direction === 'asc' ? order : -order;
      }
      return 0;
    })
    .slice(skip, skip + limit);
