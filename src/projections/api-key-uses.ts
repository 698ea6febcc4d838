// When each API key was last used: rows of their own, since one event tells of many keys.
import type { Batch } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import { type ApiKeysUsed, apiKeysUsed } from '../domain/key-uses.js';
import { keptIn } from './checkpoints.js';
import type { Described } from './fields.js';
import type { Handler } from './handler.js';

/** `id` is the key's UUID. */
export type ApiKeyUseRow = Row & { readonly lastUsedAt: string };

export const apiKeyUses: Described<ApiKeyUseRow> = {
  name: 'api-key-uses',
  version: 1,
  holds: 'When an API key (same `_id`) was last used. One without a row never was.',
  fields: { lastUsedAt: ['instant', 'Its latest use, at most some ten seconds late.'] },
  indexes: [],
};

/** Rows after a batch: the latest use of each key that it names. */
const foldUses = ({ events }: Batch, known: ReadonlyMap<string, ApiKeyUseRow>): ApiKeyUseRow[] => {
  const changed = new Map<string, ApiKeyUseRow>();
  for (const { data, position, revision } of events) {
    for (const { keyId: id, at } of (data as ApiKeysUsed['data']).uses) {
      const row = changed.get(id) ?? known.get(id);
      if (row && row.position >= position) continue;
      // Instances flush on their own: a later event may tell of an earlier use.
      const lastUsedAt = row && row.lastUsedAt > at ? row.lastUsedAt : at;
      changed.set(id, { id, lastUsedAt, position, revision });
    }
  }
  return [...changed.values()];
};

/** The follower's handler of this read model. */
export const apiKeyUsesHandler = (readModels: ReadModels, logId: string, sparing = false): Handler => {
  const { name } = apiKeyUses;
  const { start, look, store, skip, stop } = keptIn(readModels, apiKeyUses, logId, sparing);
  return {
    name,
    types: new Set([apiKeysUsed]),
    start,
    look,
    stop,
    skip,
    async handle(batch) {
      const ids = new Set(
        batch.events.flatMap(({ data }) => (data as ApiKeysUsed['data']).uses.map(({ keyId }) => keyId)),
      );
      const known =
        ids.size === 0
          ? new Map<string, ApiKeyUseRow>()
          : await readModels.load<ApiKeyUseRow>(name, [...ids]);
      await store(foldUses(batch, known), batch.position);
    },
  };
};
