// Events and collecting for tests of the event log.
import { randomUUID } from 'node:crypto';
import type { NewEvent } from '../../src/adapters/event-log/port.js';
import type { Recorded } from '../../src/domain/decider.js';

/** An event with fresh ids; `data` may be anything JSON. */
export const newEvent = (type = 'Counted', data: object = {}): NewEvent => ({
  type,
  data,
  id: randomUUID(),
  metadata: {
    at: '2026-01-15T10:30:00.000Z',
    audience: [randomUUID()],
    actor: { system: 'test' },
    commandId: randomUUID(),
    correlationId: randomUUID(),
  },
});

/** `length` events of type Counted whose data is their number, counted from `from`. */
export const counted = (length: number, from = 0): NewEvent[] =>
  Array.from({ length }, (_, i) => newEvent('Counted', { n: from + i }));

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

export const idsOf = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);

/** What a log must give back for an append whose last event got `revision`; positions are the log's own. */
export const recorded = (
  stream: string,
  events: readonly NewEvent[],
  revision: number,
): Omit<Recorded, 'position'>[] =>
  events.map((event, i) => ({ ...event, stream, revision: revision - events.length + 1 + i }));

/** The same without positions, to compare with `recorded`. */
export const withoutPositions = (events: readonly Recorded[]): Omit<Recorded, 'position'>[] =>
  events.map(({ position: _, ...event }) => event);
