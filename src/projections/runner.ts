// Applies a projection to batches of events: load rows, fold, store with the checkpoint. Twice changes nothing.
import type { Batch } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import { keptIn } from './checkpoints.js';
import type { Handler } from './handler.js';
import type { Projection } from './projection.js';

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

/** A row that an event changes, the `nth` of that event. */
type Step = { readonly event: Recorded; readonly id: string; readonly nth: number };
/** The rows that events change, in the order in which they change them. */
export const stepsOf = (projection: Projection, events: readonly Recorded[]): Step[] => {
  const steps: Step[] = [];
  for (const event of events) {
    const ids = projection.idOf(event);
    if (typeof ids === 'string') steps.push({ event, id: ids, nth: 0 });
    else if (ids) for (let nth = 0; nth < ids.length; nth++) steps.push({ event, id: ids[nth] ?? '', nth });
  }
  return steps;
};

/** Folds a batch into rows: each row carries the position of the last event folded into it. */
const foldBatch = (projection: Projection, steps: readonly Step[], known: Map<string, Row>): Row[] => {
  const changed = new Map<string, Row>();
  for (const { event, id, nth } of steps) {
    const next = foldRow(projection, id, changed.get(id) ?? known.get(id), event, nth);
    if (next) changed.set(id, next);
  }
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
      const steps = stepsOf(projection, events);
      const ids = new Set(steps.map(({ id }) => id));
      const known = ids.size === 0 ? new Map<string, Row>() : await readModels.load<Row>(name, [...ids]);
      await store(foldBatch(projection, steps, known), position);
    },
  };
};
