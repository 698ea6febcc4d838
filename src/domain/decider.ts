// The shapes that every area shares: what an event is, what surrounds it, and how state and decisions follow.
import { z } from 'zod';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A fact as the domain states it: a past-tense type and its data, no secret in clear. */
export type DomainEvent = { readonly type: string; readonly data: object };

/** Who caused an event: an API key and the user it belongs to, or the system itself (a reactor, the command line). */
export type Actor = { readonly key: string; readonly user: string } | { readonly system: string };

/** What surrounds an event. Fixed when appended; never edited. */
export type Metadata = {
  /** ISO 8601 UTC with milliseconds, stamped just before the append. */
  readonly at: string;
  /** Workspaces (UUIDs) whose endpoints and event readers may see this event: subject and request context. */
  readonly audience: readonly string[];
  readonly actor: Actor;
  /** Identity of the command (UUID): the same on a retry, so that it is found and not repeated. */
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly requestId?: string;
  /** HMAC of the request that caused it, when it carried an idempotency key. */
  readonly fingerprint?: string;
  /** Client address, sealed with the acting user's key. */
  readonly ip?: string;
};

/** An event as the log holds it. `revision` counts within the stream from 0; `position` orders the whole log. */
export type Recorded<E extends DomainEvent = DomainEvent> = E & {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly metadata: Metadata;
};

/** What `evolve` may look at besides the event itself. */
export type Happened<E extends DomainEvent> = E & { readonly metadata: Pick<Metadata, 'at'> };

/** Pure decision and fold of one area. `decide` throws a DomainError to refuse, returns [] when nothing changes. */
export type Decider<S, C, E extends DomainEvent> = {
  readonly initialState: S;
  decide(command: C, state: S): E[];
  evolve(state: S, event: Happened<E>): S;
};

/** Schema of one event type: `type` literal and strict `data`. */
export const event = <T extends string, D extends z.ZodRawShape>(type: T, data: D) =>
  z.object({ type: z.literal(type), data: z.object(data) });

/** ISO 8601 instant with milliseconds, as `Date.prototype.toISOString` prints it. */
export const Instant = z.iso.datetime({ precision: 3 });

let spelled = { ms: Number.NaN, text: '' };
/** An instant as `toISOString` prints it, once for each millisecond: it costs as much as a decision. */
export const instantOf = (date: Date): string => {
  const ms = date.getTime();
  if (ms !== spelled.ms) spelled = { ms, text: date.toISOString() };
  return spelled.text;
};

/** Stands for "never" wherever an instant is stored, so that filters stay simple comparisons. */
export const NEVER = '9999-12-31T23:59:59.999Z';
