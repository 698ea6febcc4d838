// The writing side of the embedded log: appends that arrive while a sync runs are encoded meanwhile and share the next
// write and sync. Nothing is acknowledged, indexed or published before its sync; after a failure nothing remains.
import type { Recorded } from '../../domain/decider.js';
import { checkAppend, checkSize, exactRevision, isAsExpected } from './append-input.js';
import { type Batch, emptyBatch, makeRoom, rejectAll, releasing } from './batch.js';
import { seal, unsealed } from './line.js';
import type { Lock } from './lock.js';
import { type Appended, type Expected, LogUnavailable, type NewEvent, RevisionConflict } from './port.js';
import type { StreamIndex } from './stream-index.js';

/** The three calls that can lose data, so that tests can make them fail. */
export type LogFs = {
  /** Writes synchronously (a small copy into the page cache); returns how many bytes were taken. */
  write(fd: number, buffer: Buffer, offset: number, length: number, position: number): number;
  fdatasync(fd: number, done: (error: Error | null) => void): void;
  ftruncate(fd: number, length: number, done: (error: Error | null) => void): void;
};

/** One write and sync: for metrics, and for a bench that repeats it. */
export type SyncStats = { readonly appends: number; readonly bytes: number; readonly seconds: number };

type Deps = {
  readonly fd: number;
  readonly index: StreamIndex;
  /** Hash of the last line in the file. */
  readonly hash: string;
  readonly lock: Lock;
  readonly fs: LogFs;
  readonly load: (positions: ArrayLike<number>) => Promise<Recorded[]>;
  /** Told what is now on disk. */
  readonly onCommit: (events: readonly Recorded[]) => void;
  readonly onSync: ((stats: SyncStats) => void) | undefined;
};

/** Bytes that are written as soon as the disk is free; less waits for what the same turn of the event loop brings. */
const LARGE = 32 << 10;

type State = 'open' | 'recovering' | 'broken' | 'lost' | 'closed';

const refusals: Record<Exclude<State, 'open'>, string> = {
  recovering: 'The event log cannot be written just now.',
  broken: 'The event log cannot be written just now.',
  lost: 'The event log was taken over by another process.',
  closed: 'The event log is closed.',
};
const refused = (state: Exclude<State, 'open'>) => new LogUnavailable(refusals[state], 'not_written');

