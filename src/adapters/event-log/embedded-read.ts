// Reading the embedded log: events by position, from the file, as many to a read as lie close together.
import { read as readAsync, readSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Recorded } from '../../domain/decider.js';
import type { Soon } from '../../domain/soon.js';
import { eventAt, eventTail } from './line.js';
import { type Batch, type Filter, LogUnavailable } from './port.js';
import type { StreamIndex } from './stream-index.js';

const pageEvents = 1000;
const backwardsPage = 100; // readers of what is newest seldom want more
const pageBytes = 4 << 20;
const scanAtOnce = 100_000; // positions tested against a filter before others get a turn
const gapBytes = 16 << 10; // lines closer than this come with one read
const readBytes = 1 << 20;
const freshBytes = 1 << 20; // just written, so in the page cache: read without a detour over the thread pool
const parallelReads = 16;

const read = promisify(readAsync);

/** What reads need: the open file and the index that says what is committed. */
export type Source = { readonly fd: number; readonly file: string; readonly index: StreamIndex };

type Span = { start: number; stop: number; positions: number[] };

const eventsOfLine = (buffer: Buffer, start: number, stop: number): Recorded[] => {
  const at = eventAt(buffer, start);
  if (at !== -1) return [JSON.parse(buffer.toString('utf8', at, stop - eventTail - 1)) as Recorded];
  return (JSON.parse(buffer.toString('utf8', start, stop - 1)) as { events: Recorded[] }).events;
};

/** Joins ascending positions into spans of the file. */
const spansOf = (index: StreamIndex, positions: ArrayLike<number>): Span[] => {
  const spans: Span[] = [];
  let span: Span | undefined;
  for (let i = 0; i < positions.length; i += 1) {
    const position = positions[i] ?? 0;
    const start = index.start(position);
    const stop = index.stop(position);
    if (span === undefined || start - span.stop > gapBytes || stop - span.start > readBytes) {
      span = { start, stop, positions: [] };
      spans.push(span);
    }
    span.stop = stop;
    span.positions.push(position);
  }
  return spans;
};

