// Rows in their order and by the values that they are looked up by, so that a query looks at as few as it can.
import type { Json } from '../../domain/decider.js';
import { addSlot, type Bucket, emptyBucket, removeSlot, type Slot, slotsAt, walk } from './buckets.js';
import { fieldOf, type Row, type Scalar, type Sort, type Term } from './port.js';
import { type Test, testOf } from './terms.js';

/** Where the rows of a query are among, and the tests that each of them must pass. */
export type Plan = { readonly source: Bucket | Slot[]; readonly tests: readonly Test[] };

export type Shelf = {
  /** Makes the slot of a row that is to stand here. */
  slotOf(row: Row): Slot;
  add(slot: Slot): void;
  remove(slot: Slot): void;
  /** Puts a new version of the row, of the same order, in the place of the old one. */
  replace(slot: Slot, row: Row): void;
  plan(where: readonly Term[]): Plan;
  /** Whether buckets stand in the order of a sort, forwards or backwards. */
  direction(sort: Sort): 'asc' | 'desc' | undefined;
};

/** Most values of a unique field belong to one row, which then needs no bucket. */
type Index = { readonly field: string; readonly held: Map<Scalar, Slot | Bucket> };

const isBucket = (held: Slot | Bucket): held is Bucket => 'runs' in held;

/** Calls `visit` with each value that a row is found by in an index: those that `eq` would match. */
const eachKey = (
  value: Json | undefined,
  visit: (index: Index, key: Scalar, slot: Slot) => void,
  index: Index,
  slot: Slot,
) => {
  if (value === undefined || value === null) visit(index, null, slot);
  else if (typeof value !== 'object') visit(index, value, slot);
  else if (Array.isArray(value))
    for (const key of new Set(value)) if (key === null || typeof key !== 'object') visit(index, key, slot);
};

const sameKeys = (a: Json | undefined, b: Json | undefined): boolean =>
  a === b ||
  (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => item === b[at]));

const addTo = ({ held }: Index, key: Scalar, slot: Slot) => {
  const there = held.get(key);
  if (!there) {
    held.set(key, slot);
  } else if (isBucket(there)) {
    addSlot(there, slot);
  } else {
    const bucket = emptyBucket();
    addSlot(bucket, there);
    addSlot(bucket, slot);
    held.set(key, bucket);
  }
};

const removeFrom = ({ held }: Index, key: Scalar, slot: Slot) => {
  const there = held.get(key);
  if (!there) return;
  if (isBucket(there)) removeSlot(there, slot);
  if (there === slot || (isBucket(there) && there.size === 0)) held.delete(key);
};

const sizeOf = (held: Slot | Bucket): number => (isBucket(held) ? held.size : 1);

/** Slots of several buckets, each once. */
const union = (found: readonly (Slot | Bucket)[]): Slot[] => {
  const slots = new Set<Slot>();
  for (const held of found) {
    if (isBucket(held)) walk(held, false, 0, (slot) => Boolean(slots.add(slot)));
    else slots.add(held);
  }
  return [...slots];
};

const opened = (found: readonly (Slot | Bucket)[]): Bucket | Slot[] => {
  const [only] = found;
  if (found.length !== 1 || !only) return union(found);
  return isBucket(only) ? only : [only];
};

/** Makes an empty shelf. `byId` gives the slot of a row that stands here. */
export const shelf = (fields: readonly string[], byId: (id: Scalar) => Slot | undefined): Shelf => {
  const all = emptyBucket();
  // Rows stand in the order of their numbers anyway: that field needs no index.
  const indexed = fields.filter((field) => field !== 'number');
  const indexes = indexed.map((field): Index => ({ field, held: new Map() }));
  // What the order of the buckets can be taken for depends on the rows that were ever seen.
  let numbered = false;
  let irregular = false;
  let ties = false;

  /** Rows stand by their integer `number`; without one they come first, by id. */
  const orderOf = (row: Row): number => {
    const number = fieldOf(row, 'number');
    if (typeof number === 'number') {
      numbered = true;
      return number;
    }
    irregular ||= number !== undefined && number !== null;
    return Number.NEGATIVE_INFINITY;
  };

  /** What an index holds for the values of an `eq` or `in` term; undefined for any other. */
  const lookUp = (term: Term): (Slot | Bucket)[] | undefined => {
    const values = term.op === 'eq' ? [term.value] : term.op === 'in' ? [...new Set(term.value)] : undefined;
    if (!values) return undefined;
    if (term.field === 'id') return values.flatMap((id) => byId(id) ?? []);
    if (term.field === 'number' && !irregular && values.every((value) => typeof value === 'number'))
      return values.flatMap((value) => slotsAt(all, value));
    const held = indexes.find(({ field }) => field === term.field)?.held;
    return held && values.map((value) => held.get(value)).filter((one) => one !== undefined);
  };

  return {
    slotOf: (row) => ({ row, order: orderOf(row) }),

    add(slot) {
      if (addSlot(all, slot)) ties = true;
      for (const index of indexes) eachKey(fieldOf(slot.row, index.field), addTo, index, slot);
    },

    remove(slot) {
      removeSlot(all, slot);
      for (const index of indexes) eachKey(fieldOf(slot.row, index.field), removeFrom, index, slot);
    },

    replace(slot, row) {
      for (const index of indexes) {
        const before = fieldOf(slot.row, index.field);
        const after = fieldOf(row, index.field);
        if (sameKeys(before, after)) continue;
        eachKey(before, removeFrom, index, slot);
        eachKey(after, addTo, index, slot);
      }
      slot.row = row;
    },

    plan(where) {
      let best: { found: (Slot | Bucket)[]; term: Term; size: number } | undefined;
      for (const term of where) {
        const found = lookUp(term);
        if (!found) continue;
        const size = found.reduce((sum, held) => sum + sizeOf(held), 0);
        if (!best || size < best.size) best = { found, term, size };
      }
      return {
        source: best ? opened(best.found) : all,
        tests: where.filter((term) => term !== best?.term).map(testOf),
      };
    },

    direction(sort) {
      const [field, way] = sort[0] ?? ['id', 'asc'];
      if (field === 'id') return numbered ? undefined : way;
      if (field !== 'number' || irregular) return undefined;
      if (ties && (way === 'desc' || sort.length > 1)) return undefined;
      return way;
    },
  };
};
