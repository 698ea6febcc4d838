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
 * not yet: one that would only now match is not found. Where nothing is found it is confirmed that nothing was lost,
 * and looked for again: what was lost may have been built anew before the look.
 */
export const withNewer = (readModels: ReadModels, newer: Newer, confirm: Confirm): ReadModels => {
  const stored = async <R extends Row>(model: string, query: Query): Promise<R[]> => {
    const rows = await readModels.find<R>(model, query);
    if (rows.length > 0) return rows;
    await confirm(model);
    return readModels.find<R>(model, query);
  };
  const current = async <R extends Row>(model: string, id: string): Promise<R | undefined> => {
    const row = await readModels.get<R>(model, id);
    return newer.knows(model) ? newer.revise(model, id, row) : row;
  };

  return {
    ...readModels,
    async get<R extends Row>(model: string, id: string) {
      let row = await current<R>(model, id);
      if (!row) {
        await confirm(model);
        row = await current<R>(model, id);
      }
      return row?.deleted ? undefined : row;
    },
    async find<R extends Row>(model: string, query: Query) {
      const rows = await stored<R>(model, query);
      if (!newer.knows(model)) return rows;
      return rows
        .map((row) => newer.revise(model, row.id, row))
        .filter((row) => row !== undefined)
        .filter((row) => fits(row, query));
    },
  };
};
