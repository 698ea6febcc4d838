// Read models in memory: rebuilt from the log at every start, so nothing here needs to last.
import { type Collection, collection } from './collection.js';
import type { Checkpoint, Model, ReadModels, Row } from './port.js';

type Held = { readonly model: Model; rows: Collection; checkpoint: Checkpoint | undefined };

const empty = (model: Model): Held => ({
  model,
  rows: collection(model.indexes),
  checkpoint: undefined,
});

/** Makes the store for these models; another model's name throws. */
export const embeddedReadModels = (models: readonly Model[]): ReadModels => {
  const held = new Map(models.map((model) => [model.name, empty(model)]));
  const of = (name: string): Held => {
    const found = held.get(name);
    if (!found) throw new Error(`There is no read model ${name}.`);
    return found;
  };

  return {
    get<R extends Row>(name: string, id: string) {
      const row = of(name).rows.get(id);
      return row?.deleted ? undefined : (row as R | undefined);
    },

    find<R extends Row>(name: string, query: Parameters<ReadModels['find']>[1]) {
      return of(name).rows.find(query) as R[];
    },

    count(name, where) {
      return of(name).rows.count(where);
    },

    async load<R extends Row>(name: string, ids: readonly string[]) {
      const { rows } = of(name);
      const found = new Map<string, R>();
      for (const id of ids) {
        const row = rows.get(id);
        if (row) found.set(id, row as R);
      }
      return found;
    },

    async apply(name, rows, checkpoint) {
      const target = of(name);
      for (const row of rows) target.rows.put(row);
      const before = target.checkpoint;
      const sameRun = before?.log === checkpoint.log && before.version === checkpoint.version;
      if (!before || !sameRun || checkpoint.position > before.position) target.checkpoint = checkpoint;
    },

    async checkpoint(name) {
      return of(name).checkpoint;
    },

    async standing(name) {
      return { checkpoint: of(name).checkpoint };
    },

    async resume(name) {
      return of(name).checkpoint;
    },

    async forget(name, rows) {
      const target = of(name).rows;
      for (const { id, position } of rows) target.forget(id, position);
    },

    async drop(name) {
      held.set(name, empty(of(name).model));
    },

    async close() {
      held.clear();
    },
  };
};
