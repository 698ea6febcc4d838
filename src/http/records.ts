// Finds a record by any form of its id.
import type { ReadModels, Row, Term } from '../adapters/read-models/port.js';
import { type IdKind, parseReference } from '../domain/ids.js';

/**
 * The row that an id names (integer, prefixed id or UUID), among those that `where` lets through: for others, and for
 * what is no id, undefined. `deleted` finds tombstones too: for the retry of a command that has ended its record.
 */
export const findByReference = async <R extends Row>(
  readModels: ReadModels,
  model: string,
  kind: IdKind,
  id: string,
  where: readonly Term[] = [],
  options: { deleted?: boolean } = {},
): Promise<R | undefined> => {
  const reference = parseReference(kind, id);
  if (!reference) return undefined;
  const term: Term =
    'number' in reference
      ? { field: 'number', op: 'eq', value: reference.number }
      : { field: 'id', op: 'eq', value: reference.uuid };
  const query = { where: [term, ...where], limit: 1 };
  const [row] = await readModels.find<R>(model, options.deleted ? { ...query, deleted: true } : query);
  return row;
};
