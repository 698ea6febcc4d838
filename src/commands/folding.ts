// Folds streams into state, keeps the states that are in use, and finds what a command had appended before.
import { LRUCache } from 'lru-cache';
import type { EventLog } from '../adapters/event-log/port.js';
import type { Decider, DomainEvent, Recorded } from '../domain/decider.js';
import type { Snapshots } from '../domain/snapshots.js';
import type { Soon } from '../domain/soon.js';
import type { CommandContext } from './context.js';
import { snapshotting } from './snapshotting.js';

/** A state and where its last event stands; -1 = the stream does not exist. */
export type Folded<S> = { readonly state: S; readonly revision: number; readonly position: number };

/**
 * Outcome of a command: the state folded up to its last event, where that stands, and its own events. What was found
 * again on a long stream (one with snapshots) comes with today's state: its answer is rendered from its events.
 */
export type Handled<S, E> = Folded<S> & {
  readonly events: readonly E[];
  /** True when an earlier run of the same command had already appended. */
  readonly found: boolean;
};

/** A command id that was already used more than 24 h ago: it names another command now. */
export class StaleCommand extends Error {
  override readonly name = 'StaleCommand';
  readonly position: number;
  constructor(position: number) {
    super('This command id belongs to an older command.');
    this.position = position;
  }
}

const DAY = 86_400_000;
/** A clock may be set back by this, and those of two machines differ. */
const CLOCK_MS = 1_000;
const CLOCKS_MS = 10_000;
/** Events of a long stream that are read at once on the way back. */
const BACK = 500;
/** States of earlier revisions that are kept, so that one asked for next is folded from there. */
const REACHED = 1_000;

/** A command whose events are searched for; on a long stream only `after` a revision, where that is known. */
export type Wanted = Pick<CommandContext, 'commandId' | 'since'> & { readonly after?: number };

export type Folding<S, E> = {
  /** State as this process knows it, cached or read: others may have gone on. */
  known(stream: string): Soon<Folded<S>>;
  isCached(stream: string): boolean;
  /** Current state: what others may have appended to the known one is read. */
  refresh(stream: string): Promise<Folded<S>>;
  /** State as of a revision. */
  at(stream: string, revision: number): Promise<Folded<S>>;
  /** What the command had appended, with the state right after. Throws StaleCommand. */
  find(stream: string, wanted: Wanted): Promise<Handled<S, E> | undefined>;
  /** Keeps what an append that began at `from` led to. */
  keep(stream: string, folded: Folded<S>, from: number): void;
  forget(stream: string): void;
};

export const folding = <S, C, E extends DomainEvent>(
  log: EventLog,
  decider: Decider<S, C, E>,
  now: () => Date,
  cached: number,
  snapshots?: Snapshots<S>,
): Folding<S, E> => {
  const cache = new LRUCache<string, Folded<S>>({ max: cached });
  const reached = new LRUCache<string, Folded<S>>({ max: REACHED });
  const nothing: Folded<S> = { state: decider.initialState, revision: -1, position: -1 };
  const kept = snapshots && snapshotting(log, snapshots, now);

  /** Goes on from a state with the events after it. */
  const fold = async (
    stream: string,
    from: Folded<S>,
    to = Number.POSITIVE_INFINITY,
    visit?: (event: Recorded<E>, after: Folded<S>) => void,
  ) => {
    let folded = from;
    const most = Number.isFinite(to) ? { limit: to - from.revision } : {};
    for await (const recorded of log.read(stream, { from: from.revision + 1, ...most })) {
      // The log gives back what this area appended; it was checked by its schema before.
      const event = recorded as unknown as Recorded<E>;
      const { revision, position } = event;
      folded = { state: decider.evolve(folded.state, event), revision, position };
      visit?.(event, folded);
    }
    return folded;
  };

  /** Another reader may have come further meanwhile. */
  const keepNewer = (stream: string, folded: Folded<S>) => {
    const known = cache.peek(stream);
    if (!known || known.revision < folded.revision) cache.set(stream, folded);
  };

  const read = async (stream: string): Promise<Folded<S>> => {
    const start = (await kept?.newest(stream)) ?? nothing;
    const folded = await fold(stream, start);
    kept?.consider(stream, folded, start.revision);
    return folded;
  };

  const refresh = async (stream: string): Promise<Folded<S>> => {
    const known = cache.get(stream);
    const folded = known ? await fold(stream, known) : await read(stream);
    keepNewer(stream, folded);
    return folded;
  };

  /** Of the states at hand the one that is nearest to a revision without being after it. */
  const nearest = async (stream: string, revision: number): Promise<Folded<S>> => {
    const fits = (one: Folded<S> | undefined): one is Folded<S> =>
      one !== undefined && one.revision <= revision;
    const known = [cache.get(stream), reached.get(stream)].filter(fits);
    if (known.length === 0) known.push(...[await kept?.newest(stream)].filter(fits));
    return known.reduce((best, one) => (one.revision > best.revision ? one : best), nothing);
  };

  const findInWhole = async (stream: string, commandId: string): Promise<Handled<S, E> | undefined> => {
    const events: Recorded<E>[] = [];
    let after: Folded<S> | undefined;
    await fold(stream, nothing, undefined, (event, folded) => {
      if (event.metadata.commandId !== commandId) return;
      events.push(event);
      after = folded;
    });
    const last = events.at(-1);
    if (!after || !last) return undefined;
    if (now().getTime() - Date.parse(last.metadata.at) > DAY) throw new StaleCommand(after.position);
    return { ...after, events, found: true };
  };

  /** The events of a command stand together: the search ends behind them, or where it cannot have run yet. */
  const eventsBack = async (
    stream: string,
    { commandId, after = -1 }: Wanted,
    since: string,
  ): Promise<Recorded<E>[]> => {
    const events: Recorded<E>[] = [];
    const isBefore = ({ revision, metadata }: Recorded) => revision <= after || metadata.at < since;
    let from: number | undefined;
    while (from === undefined || from >= 0) {
      const at = from === undefined ? {} : { from };
      from = -1;
      for await (const event of log.read(stream, { ...at, backwards: true, limit: BACK })) {
        const own = event.metadata.commandId === commandId;
        if (own) events.unshift(event as unknown as Recorded<E>);
        else if (events.length > 0 || isBefore(event)) return events;
        from = event.revision - 1;
      }
    }
    return events;
  };

  const findBack = async (stream: string, wanted: Wanted): Promise<Handled<S, E> | undefined> => {
    const began = wanted.since === undefined ? now().getTime() - DAY : Date.parse(wanted.since);
    const clock = log.shared ? CLOCKS_MS : CLOCK_MS;
    const events = await eventsBack(stream, wanted, new Date(began - clock).toISOString());
    const last = events.at(-1);
    if (!last) return undefined;
    const { state } = await read(stream);
    return { state, revision: last.revision, position: last.position, events, found: true };
  };

  return {
    known: (stream) => cache.get(stream) ?? refresh(stream),
    isCached: (stream) => cache.has(stream),
    refresh,
    async at(stream, revision) {
      const folded = await fold(stream, await nearest(stream, revision), revision);
      reached.set(stream, folded);
      return folded;
    },
    find: (stream, wanted) => (snapshots ? findBack(stream, wanted) : findInWhole(stream, wanted.commandId)),
    keep(stream, folded, from) {
      cache.set(stream, folded);
      kept?.consider(stream, folded, from);
    },
    forget: (stream) => cache.delete(stream),
  };
};
