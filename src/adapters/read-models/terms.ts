// What the terms and sort keys of a query mean: comparisons by hand, the same as the other read-model store makes.
import type { Json } from '../../domain/decider.js';
import { compareText } from '../../domain/text-order.js';
import { fieldOf, type Row, type Sort, type Term } from './port.js';

export type Test = (row: Row) => boolean;
export type Compare = (a: Row, b: Row) => number;

/** Range comparison: only numbers with numbers and strings with strings; anything else matches no range. */
const compareValues = (a: Json | undefined, b: Json | undefined): number | undefined => {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return undefined;
};

/** Missing is null; an array is each of its elements. */
const anyOf = (value: Json | undefined, wanted: (value: Json) => boolean): boolean =>
  Array.isArray(value) ? value.some(wanted) : wanted(value ?? null);

/** One term as a function of the row. */
export const testOf = (term: Term): Test => {
  const { field, op, value } = term;
  const range =
    (fits: (order: number) => boolean): Test =>
    (row) => {
      const order = compareValues(fieldOf(row, field), value as Json);
      return order !== undefined && fits(order);
    };
  switch (op) {
    case 'eq':
      return (row) => anyOf(fieldOf(row, field), (held) => held === value);
    case 'in': {
      const values = new Set<Json>(value);
      return (row) => anyOf(fieldOf(row, field), (held) => values.has(held));
    }
    case 'gt':
      return range((order) => order > 0);
    case 'gte':
      return range((order) => order >= 0);
    case 'lt':
      return range((order) => order < 0);
    case 'lte':
      return range((order) => order <= 0);
    case 'contains':
      return (row) => {
        const held = fieldOf(row, field);
        return typeof held === 'string' && held.includes(value);
      };
  }
};

/** Missing and null come before numbers, before strings, before booleans, as the other store sorts. */
const rank = (value: Json | undefined): number => {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number') return 1;
  return typeof value === 'string' ? 2 : 3;
};

const compareFields = (a: Json | undefined, b: Json | undefined): number =>
  compareValues(a, b) ?? (rank(a) - rank(b) || Number(a) - Number(b) || 0);

/** Sort keys in order, ties by `id` ascending. */
export const compareBy = (sort: Sort): Compare => {
  return (a, b) => {
    for (const [field, direction] of sort) {
      const order = compareFields(fieldOf(a, field), fieldOf(b, field));
      if (order !== 0) return direction === 'asc' ? order : -order;
    }
    return compareText(a.id, b.id);
  };
};

/** The first `count` rows in order, without sorting the rest. */
export const firstOf = (rows: Iterable<Row>, count: number, compare: Compare): Row[] => {
  let kept: Row[] = [];
  let bound: Row | undefined;
  for (const row of rows) {
    if (bound && compare(row, bound) > 0) continue;
    kept.push(row);
    if (kept.length < 2 * count + 1000) continue;
    kept = kept.sort(compare).slice(0, count);
    bound = kept[count - 1];
  }
  return kept.sort(compare).slice(0, count);
};
