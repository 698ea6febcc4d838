// Read models for answers: with what the log has said since a row was stored, and sure of what they do not find.
import type { Query, ReadModels, Row, Surely } from './port.js';
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
 * not yet: one that would only now match is not found. Where nothing is found it is made sure that nothing was lost.
 */
export const withNewer = (readModels: ReadModels, newer: Newer, surely: Surely): ReadModels => {
  const current = async <R extends Row>(model: string, id: string): Promise<R | undefined> => {
    const row = await readModels.get<R>(model, id);
    return newer.knows(model) ? newer.revise(model, id, row) : row;
  };

  return {
    ...readModels,
    async get<R extends Row>(model: string, id: string) {
      const row = await surely(
        [model],
        () => current<R>(model, id),
        (found) => found !== undefined,
      );
      return row?.deleted ? undefined : row;
    },
    async find<R extends Row>(model: string, query: Query) {
      const rows = await surely(
        [model],
        () => readModels.find<R>(model, query),
        (found) => found.length > 0,
      );
      if (!newer.knows(model)) return rows;
      return rows
        .map((row) => newer.revise(model, row.id, row))
        .filter((row) => row !== undefined)
        .filter((row) => fits(row, query));
    },
    count: (model, where) =>
      surely(
        [model],
        () => readModels.count(model, where),
        (count) => count > 0,
      ),
  };
};
