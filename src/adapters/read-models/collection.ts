// One read model in memory: its rows by id, and two shelves to find them on, of the rows and of the deleted ones.
import { type Bucket, countUpTo, type Slot, walk } from './buckets.js';
import type { Query, Row, Scalar, Term } from './port.js';
import { type Plan, type Shelf, shelf } from './shelf.js';
import { compareBy, firstOf, type Test } from './terms.js';

export type Collection = {
  /** The row or tombstone stored under an id. */
  get(id: string): Row | undefined;
  put(row: Row): void;
  /** Drops what is stored under an id, if it is of that position. */
  forget(id: string, position: number): void;
  find(query: Query): Row[];
  count(where: readonly Term[]): number;
};

const passes = (tests: readonly Test[], row: Row): boolean => {
  for (const test of tests) if (!test(row)) return false;
  return true;
};

/** Where a page that begins after a number stands in a bucket: what comes before it need not be looked at. */
const startOf = (bucket: Bucket, where: readonly Term[]): number => {
  for (const { field, op, value } of where)
    if (field === 'number' && op === 'gt' && typeof value === 'number') return countUpTo(bucket, value);
  return 0;
};

/** The rows of a page, taken in the order in which the bucket stands. */
const page = (
  bucket: Bucket,
  tests: readonly Test[],
  { from, skip, limit, backwards }: { from: number; skip: number; limit: number; backwards: boolean },
): Row[] => {
  const rows: Row[] = [];
  let passed = tests.length === 0 ? skip : 0;
  walk(bucket, backwards, from + passed, ({ row }) => {
    if (rows.length >= limit) return false;
    if (passes(tests, row) && ++passed > skip) rows.push(row);
    return true;
  });
  return rows;
};

const matching = ({ source, tests }: Plan, backwards = false): Row[] => {
  const rows: Row[] = [];
  const visit = ({ row }: Slot) => {
    if (passes(tests, row)) rows.push(row);
    return true;
  };
  if (Array.isArray(source)) source.forEach(visit);
  else walk(source, backwards, 0, visit);
  return rows;
};

/** Makes an empty collection that finds rows by the fields of `indexes` without looking at the others. */
export const collection = (indexes: readonly string[]): Collection => {
  const slots = new Map<Scalar, Slot>();
  const shelfOf = (deleted: boolean): Shelf =>
    shelf(indexes, (id) => {
      const slot = slots.get(id);
      return slot && Boolean(slot.row.deleted) === deleted ? slot : undefined;
    });
  const living = shelfOf(false);
  const dead = shelfOf(true);
  const standsOn = (row: Row): Shelf => (row.deleted ? dead : living);

  return {
    get: (id) => slots.get(id)?.row,

    put(row) {
      const held = slots.get(row.id);
      if (held && row.position <= held.row.position) return;
      const target = standsOn(row);
      const fresh = target.slotOf(row);
      if (held && standsOn(held.row) === target && held.order === fresh.order) {
        target.replace(held, row);
        return;
      }
      if (held) standsOn(held.row).remove(held);
      slots.set(row.id, fresh);
      target.add(fresh);
    },

    forget(id, position) {
      const held = slots.get(id);
      if (held?.row.position !== position) return;
      standsOn(held.row).remove(held);
      slots.delete(id);
    },

    find({ where, sort = [], skip = 0, limit = Number.POSITIVE_INFINITY, deleted = false }) {
      const plan = living.plan(where);
      const way = living.direction(sort);
      if (!deleted && way && !Array.isArray(plan.source)) {
        const backwards = way === 'desc';
        const from = backwards ? 0 : startOf(plan.source, where);
        return page(plan.source, plan.tests, { from, skip, limit, backwards });
      }
      // Other sort keys often go with the order of the rows (times do): from that end the first page is found sooner.
      const rows = matching(plan, sort[0]?.[1] === 'desc');
      const all = deleted ? rows.concat(matching(dead.plan(where))) : rows;
      return firstOf(all, skip + limit, compareBy(sort)).slice(skip);
    },

    count(where) {
      const plan = living.plan(where);
      if (plan.tests.length > 0) return matching(plan).length;
      return Array.isArray(plan.source) ? plan.source.length : plan.source.size;
    },
  };
};
