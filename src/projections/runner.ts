// Applies a projection to batches of events: load rows, fold, store with the checkpoint. Twice changes nothing.
import type { Batch } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import { keptIn } from './checkpoints.js';
import type { Handler } from './handler.js';
import type { Projection } from './projection.js';

const noIds: readonly string[] = [];
/** The rows that an event changes. */
export const idsOf = (projection: Projection, event: Recorded): readonly string[] => {
  const ids = projection.idOf(event) ?? noIds;
  return typeof ids === 'string' ? [ids] : ids;
};

/** The row after an event, the `nth` that it changes; undefined when it stays as it is. */
export const foldRow = (
  projection: Projection,
  id: string,
  row: Row | undefined,
  event: Recorded,
  nth: number,
): Row | undefined => {
  const { position, revision } = event;
  if (row && row.position >= position) return undefined;
  const next = projection.project(row?.deleted ? undefined : row, event, nth);
  if (next === undefined) return undefined;
  return next === null
    ? { ...row, id, position, revision, deleted: true }
    : { ...next, id, position, revision };
};

/** Folds a batch into rows: each row carries the position of the last event folded into it. */
const foldBatch = (projection: Projection, events: readonly Recorded[], known: Map<string, Row>): Row[] => {
  const changed = new Map<string, Row>();
  const fold = (event: Recorded, id: string, nth: number) => {
    const next = foldRow(projection, id, changed.get(id) ?? known.get(id), event, nth);
    if (next) changed.set(id, next);
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
  sparing = false,
): Handler => {
  const { name, events: types } = projection;
  const { start, look, store, skip, stop } = keptIn(readModels, projection, logId, sparing);
  return {
    name,
    types,
    start,
    look,
    stop,
    skip,
    async handle({ events, position }: Batch) {
      const ids = new Set<string>();
      for (const event of events) for (const id of idsOf(projection, event)) ids.add(id);
      const known = ids.size === 0 ? new Map<string, Row>() : await readModels.load<Row>(name, [...ids]);
      await store(foldBatch(projection, events, known), position);
    },
  };
};
