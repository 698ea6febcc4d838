// Folds events through one projection, as the runner does; event n happens n seconds after 10:30.
import type { Row } from '../../src/adapters/read-models/port.js';
import type { DomainEvent, Metadata, Recorded } from '../../src/domain/decider.js';
import type { Folded, Projection } from '../../src/projections/projection.js';

const EVENT_ID = '01980000-0000-7000-8000-0000000000ff';

/** An event as the log would hold it: position and revision n, at 10:30:n. */
export const recorded = (
  event: DomainEvent,
  stream: string,
  n = 0,
  metadata: Partial<Metadata> = {},
): Recorded => ({
  ...event,
  id: EVENT_ID,
  stream,
  revision: n,
  position: n,
  metadata: {
    at: new Date(Date.UTC(2026, 0, 15, 10, 30, n)).toISOString(),
    audience: [],
    actor: { system: 'test' },
    commandId: EVENT_ID,
    correlationId: EVENT_ID,
    ...metadata,
  },
});

/** The one row that the events change: null = deleted, undefined = never was one. */
export const projected = <R extends Row>(
  projection: Projection<R>,
  stream: string,
  events: readonly DomainEvent[],
): Folded<R> => {
  let row: Folded<R>;
  events.forEach((event, n) => {
    const happened = recorded(event, stream, n);
    if (!projection.events.has(event.type) || projection.idOf(happened) === undefined) return;
    const next = projection.project((row ?? undefined) as R | undefined, happened, 0);
    if (next !== undefined) row = next;
  });
  return row;
};
