// The streams of a batch: names taken before it is accepted, and every other event brought to its stream after that.
import { type EventLog, type NewEvent, RevisionConflict } from '../adapters/event-log/port.js';
import type { BatchAccepted, BatchPart } from '../domain/batch.js';
import type { Recorded } from '../domain/decider.js';
import { newId } from '../domain/ids.js';

/** Events decided for a stream at revision `after` (-1 = it does not exist), not yet appended. */
export type Staged = {
  readonly stream: string;
  readonly after: number;
  readonly events: readonly NewEvent[];
};

const RESERVED = 'NameReserved';
const RELEASED = 'NameReleased';
type Named = Pick<NewEvent, 'type' | 'data'>;
const ownerOf = ({ data }: Named): unknown => (data as { owner?: unknown }).owner;
const isName = ({ type }: Pick<Named, 'type'>): boolean => type === RESERVED || type === RELEASED;

/**
 * Names that nobody has are taken before the batch is accepted, as others may want them too. One that a record of the
 * batch gives up first is that record's until then, so it waits with the rest.
 */
export const splitNames = (staged: readonly Staged[]): { names: Staged[]; rest: Staged[] } => {
  const names: Staged[] = [];
  const rest: Staged[] = [];
  for (const one of staged) {
    const other = one.events.findIndex(({ type }) => type !== RESERVED);
    const taken = other === -1 ? one.events.length : other;
    if (taken > 0) names.push({ ...one, events: one.events.slice(0, taken) });
    if (taken < one.events.length)
      rest.push({ ...one, after: one.after + taken, events: one.events.slice(taken) });
  }
  return { names, rest };
};

const expected = (revision: number) => (revision === -1 ? 'no_stream' : revision);

export const batchParts = (log: EventLog) => {
  /** Frees a name that was taken for nothing, unless its owner had it before. Otherwise it is free after a minute. */
  const giveBack = async ({ stream, after, events }: Staged): Promise<void> => {
    const last = events.at(-1);
    if (!last) return;
    let before: Recorded | undefined;
    if (after >= 0) for await (const event of log.read(stream, { from: after, limit: 1 })) before = event;
    if (before?.type === RESERVED && ownerOf(before) === ownerOf(last)) return;
    const release = { ...last, id: newId(), type: RELEASED };
    await log.append(stream, [release], after + events.length);
  };
  const giveAllBack = async (names: readonly Staged[]): Promise<void> => {
    await Promise.allSettled(names.map(giveBack));
  };

  /**
   * What others have written since the events were decided: the last of theirs, to come `behind`; or the position
   * where there is nothing left to do. Undefined when there is nothing.
   */
  const lookAgain = async ({ stream, after }: BatchPart, events: readonly NewEvent[]) => {
    let last: Recorded | undefined;
    for await (const event of log.read(stream, { from: after + 1 })) {
      if (event.id === events.at(-1)?.id) return { position: event.position };
      last = event;
    }
    // A name that was free for longer than it is kept for a record that does not come is somebody else's.
    const lost = last?.type === RESERVED && !events.map(ownerOf).includes(ownerOf(last));
    return last && (lost ? { position: last.position } : { behind: last.revision });
  };

  /** Brings a part to its stream; its last position. */
  const put = async (accepted: Recorded<BatchAccepted>, part: BatchPart): Promise<number> => {
    const events = part.events.map(({ id, type, data, ...own }) => ({
      id,
      type,
      data,
      metadata: { ...accepted.metadata, ...own, causationId: accepted.id },
    }));
    for (let after = part.after; ; ) {
      try {
        return (await log.append(part.stream, events, expected(after))).position;
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        const found = await lookAgain(part, events);
        if (found?.position !== undefined) return found.position;
        if (found === undefined || found.behind === after) throw error;
        after = found.behind;
      }
    }
  };

  return {
    giveAllBack,

    /** Takes all of the names; false, with none taken, when somebody else was faster. */
    async take(names: readonly Staged[]): Promise<boolean> {
      const ends = await Promise.allSettled(
        names.map(({ stream, after, events }) => log.append(stream, events, expected(after))),
      );
      const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
      if (failed.length === 0) return true;
      await giveAllBack(names.filter((_, n) => ends[n]?.status === 'fulfilled'));
      const broken = failed.find((error) => !(error instanceof RevisionConflict));
      if (broken !== undefined) throw broken;
      return false;
    },

    /** True when a stream is no longer as it was when its events were decided. */
    async moved(staged: readonly Staged[]): Promise<boolean> {
      const revisionOf = async ({ stream }: Staged): Promise<number> => {
        for await (const { revision } of log.read(stream, { backwards: true, limit: 1 })) return revision;
        return -1;
      };
      const known = staged.filter(({ after }) => after >= 0);
      const revisions = await Promise.all(known.map(revisionOf));
      return known.some(({ after }, n) => revisions[n] !== after);
    },

    /** Brings every part to its stream, wherever it is not there yet; the last position. */
    async spread(accepted: Recorded<BatchAccepted>): Promise<number> {
      const { parts } = accepted.data;
      const ends = (part: BatchPart, type: string) => part.events.at(-1)?.type === type;
      // A name that changes hands is never free in between, and none is free before its record has given it up.
      const inOrder = [
        parts.filter((part) => ends(part, RESERVED)),
        parts.filter((part) => !part.events.every(isName)),
        parts.filter((part) => ends(part, RELEASED)),
      ];
      let position = accepted.position;
      for (const some of inOrder)
        position = Math.max(position, ...(await Promise.all(some.map((part) => put(accepted, part)))));
      return position;
    },
  };
};
