// read → evolve → decide → append, once for every area: one writer per stream, decided together under load.
import { type Appended, type EventLog, type NewEvent, RevisionConflict } from '../adapters/event-log/port.js';
import type { Decider, DomainEvent, Happened } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { newId } from '../domain/ids.js';
import type { Snapshots } from '../domain/snapshots.js';
import type { Soon } from '../domain/soon.js';
import { type CommandContext, metadataFor } from './context.js';
import { type Folded, type Folding, folding, type Handled, type Wanted } from './folding.js';

/** `ifMatch`: revision the caller saw. `subject`: workspace that the events are about. */
export type HandleOptions = { readonly ifMatch?: number; readonly subject?: string };

export type Streams<S, C, E extends DomainEvent> = {
  /** Runs one command on `<category>-<id>`. Throws DomainError, LogUnavailable, StaleCommand. */
  handle(id: string, command: C, context: CommandContext, options?: HandleOptions): Promise<Handled<S, E>>;
  /** What an earlier run of this command has appended; undefined when there is nothing. Throws StaleCommand. */
  found(id: string, context: CommandContext): Promise<Handled<S, E> | undefined>;
  /** Current state; read, as far as another process may have changed it. */
  load(id: string): Soon<Folded<S>>;
  /** State as of one revision. */
  at(id: string, revision: number): Promise<Folded<S>>;
  /**
   * Keeps the commands that come later off a stream, from the turn that it resolves on until the function it resolves
   * to is called: for whoever appends to the stream past this handler.
   */
  hold(id: string): Promise<() => void>;
};

type Pending<S, C, E> = {
  readonly context: CommandContext;
  readonly command: C;
  readonly ifMatch: number | undefined;
  readonly subject: string | undefined;
  search: boolean;
  /** Revision that it was first decided on. */
  seen: number | undefined;
  readonly resolve: (handled: Handled<S, E>) => void;
  readonly reject: (error: unknown) => void;
};
type Outcome = (appended: Appended) => void;
/** Somebody who has the stream for themselves until `release` is called. */
type Hold = { readonly taken: (release: () => void) => void };
const isHold = (queued: object): queued is Hold => 'taken' in queued;

/** Commands decided together at most. */
const MAX_GROUP = 256;
const MAX_TRIES = 5;

/** A first run can only have been overtaken by itself in another process: in what was appended meanwhile. */
const wantedOf = <S, C, E>({ context, seen = -1 }: Pending<S, C, E>): Wanted =>
  context.retry ? context : { ...context, after: seen };

/** Decides one command on a state; the events with what surrounds them, and the state after them. */
const decideOne = <S, C, E extends DomainEvent>(
  decider: Decider<S, C, E>,
  { command, context, ifMatch, subject }: Pending<S, C, E>,
  current: Folded<S>,
  now: () => Date,
) => {
  if (ifMatch !== undefined && ifMatch !== current.revision)
    throw new DomainError('precondition_failed', 'The record has changed since the revision in If-Match.');
  const decided = decider.decide(command, current.state);
  const metadata = metadataFor(context, subject, now());
  let { state } = current;
  const events = decided.map(({ type, data }) => {
    const event = { id: newId(), type, data, metadata };
    state = decider.evolve(state, event as unknown as Happened<E>);
    return event;
  });
  return { decided, events, after: { state, revision: current.revision + events.length, position: -1 } };
};

const isSearched = ({ search }: { readonly search: boolean }): boolean => search;
/** What commands of a group had appended before; a failure to tell is the outcome of that command. */
type Searched<S, C, E> = ReadonlyMap<Pending<S, C, E>, Outcome>;
const search = async <S, C, E extends DomainEvent>(
  folds: Folding<S, E>,
  stream: string,
  group: readonly Pending<S, C, E>[],
): Promise<Searched<S, C, E>> => {
  const searched = new Map<Pending<S, C, E>, Outcome>();
  for (const pending of group.filter(isSearched)) {
    try {
      const found = await folds.find(stream, wantedOf(pending));
      if (found) searched.set(pending, () => pending.resolve(found));
    } catch (error) {
      searched.set(pending, () => pending.reject(error));
    }
  }
  return searched;
};

/**
 * Decides a group on one state, one after the other. Outcomes, refusals too, are told only once the events that they
 * rest on are on disk.
 */
const decideGroup = <S, C, E extends DomainEvent>(
  decider: Decider<S, C, E>,
  group: readonly Pending<S, C, E>[],
  searched: Searched<S, C, E> | undefined,
  start: Folded<S>,
  now: () => Date,
) => {
  let current = start;
  const events: NewEvent[] = [];
  const outcomes: Outcome[] = [];
  const decide = (pending: Pending<S, C, E>): Outcome => {
    try {
      const { decided, events: made, after } = decideOne(decider, pending, current, now);
      events.push(...made);
      current = after;
      const { state, revision } = after;
      return ({ position }) => pending.resolve({ state, revision, position, events: decided, found: false });
    } catch (error) {
      return () => pending.reject(error);
    }
  };
  for (const pending of group) outcomes.push(searched?.get(pending) ?? decide(pending));
  return { events, outcomes, after: current };
};