export const createAppender = ({ fd, index, hash, lock, fs, load, onCommit, onSync }: Deps) => {
  let state: State = 'open';
  let committedHash = hash;
  let lastHash = hash; // of the last line encoded, committed or not
  let pending = emptyBatch();
  let spare = emptyBatch();
  let writing: Batch | undefined;
  let scheduled = false;
  let closing = false;
  let recovery: Promise<unknown> = Promise.resolve();
  const released = releasing();

  const append = (stream: string, events: readonly NewEvent[], expected: Expected): Promise<Appended> => {
    if (closing || state !== 'open') return appendLater(stream, events, expected);
    return new Promise((resolve, reject) => {
      checkAppend(stream, events, expected);
      const slot = index.slotOf(stream);
      const before = index.expectedRevision(slot);
      if (!isAsExpected(expected, before)) {
        resolve(repeatOrConflict(slot, stream, events, expected));
        return;
      }
      const appended = { revision: before + events.length, position: index.next() + events.length - 1 };
      encode(slot, stream, events, before + 1);
      pending.appended.push(appended);
      pending.resolve.push(resolve);
      pending.reject.push(reject);
      if (writing === undefined) flushLater();
    });
  };

  /** After everything that this turn of the event loop brings. */
  const flushLater = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };

  const encode = (slot: number, stream: string, events: readonly NewEvent[], firstRevision: number): void => {
    const firstPosition = index.next();
    const lines = events.map(({ type, id, data, metadata }, i) => {
      return { stream, type, revision: firstRevision + i, position: firstPosition + i, id, data, metadata };
    });
    const synced = index.end() + (writing?.length ?? 0); // where the batch begins: it waits for the write before
    const text = unsealed(lastHash, synced, `"n":${events.length},"events":${JSON.stringify(lines)}`);
    checkSize(stream, text.length);
    makeRoom(pending, text);
    const start = pending.length;
    const bytes = pending.buffer.write(text, start);
    checkSize(stream, bytes);
    lastHash = seal(pending.buffer, start, start + bytes - 1);
    for (const line of lines) {
      index.add(slot, line.type, synced + start);
      pending.events.push(line);
    }
    pending.length = start + bytes;
    pending.upTo = index.next();
    pending.hash = lastHash;
  };

  /** The same ids at the same expectation are the same append again; anything else is a conflict. */
  const repeatOrConflict = async (
    slot: number,
    stream: string,
    events: readonly NewEvent[],
    expected: Expected,
  ): Promise<Appended> => {
    const actual = index.revision(slot);
    const first = (exactRevision(expected) ?? actual) + 1;
    const last = first + events.length - 1;
    // What is not synced yet decides nothing: it may still fail.
    if (last > actual && index.expectedRevision(slot) > actual) {
      await settled();
      return append(stream, events, expected);
    }
    if (last <= actual) {
      const positions = index.positionsOf(slot, first, last);
      const stored = await load(positions);
      if (stored.every(({ id }, i) => id === events[i]?.id))
        return { revision: last, position: positions[positions.length - 1] ?? -1 };
    }
    throw new RevisionConflict(stream, expected, actual);
  };

  /** Waits for everything appended so far; throws when it failed. */
  const settled = () =>
    new Promise<void>((resolve, reject) => {
      const batch = pending.length > 0 ? pending : writing;
      if (batch === undefined) resolve();
      else batch.settled.push((error) => (error === undefined ? resolve() : reject(error)));
    });

  const flush = (): void => {
    scheduled = false;
    if (state !== 'open' || writing !== undefined || pending.length === 0) return;
    const batch = pending;
    writing = batch;
    pending = spare;
    if (lock.held()) write(batch);
    else void lock.regained().then((ours) => (ours ? write(batch) : lose()));
  };

  const write = (batch: Batch): void => {
    const began = performance.now();
    try {
      for (let done = 0; done < batch.length; ) {
        const taken = fs.write(fd, batch.buffer, done, batch.length - done, index.end() + done);
        if (taken === 0) throw new Error('The disk takes no more bytes.');
        done += taken;
      }
    } catch (error) {
      fail(error);
      return;
    }
    fs.fdatasync(fd, (error) => {
      if (error) return fail(error);
      const { length: bytes, appended } = batch;
      index.commit(batch.upTo, index.end() + bytes);
      committedHash = batch.hash;
      spare = emptyBatch(batch.buffer);
      writing = undefined;
      // The disk first, then those who wait for it; but a write costs the same for many as for few.
      if (pending.length >= LARGE) flush();
      else if (pending.length > 0) flushLater();
      onCommit(batch.events);
      released.add(batch);
      onSync?.({ appends: appended.length, bytes, seconds: (performance.now() - began) / 1000 });
    });
  };

  /** Takes what is written or waiting out of the log again. */
  const withdraw = () => {
    const batches = { tried: writing, queued: pending };
    writing = undefined;
    pending = emptyBatch();
    spare = emptyBatch();
    index.rollback();
    lastHash = committedHash;
    return batches;
  };

  const fail = (cause: unknown): void => {
    const { tried, queued } = withdraw();
    const message = 'The event log could not write to the disk.';
    recovery = cutBack().then((clean) => {
      rejectAll(tried, new LogUnavailable(message, clean ? 'not_written' : 'unknown', { cause }));
      rejectAll(queued, new LogUnavailable(message, 'not_written', { cause }));
    });
  };

  const lose = (): void => {
    const { tried, queued } = withdraw();
    state = 'lost';
    for (const batch of [tried, queued]) rejectAll(batch, refused('lost'));
  };

  /** Cuts the file back to what was acknowledged, before anything else may be written. */
  const cutBack = async (): Promise<boolean> => {
    state = 'recovering';
    const error = await new Promise<Error | null>((done) => {
      fs.ftruncate(fd, index.end(), (failed) => (failed ? done(failed) : fs.fdatasync(fd, done)));
    });
    state = error ? 'broken' : 'open';
    return !error;
  };

  const appendLater = async (
    stream: string,
    events: readonly NewEvent[],
    expected: Expected,
  ): Promise<Appended> => {
    if (closing) throw refused('closed');
    if (state === 'broken') recovery = cutBack();
    if (state === 'recovering') await recovery;
    if (state === 'open') return append(stream, events, expected);
    throw refused(state);
  };

  return {
    append,
    /** Refuses further appends, and waits until those before are on disk and answered. */
    async close(): Promise<void> {
      closing = true;
      await settled().catch(() => {});
      await recovery;
      await released.all();
      state = 'closed';
    },
  };
};
