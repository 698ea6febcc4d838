// What the log would be if more were appended to it: a log over another one that keeps its appends to itself.
import type { Recorded } from '../../domain/decider.js';
import { exactRevision, isAsExpected } from './append-input.js';
import { type Appended, type EventLog, type Expected, type NewEvent, RevisionConflict } from './port.js';

/** Events that wait for a stream to be at revision `after` (-1 = not to exist). */
export type Staged = {
  readonly stream: string;
  readonly after: number;
  readonly events: readonly NewEvent[];
};
export type DraftLog = EventLog & {
  /** What was kept, by stream, in the order of the first append to each. */
  staged(): readonly Staged[];
};

export type DraftOptions = {
  /** True for an append that goes to the log below at once. */
  readonly passes: (events: readonly NewEvent[], expected: Expected) => boolean;
  /** Called with what was kept before its append resolves. */
  readonly onKept: (events: readonly Recorded[]) => Promise<void>;
};

/** Positions of what is kept are above all that a log gives out. */
const FIRST_POSITION = 2 ** 52;

type Kept = { readonly after: number; readonly events: NewEvent[]; readonly recorded: Recorded[] };

/**
 * A stream counts as it was below when the first append to it was kept: whether it still is so must be looked at before
 * anything of it is written there. Following, and reading across streams, show the log below.
 */
export const draftLog = (log: EventLog, { passes, onKept }: DraftOptions): DraftLog => {
  const kept = new Map<string, Kept>();
  let position = FIRST_POSITION;

  const revisionBelow = async (stream: string): Promise<number> => {
    for await (const { revision } of log.read(stream, { backwards: true, limit: 1 })) return revision;
    return -1;
  };

  const keep = async (stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended> => {
    const known = kept.get(stream);
    const after = known?.after ?? exactRevision(expected) ?? (await revisionBelow(stream));
    const held = known ?? { after, events: [], recorded: [] };
    const last = after + held.events.length;
    if (!isAsExpected(expected, last)) throw new RevisionConflict(stream, expected, last);
    const recorded = events.map(
      (event, n): Recorded => ({
        ...event,
        stream,
        revision: last + 1 + n,
        position: position + n,
      }),
    );
    position += events.length;
    held.events.push(...events);
    held.recorded.push(...recorded);
    kept.set(stream, held);
    await onKept(recorded);
    return { revision: last + events.length, position: position - 1 };
  };

  async function* readKept(
    stream: string,
    { after, recorded }: Kept,
    { from, backwards = false }: { from?: number; backwards?: boolean },
  ): AsyncIterable<Recorded> {
    if (backwards) {
      const start = from ?? Number.POSITIVE_INFINITY;
      yield* recorded.filter(({ revision }) => revision <= start).reverse();
      if (after >= 0) yield* log.read(stream, { from: Math.min(start, after), backwards });
      return;
    }
    const start = from ?? 0;
    if (start <= after) yield* log.read(stream, { from: start, limit: after - start + 1 });
    yield* recorded.filter(({ revision }) => revision >= start);
  }

  async function* limited(events: AsyncIterable<Recorded>, limit: number): AsyncIterable<Recorded> {
    let left = limit;
    if (left > 0)
      for await (const event of events) {
        yield event;
        left -= 1;
        if (left === 0) return;
      }
  }

  return {
    ...log,
    append: (stream, events, expected) =>
      passes(events, expected) ? log.append(stream, events, expected) : keep(stream, events, expected),
    read(stream, options = {}) {
      const held = kept.get(stream);
      if (!held) return log.read(stream, options);
      return limited(readKept(stream, held, options), options.limit ?? Number.POSITIVE_INFINITY);
    },
    staged: () => [...kept].map(([stream, { after, events }]) => ({ stream, after, events })),
    close: async () => undefined,
  };
};