/**
 * The command handler of one category of streams. `cached` = how many folded states are kept; `snapshots` = how those
 * of long streams are kept in the log, so that a cold one takes a bounded number of events to read; `maxTries` = how
 * often a group is decided while other processes get in first.
 */
export const streams = <S, C, E extends DomainEvent>(
  log: EventLog,
  category: string,
  decider: Decider<S, C, E>,
  {
    now = () => new Date(),
    cached = 10_000,
    snapshots,
    maxTries = MAX_TRIES,
  }: { now?: () => Date; cached?: number; snapshots?: Snapshots<S>; maxTries?: number } = {},
): Streams<S, C, E> => {
  const folds = folding(log, decider, now, cached, snapshots);
  const queues = new Map<string, (Pending<S, C, E> | Hold)[]>();

  const tryGroup = async (stream: string, group: readonly Pending<S, C, E>[]): Promise<void> => {
    const mayBeStale = log.shared && folds.isCached(stream);
    const known = folds.known(stream);
    const start = known instanceof Promise ? await known : known;
    for (const pending of group) pending.seen ??= start.revision;
    const searched = group.some(isSearched) ? await search(folds, stream, group) : undefined;
    const { events, outcomes, after } = decideGroup(decider, group, searched, start, now);
    let appended: Appended = start;
    if (events.length === 0) {
      // No append tells that others have gone on meanwhile: what was refused may not be so any more.
      const { revision } = mayBeStale ? await folds.refresh(stream) : start;
      if (revision !== start.revision) return tryGroup(stream, group);
    } else {
      appended = await log.append(stream, events, start.revision === -1 ? 'no_stream' : start.revision);
      folds.keep(stream, { ...after, position: appended.position }, start.revision);
    }
    for (const tell of outcomes) tell(appended);
  };

  /** After a conflict the state is brought up to date; anything else is thrown. */
  const goOn = async (stream: string, error: unknown, tries: number) => {
    if (!(error instanceof RevisionConflict)) {
      folds.forget(stream);
      throw error;
    }
    if (tries === maxTries)
      throw new DomainError('conflict', 'The record is being changed by others. Try again.');
    await folds.refresh(stream);
  };

  /** Tries again after a failed try, as long as that may help. */
  const tryAgain = async (stream: string, group: readonly Pending<S, C, E>[], failure: unknown) => {
    let error = failure;
    for (let tries = 1; ; tries++) {
      await goOn(stream, error, tries);
      for (const pending of group) pending.search = true;
      try {
        return await tryGroup(stream, group);
      } catch (next) {
        error = next;
      }
    }
  };

  /** What comes after a failed try; what fails for good is told to those whose commands they are. */
  const recover = async (stream: string, group: readonly Pending<S, C, E>[], failure: unknown) => {
    try {
      await tryAgain(stream, group, failure);
    } catch (error) {
      // Together they may be more than one append takes: then one after the other.
      const isTooMuch = error instanceof RangeError && group.length > 1;
      for (const one of group) {
        if (isTooMuch) await tryGroup(stream, [one]).catch((alone: unknown) => recover(stream, [one], alone));
        else one.reject(error);
      }
    }
  };

  /** What is decided together next: up to the next hold. */
  const nextGroup = (queue: (Pending<S, C, E> | Hold)[]): Pending<S, C, E>[] => {
    const held = queue.findIndex(isHold);
    return queue.splice(0, held === -1 ? MAX_GROUP : Math.min(held, MAX_GROUP)) as Pending<S, C, E>[];
  };

  const drain = async (stream: string, queue: (Pending<S, C, E> | Hold)[]) => {
    for (let first = queue[0]; first; first = queue[0]) {
      if (isHold(first)) {
        queue.shift();
        await new Promise<void>(first.taken);
        folds.forget(stream);
        continue;
      }
      const group = nextGroup(queue);
      try {
        await tryGroup(stream, group);
      } catch (error) {
        await recover(stream, group, error);
      }
    }
    queues.delete(stream);
  };

  const enqueue = (id: string, queued: Pending<S, C, E> | Hold): void => {
    const stream = `${category}-${id}`;
    const queue = queues.get(stream);
    if (queue) {
      queue.push(queued);
      return;
    }
    const started = [queued];
    queues.set(stream, started);
    void drain(stream, started);
  };

  return {
    handle: (id, command, context, { ifMatch, subject } = {}) =>
      new Promise((resolve, reject) => {
        const search = context.retry;
        enqueue(id, { context, command, ifMatch, subject, search, seen: undefined, resolve, reject });
      }),
    hold: (id) => new Promise((taken) => enqueue(id, { taken })),
    found: async (id, context) => (context.retry ? folds.find(`${category}-${id}`, context) : undefined),
    load: (id) => (log.shared ? folds.refresh : folds.known)(`${category}-${id}`),
    at: (id, revision) => folds.at(`${category}-${id}`, revision),
  };
};
