// A projection folds events into rows of one read model; it is pure, and doing it twice changes nothing.
import type { Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import type { Described, Fields } from './fields.js';

/** What a fold yields: the row without the position (the runner stamps it), null = deleted, undefined = nothing. */
export type Folded<R extends Row> = Omit<R, 'position' | 'deleted'> | null | undefined;

export type Projection<R extends Row = Row> = Described<R> & {
  /** Types of the events it folds. */
  readonly events: ReadonlySet<string>;
  /** The row that an event changes, or several; undefined = none. */
  idOf(event: Recorded): string | readonly string[] | undefined;
  /** The row after the event; `nth` tells which it is of those that `idOf` named. */
  project(row: R | undefined, event: Recorded, nth: number): Folded<R>;
};

/** The whole second of an instant. */
export const second = (instant: string): string =>
  instant.endsWith('.000Z') ? instant : `${instant.slice(0, 19)}.000Z`;

type Timed = { createdAt?: string; updatedAt?: string };

/**
 * Rows hold the times of a record as the wire shows them: what looks equal there also sorts as equal. The row was made
 * for this event alone, so it is changed in place.
 */
const shownTimes = <R extends Row>(row: Folded<R>): Folded<R> => {
  if (!row) return row;
  const timed = row as Timed;
  if (timed.createdAt !== undefined) timed.createdAt = second(timed.createdAt);
  if (timed.updatedAt !== undefined) timed.updatedAt = second(timed.updatedAt);
  return row;
};

/** A projection whose row is its area's state: the decider's own fold, plus what lists need. */
export const recordProjection = <S, R extends Row>(options: {
  name: string;
  version: number;
  holds: string;
  fields: Fields<R>;
  indexes: readonly string[];
  events: readonly string[];
  /** State → row; null = deleted, undefined = no record (yet). */
  toRow: (state: S) => Folded<R>;
  /** The state that a row was made from. */
  toState: (row: R | undefined) => S;
  evolve: (state: S, event: never) => S;
}): Projection<R> => ({
  name: options.name,
  version: options.version,
  holds: options.holds,
  fields: options.fields,
  indexes: options.indexes,
  events: new Set(options.events),
  idOf: ({ stream }) => stream.slice(stream.indexOf('-') + 1),
  project: (row, event) => shownTimes<R>(options.toRow(options.evolve(options.toState(row), event as never))),
});

/** Types named in a zod union of events. */
export const typesOf = (union: { options: readonly { shape: { type: { value: string } } }[] }): string[] =>
  union.options.map(({ shape }) => shape.type.value);

/** Case-folded text that `search` looks in. */
export const searchText = (...parts: readonly string[]): string => parts.join('\n').toLowerCase();
