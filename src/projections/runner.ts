// Applies a projection to batches of events: load rows, fold, store with the checkpoint. Twice changes nothing.
import type { Batch } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import type { Handler } from './follower.js';
import type { Projection } from './projection.js';

const noIds: readonly string[] = [];
const idsOf = (projection: Projection, event: Recorded): readonly string[] => {
  const ids = projection.idOf(event) ?? noIds;
  return typeof ids === 'string' ? [ids] : ids;
};

/** Folds a batch into rows: each row carries the position of the last event folded into it. */
const foldBatch = (projection: Projection, events: readonly Recorded[], known: Map<string, Row>): Row[] => {
  const changed = new Map<string, Row>();
  const fold = (event: Recorded, id: string, nth: number) => {
    const row = changed.get(id) ?? known.get(id);
    if (row && row.position >= event.position) return;
    const next = projection.project(row?.deleted ? undefined : row, event, nth);
    if (next === undefined) return;
    const { position, revision } = event;
    changed.set(
      id,
      next === null ? { ...row, id, position, revision, deleted: true } : { ...next, id, position, revision },
    );
  };
  for (const event of events)
    for (const [nth, id] of idsOf(projection, event).entries()) fold(event, id, nth);
  return [...changed.values()];
};

/** The follower's handler of one projection. */
export const projectionHandler = (
  projection: Projection,
  readModels: ReadModels,
  logId: string,
): Handler => ({
  name: projection.name,
  types: projection.events,
  async start() {
    const checkpoint = await readModels.checkpoint(projection.name);
    if (checkpoint && checkpoint.log === logId && checkpoint.version === projection.version)
      return checkpoint.position;
    await readModels.drop(projection.name);
    return -1;
  },
  async handle({ events, position }: Batch) {
    const ids = new Set<string>();
    for (const event of events) for (const id of idsOf(projection, event)) ids.add(id);
    const known =
      ids.size === 0 ? new Map<string, Row>() : await readModels.load<Row>(projection.name, [...ids]);
    const rows = foldBatch(projection, events, known);
    await readModels.apply(projection.name, rows, { log: logId, version: projection.version, position });
  },
});
