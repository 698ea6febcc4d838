// Folds streams into state, keeps the states that are in use, and finds what a command had appended before.
import { LRUCache } from 'lru-cache';
import type { EventLog } from '../adapters/event-log/port.js';
import type { Decider, DomainEvent, Recorded } from '../domain/decider.js';

/** A state and where its last event stands; -1 = the stream does not exist. */
export type Folded<S> = { readonly state: S; readonly revision: number; readonly position: number };

/** Outcome of a command: the state folded up to its last event, where that stands, and its own events. */
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

export type Folding<S, E> = {
  /** State as this process knows it, cached or read: others may have gone on. */
  known(stream: string): Promise<Folded<S>>;
  isCached(stream: string): boolean;
  /** Current state: what others may have appended to the known one is read. */
  refresh(stream: string): Promise<Folded<S>>;
  /** State as of a revision, always read. */
  at(stream: string, revision: number): Promise<Folded<S>>;
  /** What the command had appended, with the state right after. Throws StaleCommand. */
  find(stream: string, commandId: string): Promise<Handled<S, E> | undefined>;
  keep(stream: string, folded: Folded<S>): void;
  forget(stream: string): void;
};

export const folding = <S, C, E extends DomainEvent>(
  log: EventLog,
  decider: Decider<S, C, E>,
  now: () => Date,
  cached: number,
): Folding<S, E> => {
  const cache = new LRUCache<string, Folded<S>>({ max: cached });

  const nothing: Folded<S> = { state: decider.initialState, revision: -1, position: -1 };

  const fold = async (
    stream: string,
    {
      start = nothing,
      to = Number.POSITIVE_INFINITY,
      visit,
    }: { start?: Folded<S>; to?: number; visit?: (event: Recorded<E>, after: Folded<S>) => void } = {},
  ) => {
    let folded = start;
    for await (const recorded of log.read(stream, { from: start.revision + 1 })) {
      if (recorded.revision > to) break;
      // The log gives back what this area appended; it was checked by its schema before.
      const event = recorded as unknown as Recorded<E>;
      const { revision, position } = event;
      folded = { state: decider.evolve(folded.state, event), revision, position };
      visit?.(event, folded);
    }
    return folded;
  };

  /** Reads on from a state, or from the start. */
  const read = async (stream: string, start?: Folded<S>) => {
    const folded = await fold(stream, start && { start });
    // An append of this process may have come meanwhile.
    if (folded.revision > (cache.peek(stream)?.revision ?? -1)) cache.set(stream, folded);
    return folded;
  };

  return {
    known: async (stream) => cache.get(stream) ?? read(stream),
    isCached: (stream) => cache.has(stream),
    refresh: (stream) => read(stream, cache.get(stream)),
    at: (stream, revision) => fold(stream, { to: revision }),
    async find(stream, commandId) {
      const events: Recorded<E>[] = [];
      let after: Folded<S> | undefined;
      const visit = (event: Recorded<E>, folded: Folded<S>) => {
        if (event.metadata.commandId !== commandId) return;
        events.push(event);
        after = folded;
      };
      await fold(stream, { visit });
      const last = events.at(-1);
      if (!after || !last) return undefined;
      if (now().getTime() - Date.parse(last.metadata.at) > DAY) throw new StaleCommand(after.position);
      return { ...after, events, found: true };
    },
    keep: (stream, folded) => cache.set(stream, folded),
    forget: (stream) => cache.delete(stream),
  };
};
