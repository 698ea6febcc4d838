// How rows and queries look in MongoDB: `_id` is the row's id, other fields keep their names.
import type { Filter, Document as MongoDocument, SortDirection } from 'mongodb';
import type { Model, Query, Row, Sort, Term } from './port.js';

/** A model and the version of its rows: another version stands in a collection of its own, beside this one. */
export type VersionedModel = Model & { readonly version: number };

export const collectionName = ({ name, version }: VersionedModel): string => `${name}_v${version}`;

export type Stored = MongoDocument & { _id: string; position: number };

// Keys inside objects are the callers' own. Not every server takes `.`, `$` and NUL in them, so these are written as in URLs.
const escapes: Record<string, string> = { '%': '%25', '.': '%2E', $: '%24', '\0': '%00' };
const escapeKey = (key: string): string =>
  /[%.$\0]/.test(key) ? key.replace(/[%.$\0]/g, (character) => escapes[character] ?? character) : key;
const unescapeKey = (key: string): string =>
  key.includes('%') ? key.replace(/%(25|2E|24|00)/g, (escaped) => decodeURIComponent(escaped)) : key;

const mapKeys = (value: unknown, change: (key: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapKeys(item, change)]));
};

export const toDocument = ({ id, ...fields }: Row): Stored =>
  ({ _id: id, ...(mapKeys(fields, escapeKey) as object) }) as Stored;

export const toRow = <R extends Row>({ _id, ...fields }: Stored): R =>
  ({ id: _id, ...(mapKeys(fields, unescapeKey) as object) }) as unknown as R;

const nameOf = (field: string): string => (field === 'id' ? '_id' : field);

/** A regular expression that finds the text as it stands. NUL may not stand in one as it is. */
const literally = (text: string): string =>
  text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('\0', '\\x00');

const nothing = { _id: { $in: [] } };

const toFilter = (term: Term): Filter<Stored> => {
  const field = nameOf(term.field);
  switch (term.op) {
    case 'eq':
      return { [field]: { $eq: term.value } };
    case 'in':
      return { [field]: { $in: [...term.value] } };
    case 'contains':
      return { [field]: { $regex: literally(term.value) } };
    default:
      // Only numbers and strings have ranges; MongoDB would compare null with null too.
      return typeof term.value === 'number' || typeof term.value === 'string'
        ? { [field]: { [`$${term.op}`]: term.value } }
        : nothing;
  }
};

/** All terms ANDed, tombstones only where they are asked for. */
export const filterOf = (where: readonly Term[], deleted: Query['deleted'] = undefined): Filter<Stored> => {
  const filters = where.map(toFilter);
  if (!deleted) filters.push({ deleted: { $ne: true } });
  return filters.length === 0 ? {} : { $and: filters };
};

/** Sort keys in order, each field once, ties by id. */
export const sortOf = (sort: Sort = []): Map<string, SortDirection> => {
  const keys = new Map<string, SortDirection>();
  for (const [field, direction] of sort) {
    const name = nameOf(field);
    if (!keys.has(name)) keys.set(name, direction);
  }
  if (!keys.has('_id')) keys.set('_id', 'asc');
  return keys;
};
