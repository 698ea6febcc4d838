// What the log says of a few read models beyond their rows: a key that was revoked is refused although its row lags.
import type { EventLog } from '../adapters/event-log/port.js';
import type { Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import type { Handler } from './handler.js';
import type { Projection } from './projection.js';
import { foldRow, stepsOf } from './runner.js';

type Event = { readonly event: Recorded; readonly nth: number };

/** Feeds on the log by itself, and brings rows up to date. */
export type Newest = {
  /** Follows from the head: call when the rows have come at least as far as that was. */
  readonly handler: Handler;
  /** Whether there may be anything about a model that its rows do not show. */
  knows(model: string): boolean;
  /** The row as it is now, made of the stored one, where there is one; a deleted one is a tombstone. */
  revise<R extends Row>(model: string, id: string, row: R | undefined): R | undefined;
};

/** `seenTo` = position that the rows of a model are known to show. What they show is forgotten here. */
export const newest = (
  log: EventLog,
  projections: readonly Projection[],
  seenTo: (model: string) => number,
): Newest => {
  const models = new Map(projections.map((projection) => [projection.name, projection]));
  const held = new Map(projections.map(({ name }) => [name, new Map<string, Event[]>()]));

  const note = (event: Recorded) => {
    for (const projection of projections) {
      if (!projection.events.has(event.type)) continue;
      const rows = held.get(projection.name);
      for (const { id, nth } of stepsOf(projection, [event]))
        rows?.set(id, [...(rows.get(id) ?? []), { event, nth }]);
    }
  };
  const forgetSeen = () => {
    for (const [model, rows] of held) {
      const seen = seenTo(model);
      for (const [id, events] of rows) {
        const unseen = events.filter(({ event }) => event.position > seen);
        if (unseen.length === 0) rows.delete(id);
        else if (unseen.length < events.length) rows.set(id, unseen);
      }
    }
  };

  return {
    handler: {
      name: 'newest',
      types: new Set(projections.flatMap(({ events }) => [...events])),
      start: () => log.head(),
      async handle({ events }) {
        forgetSeen();
        for (const event of events) note(event);
      },
    },
    knows: (model) => (held.get(model)?.size ?? 0) > 0,
    revise<R extends Row>(model: string, id: string, row: R | undefined) {
      const projection = models.get(model);
      let now: Row | undefined = row;
      if (projection)
        for (const { event, nth } of held.get(model)?.get(id) ?? [])
          now = foldRow(projection, id, now, event, nth) ?? now;
      return now as R | undefined;
    },
  };
};