export const createReader = ({ fd, file, index }: Source) => {
  const running = new Set<Promise<unknown>>();
  const waiting = new Set<() => void>();
  /** What was committed last, for those who are level with the log. */
  let newest: readonly Recorded[] = [];
  let closed = false;

  const bytesOf = async ({ start, stop }: Span): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(stop - start);
    const fresh = start >= index.end() - freshBytes;
    for (let filled = 0; filled < buffer.length; ) {
      const bytes = fresh
        ? readSync(fd, buffer, filled, buffer.length - filled, start + filled)
        : (await read(fd, buffer, filled, buffer.length - filled, start + filled)).bytesRead;
      if (bytes === 0) throw new Error(`${file} ends before byte ${stop}`);
      filled += bytes;
    }
    return buffer;
  };

  const eventsOfSpan = async (span: Span): Promise<Recorded[]> => {
    const buffer = await bytesOf(span);
    const events: Recorded[] = [];
    let line = { start: -1, events: [] as Recorded[] };
    const oneOf = (position: number): Recorded | undefined =>
      line.events[position - (line.events[0]?.position ?? 0)];
    for (const position of span.positions) {
      const start = index.start(position);
      if (start !== line.start)
        line = { start, events: eventsOfLine(buffer, start - span.start, index.stop(position) - span.start) };
      const event = oneOf(position);

      if (event?.position !== position) throw new Error(`${file} has no event ${position} at byte ${start}`);
      events.push(event);
    }
    return events;
  };

  /** The events at ascending committed positions. */
  const load = async (positions: ArrayLike<number>): Promise<Recorded[]> => {
    if (closed) throw new LogUnavailable('The event log is closed.', 'not_written');
    if (positions.length === 0) await turn(); // a long run of filtered events must not keep others waiting
    const spans = spansOf(index, positions);
    const loaded: Recorded[][] = [];
    for (let i = 0; i < spans.length; i += parallelReads) {
      const reads = Promise.all(spans.slice(i, i + parallelReads).map(eventsOfSpan));
      running.add(reads);
      try {
        loaded.push(...(await reads));
      } catch (error) {
        throw new LogUnavailable('The event log cannot be read.', 'not_written', { cause: error });
      } finally {
        running.delete(reads);
      }
    }
    return loaded.length === 1 ? (loaded[0] ?? []) : loaded.flat();
  };

  /** The same, without the file where all of them were just committed. */
  const loadNew = (positions: readonly number[]): Soon<readonly Recorded[]> => {
    const from = newest[0]?.position;
    if (from === undefined || positions[0] === undefined || positions[0] < from) return load(positions);
    if (positions.length === newest.length && positions.at(-1) === newest.at(-1)?.position) return newest;
    const events = positions.flatMap((position) => newest[position - from] ?? []);
    return events.length === positions.length ? events : load(positions);
  };

  /** Up to a page of matching positions after `after` and up to `head`; everything up to `seen` was looked at. */
  const pageAfter = (after: number, head: number, matches: ((position: number) => boolean) | undefined) => {
    const positions: number[] = [];
    const stop = Math.min(head, after + scanAtOnce);
    let bytes = 0;
    let line = -1;
    let seen = after;
    while (seen < stop && positions.length < pageEvents && bytes < pageBytes) {
      seen += 1;
      if (matches !== undefined && !matches(seen)) continue;
      positions.push(seen);
      const start = index.start(seen);
      if (start !== line) bytes += index.stop(seen) - start;
      line = start;
    }
    return { positions, seen };
  };

  async function* readUpTo(head: number, after: number, filter: Filter): AsyncGenerator<Recorded> {
    const matches = index.matcher(filter);
    let seen = Math.max(after, -1);
    while (seen < head) {
      const page = pageAfter(seen, head, matches);
      yield* await load(page.positions);
      seen = page.seen;
    }
  }

  /** Up to a page of matching positions before `before`, ascending; everything from `from` on was looked at. */
  const pageBefore = (before: number, end: number, matches: ((position: number) => boolean) | undefined) => {
    const positions: number[] = [];
    const stop = Math.max(end, before - scanAtOnce);
    let bytes = 0;
    let from = before;
    while (from > stop && positions.length < backwardsPage && bytes < pageBytes) {
      from -= 1;
      if (matches !== undefined && !matches(from)) continue;
      positions.push(from);
      bytes += index.stop(from) - index.start(from);
    }
    return { positions: positions.reverse(), from };
  };

  async function* readDownFrom(before: number, filter: Filter, scan: number): AsyncGenerator<Recorded> {
    const matches = index.matcher(filter);
    const end = Math.max(0, before - scan);
    let from = before;
    while (from > end) {
      const page = pageBefore(from, end, matches);
      yield* (await load(page.positions)).reverse();
      from = page.from;
    }
  }

  async function* readRevisions(positions: Uint32Array, backwards: boolean): AsyncGenerator<Recorded> {
    for (let done = 0; done < positions.length; done += 100) {
      const left = positions.length - done;
      const page = backwards
        ? positions.subarray(Math.max(0, left - 100), left)
        : positions.subarray(done, done + 100);
      const events = await load(page);
      yield* backwards ? events.reverse() : events;
    }
  }

  const changed = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });

  return {
    load,
    read(stream: string, options: { from?: number; backwards?: boolean; limit?: number } = {}) {
      const { from, backwards = false, limit = Number.POSITIVE_INFINITY } = options;
      const slot = index.known(stream);
      const last = slot === undefined ? -1 : index.revision(slot);
      if (slot === undefined || last === -1 || limit < 1) return readRevisions(new Uint32Array(0), false);
      const first = backwards ? Math.min(from ?? last, last) : Math.max(from ?? 0, 0);
      const [low, high] = backwards
        ? [Math.max(0, first - limit + 1), first]
        : [first, Math.min(last, first + limit - 1)];
      return readRevisions(index.positionsOf(slot, low, high), backwards);
    },
    readAll: (after: number, filter: Filter = {}) => readUpTo(index.size() - 1, after, filter),
    readAllBackwards: (before: number, filter: Filter = {}, scan = Number.POSITIVE_INFINITY) =>
      readDownFrom(Math.min(before, index.size()), filter, scan),

    async *subscribe(after: number, filter: Filter, signal: AbortSignal): AsyncGenerator<Batch> {
      const matches = index.matcher(filter);
      let position = after;
      let caughtUp = false;
      while (!signal.aborted && !closed) {
        const head = index.size() - 1;
        if (caughtUp && position >= head) {
          await changed(signal);
          continue;
        }
        const page = pageAfter(position, head, matches);
        const events = await loadNew(page.positions);
        if (signal.aborted || closed) return;
        position = page.seen;
        caughtUp = position >= index.size() - 1;
        yield { events, position, caughtUp };
      }
    },

    /** Tells subscriptions that events were committed. */
    publish(events: readonly Recorded[]): void {
      newest = events;
      for (const wake of [...waiting]) wake();
    },
    /** Ends subscriptions, refuses further reads and waits for those under way: the file may then be closed. */
    async close(): Promise<void> {
      closed = true;
      for (const wake of [...waiting]) wake();
      await Promise.allSettled([...running]);
    },
  };
};
