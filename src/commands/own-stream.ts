// A stream that this process alone writes. What cannot be appended is kept and repeated as it was: same ids, same
// revision, so that nothing is stored twice, also where nobody can tell whether an append was stored.
import { type EventLog, type Expected, type NewEvent, RevisionConflict } from '../adapters/event-log/port.js';
import { newId } from '../domain/ids.js';

export type OwnStream = {
  /** Queues a batch: one append, so below 1 MiB. */
  add(batch: readonly NewEvent[]): void;
  /** Appends what is queued, in order. Rejects at the first batch that fails; that one and the rest stay queued. */
  flush(): Promise<void>;
  /** Events that are not known to be stored. */
  waiting(): readonly NewEvent[];
  /** Position of the last event that is known to be stored (-1 = none), once no append is under way. */
  settled(): Promise<number>;
};

/** `category`: what the stream's name begins with; the rest is made up at every start. */
export const ownStream = (log: EventLog, category: string): OwnStream => {
  let stream = `${category}-${newId()}`;
  let expected: Expected = 'no_stream';
  let position = -1;
  const queue: (readonly NewEvent[])[] = [];
  let flushing: Promise<void> = Promise.resolve();

  const appendFirst = async (batch: readonly NewEvent[]) => {
    try {
      const appended = await log.append(stream, batch, expected);
      expected = appended.revision;
      position = appended.position;
    } catch (error) {
      // Nobody else writes it: the log was put back from a backup, and the stream is not what it was.
      if (error instanceof RevisionConflict) {
        stream = `${category}-${newId()}`;
        expected = 'no_stream';
      }
      throw error;
    }
    queue.shift();
  };
  const drain = async () => {
    for (let batch = queue[0]; batch; batch = queue[0]) await appendFirst(batch);
  };

  return {
    add(batch) {
      if (batch.length > 0) queue.push(batch);
    },
    flush() {
      flushing = flushing.catch(() => undefined).then(drain);
      return flushing;
    },
    waiting: () => queue.flat(),
    settled: () =>
      flushing.then(
        () => position,
        () => position,
      ),
  };
};
