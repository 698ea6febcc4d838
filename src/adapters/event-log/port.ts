// The event log: the only write that counts. Every adapter passes test/contract/event-log.ts.
import type { DomainEvent, Metadata, Recorded } from '../../domain/decider.js';

/** An event to append. `id` is a UUID: repeating an append with the same ids and expectation writes nothing new. */
export type NewEvent = DomainEvent & { readonly id: string; readonly metadata: Metadata };

/** Revision the stream must have: of its last event, or one of the three words. */
export type Expected = number | 'no_stream' | 'stream_exists' | 'any';

/** Where the last event of an append stands. */
export type Appended = { readonly revision: number; readonly position: number };

/**
 * Which events to see, all conditions ANDed, each list ORed; none = all.
 * `types` are exact event types, `categories` what stands before the first `-` of a stream's name.
 */
export type Filter = { readonly types?: ReadonlySet<string>; readonly categories?: ReadonlySet<string> };

/** A run of events in log order. Everything up to `position` has now been seen, matched or not. */
export type Batch = {
  readonly events: readonly Recorded[];
  readonly position: number;
  readonly caughtUp: boolean;
};

export interface EventLog {
  /** UUID of this log, made once, kept for its whole life. */
  readonly id: string;
  /** Whether other processes may append to it too. */
  readonly shared: boolean;
  /**
   * Appends 1..n events to one stream, whole or not at all; resolves after they are on disk.
   * Throws RevisionConflict (nothing written) or LogUnavailable.
   */
  append(stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended>;
  /** Events of one stream, from a revision (inclusive); none when the stream does not exist. */
  read(
    stream: string,
    options?: { from?: number; backwards?: boolean; limit?: number },
  ): AsyncIterable<Recorded>;
  /** All events after a position (exclusive; -1 = from the start) up to the head at the time of the call. */
  readAll(after: number, filter?: Filter): AsyncIterable<Recorded>;
  /**
   * All events before a position (exclusive; one that this log gave, or Infinity = from the head at the time of the
   * call), newest first. Looks at no more than `scan` events, wanted or not, so that rare ones cannot cost a reading of
   * the whole log: who wants more goes on before the last one seen.
   */
  readAllBackwards(before: number, filter?: Filter, scan?: number): AsyncIterable<Recorded>;
  /** All events after a position, then live, until aborted. Never yields what is not on disk. Pull = back-pressure. */
  subscribe(after: number, filter: Filter, signal: AbortSignal): AsyncIterable<Batch>;
  /** Position of the last event, -1 when there is none. */
  head(): Promise<number>;
  close(): Promise<void>;
}

/** The stream's revision was not the expected one; nothing was written. `actual` -1 = no such stream. */
export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict';
  readonly stream: string;
  readonly actual: number;
  constructor(stream: string, expected: Expected, actual: number) {
    super(`Stream ${stream} is at revision ${actual}, expected ${expected}.`);
    this.stream = stream;
    this.actual = actual;
  }
}

/** The log cannot be written or read now. `fate` says whether the append may have been stored all the same. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
  readonly fate: 'not_written' | 'unknown';
  constructor(message: string, fate: 'not_written' | 'unknown', options?: ErrorOptions) {
    super(message, options);
    this.fate = fate;
  }
}

/** `workspace-<uuid>` → `workspace`. */
export const categoryOf = (stream: string): string => {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
};
