// Read models for answers: with what the log has said since a row was stored, and sure of what they do not find.
import type { Query, ReadModels, Row } from './port.js';
import { testOf } from './terms.js';

/** What is known beyond the rows that are stored. */
export type Newer = {
  /** Whether there is anything about a model: nearly always there is not. */
  knows(model: string): boolean;
  /** The row as it is now, made of the stored one, where there is one; a deleted one is a tombstone. */
  revise<R extends Row>(model: string, id: string, row: R | undefined): R | undefined;
};

/** Looks whether rows of a model may be missing that were there; throws then. */
export type Confirm = (model: string) => Promise<void>;

const fits = (row: Row, { where, deleted }: Query): boolean =>
  (deleted === true || !row.deleted) && where.every((term) => testOf(term)(row));

/**
 * The same read models, with `get` and `find` brought up to date. A find sees what rows have become, not what they were
 * not yet: one that would only now match is not found. Where nothing is found it is confirmed that nothing was lost.
 */
export const withNewer = (readModels: ReadModels, newer: Newer, confirm: Confirm): ReadModels => ({
  ...readModels,
  async get<R extends Row>(model: string, id: string) {
    const stored = await readModels.get<R>(model, id);
    const row = newer.knows(model) ? newer.revise(model, id, stored) : stored;
    if (!row) await confirm(model);
    return row?.deleted ? undefined : row;
  },
  async find<R extends Row>(model: string, query: Query) {
    const rows = await readModels.find<R>(model, query);
    if (rows.length === 0) await confirm(model);
    if (!newer.knows(model)) return rows;
    return rows
      .map((row) => newer.revise(model, row.id, row))
      .filter((row) => row !== undefined)
      .filter((row) => fits(row, query));
  },
});
