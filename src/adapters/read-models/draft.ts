// What the rows would be if more had happened: read models over others that keep what is applied to themselves.
import type { Query, ReadModels, Row } from './port.js';
import { compareBy, testOf } from './terms.js';

/** The models below are only read. */
export const draftReadModels = (below: ReadModels): ReadModels => {
  const kept = new Map<string, Map<string, Row>>();
  const rowsOf = (model: string): ReadonlyMap<string, Row> => kept.get(model) ?? new Map();

  const find = async <R extends Row>(model: string, query: Query): Promise<R[]> => {
    const own = rowsOf(model);
    if (own.size === 0) return below.find<R>(model, query);
    const { where, sort = [], skip = 0, limit = Number.POSITIVE_INFINITY, deleted = false } = query;
    const most = skip + limit + own.size;
    const page = Number.isFinite(most) ? { limit: most } : {};
    const found = await below.find<R>(model, { where, sort, ...page, ...(deleted ? { deleted } : {}) });
    const tests = where.map(testOf);
    const changed = [...own.values()].filter(
      (row) => (deleted || !row.deleted) && tests.every((test) => test(row)),
    ) as R[];
    return [...found.filter(({ id }) => !own.has(id)), ...changed]
      .sort(compareBy(sort))
      .slice(skip, skip + limit);
  };

  return {
    ...below,
    async get<R extends Row>(model: string, id: string) {
      const own = rowsOf(model).get(id);
      if (!own) return below.get<R>(model, id);
      return own.deleted ? undefined : (own as R);
    },
    find,
    count: async (model, where) =>
      rowsOf(model).size === 0 ? below.count(model, where) : (await find(model, { where })).length,
    async load<R extends Row>(model: string, ids: readonly string[]) {
      const own = rowsOf(model);
      const rows = await below.load<R>(
        model,
        ids.filter((id) => !own.has(id)),
      );
      for (const id of ids) if (own.has(id)) rows.set(id, own.get(id) as R);
      return rows;
    },
    async apply(model, rows) {
      const own = kept.get(model) ?? new Map<string, Row>();
      kept.set(model, own);
      for (const row of rows) if (row.position > (own.get(row.id)?.position ?? -1)) own.set(row.id, row);
    },
    forget: async () => undefined,
    drop: async () => undefined,
    close: async () => undefined,
  };
};
