// Read models that answer with what the log has said since a row was stored, for a few models where it matters.
import type { Query, ReadModels, Row } from './port.js';
import { testOf } from './terms.js';

/** What is known beyond the rows that are stored. */
export type Newer = {
  /** Whether there is anything about a model: nearly always there is not. */
  knows(model: string): boolean;
  /** The row as it is now, made of the stored one, where there is one; a deleted one is a tombstone. */
  revise<R extends Row>(model: string, id: string, row: R | undefined): R | undefined;
};

const fits = (row: Row, { where, deleted }: Query): boolean =>
  (deleted === true || !row.deleted) && where.every((term) => testOf(term)(row));

/**
 * The same read models, with `get` and `find` brought up to date. A find sees what rows have become, not what they were
 * not yet: one that would only now match is not found.
 */
export const withNewer = (readModels: ReadModels, newer: Newer): ReadModels => ({
  ...readModels,
  async get<R extends Row>(model: string, id: string) {
    const row = await readModels.get<R>(model, id);
    if (!newer.knows(model)) return row;
    const now = newer.revise(model, id, row);
    return now?.deleted ? undefined : now;
  },
  async find<R extends Row>(model: string, query: Query) {
    const rows = await readModels.find<R>(model, query);
    if (!newer.knows(model)) return rows;
    return rows
      .map((row) => newer.revise(model, row.id, row))
      .filter((row) => row !== undefined)
      .filter((row) => fits(row, query));
  },
});
