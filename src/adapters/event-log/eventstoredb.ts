// The event log on EventStoreDB: appends, reads and subscriptions behind the port, and what names the log.
import { validate } from 'uuid';
import type { Recorded } from '../../domain/decider.js';
import { checkAppend, checkSize } from './append-input.js';
import { type Appender, appender } from './eventstoredb-append.js';
import type { Proposed } from './eventstoredb-append-messages.js';
import { type ConnectionOptions, connect, within } from './eventstoredb-connection.js';
import { encoded, eventReader, keptEvents, positionOf } from './eventstoredb-format.js';
import { headFinder } from './eventstoredb-head.js';
import { identify } from './eventstoredb-identity.js';
import { readBackwards, readStream, type StreamRead } from './eventstoredb-read.js';
import { follow, matcher } from './eventstoredb-subscribe.js';
import {
  type Appended,
  type EventLog,
  type Expected,
  type Filter,
  LogUnavailable,
  type NewEvent,
  RevisionConflict,
} from './port.js';

export type EventStoreLogOptions = ConnectionOptions & {
  /** Stops waiting for a server that is not there yet. */
  readonly signal?: AbortSignal;
};

/** An append waits no longer than this, ms, for a reading that has just begun. */
const LOOK_MS = 500;
/** Most streams whose limit this process remembers to have set. */
const MAX_REMEMBERED = 10_000;

/** Sets `$maxCount` before the first append of this process to a stream that is to keep only its newest events. */
const limiter = (appends: Appender, prefix: string) => {
  const done = new Set<string>();
  return async (stream: string, expected: Expected): Promise<void> => {
    const kept = keptEvents(stream);
    if (kept === undefined || (expected !== 'any' && expected !== 'no_stream') || done.has(stream)) return;
    const limit = encoded({ type: '$metadata', data: { $maxCount: kept } });
    await appends.append(`$$${prefix}${stream}`, [limit], 'no_stream').catch((error: unknown) => {
      if (error instanceof RevisionConflict) return; // it was set before
      // Whatever became of the limit, the append itself was not begun.
      throw error instanceof LogUnavailable ? new LogUnavailable(error.message, 'not_written') : error;
    });
    if (done.size >= MAX_REMEMBERED) done.clear();
    done.add(stream);
  };
};

const propose = (logId: string, stream: string, events: readonly NewEvent[]): Proposed[] => {
  for (const { id, type } of events)
    if (!validate(id) || type === '' || type.startsWith('$') || /\p{Surrogate}/u.test(type))
      throw new RangeError(`An append to ${stream} has an event without a proper id or type.`);
  const proposed = events.map((event) => encoded({ ...event, metadata: { ...event.metadata, log: logId } }));
  const bytes = proposed.reduce(
    (sum, { type, data, metadata }) => sum + 2 * type.length + data.length + metadata.length,
    0,
  );
  checkSize(stream, bytes);
  return proposed;
};

/**
 * Opens the log on EventStoreDB 23.10 or later, and waits for the server as long as `signal` allows, saying so. Throws
 * one sentence naming the setting when the URL, the credentials, the version or what the server holds cannot do.
 */
export const openEventStoreLog = async (options: EventStoreLogOptions): Promise<EventLog> => {
  const connection = connect(options);
  const { prefix, limits, commands, follow: following, scan } = connection;
  const appends = appender(commands, limits);
  const id = await identify(connection, appends, options.signal).catch(async (error: unknown) => {
    await connection.close();
    throw error;
  });
  const limit = limiter(appends, prefix);
  const read = eventReader(prefix, id);
  const head = headFinder(connection, read);
  const closing = new AbortController();
  const refuseClosed = () => {
    if (closing.signal.aborted) throw new LogUnavailable('The event log is closed.', 'not_written');
  };

  async function* readAllUpTo(
    last: Promise<number>,
    after: number,
    filter: Filter,
  ): AsyncGenerator<Recorded> {
    refuseClosed();
    const end = await last;
    if (after >= end) return;
    // What is wanted by its type alone is often rare: then the server looks for it, which is many times faster.
    const by = filter.types && !filter.categories ? 'type' : 'stream';
    const batches = follow(connection, { client: scan, read, after, filter, by, signal: closing.signal });
    for await (const { events, position, caughtUp } of batches) {
      for (const event of events) {
        if (event.position > end) return;
        yield event;
      }
      if (caughtUp || position >= end) return;
    }
    refuseClosed();
  }

  /** The server has no filter for reading backwards: what is not wanted comes here and is dropped. */
  async function* readDownFrom(before: number, filter: Filter, most: number): AsyncGenerator<Recorded> {
    refuseClosed();
    if (most < 1) return;
    const matches = matcher(filter);
    let looked = 0;
    for await (const resolved of readBackwards(scan, limits.callMs, before)) {
      const event = positionOf(resolved) < before ? read(resolved) : undefined;
      if (event && matches(event)) yield event;
      if (++looked >= most) return;
    }
  }

  const appending = new Set<Promise<unknown>>();
  /** Looks for the head that a reading of all is to end at: an append that comes after it must not be in it. */
  const looking = new Set<Promise<unknown>>();
  const append = async (
    stream: string,
    events: readonly NewEvent[],
    expected: Expected,
  ): Promise<Appended> => {
    checkAppend(stream, events, expected);
    const proposed = propose(id, stream, events);
    refuseClosed();
    if (looking.size > 0) await within(Promise.allSettled(looking), LOOK_MS, 'a look').catch(() => undefined);
    await limit(stream, expected);
    try {
      return await appends.append(prefix + stream, proposed, expected);
    } catch (error) {
      throw error instanceof RevisionConflict ? new RevisionConflict(stream, expected, error.actual) : error;
    }
  };

  return {
    id,
    shared: true,
    append(stream, events, expected) {
      const appended = append(stream, events, expected);
      const settled: Promise<unknown> = appended.then(
        () => appending.delete(settled),
        () => appending.delete(settled),
      );
      appending.add(settled);
      return appended;
    },
    async *read(stream: string, options: StreamRead = {}) {
      refuseClosed();
      for await (const resolved of readStream(commands, prefix + stream, options, limits.callMs)) {
        const event = read(resolved);
        if (event) yield event;
      }
    },
    readAll(after, filter = {}) {
      const last = closing.signal.aborted ? Promise.resolve(-1) : head();
      looking.add(last);
      const done = () => looking.delete(last);
      last.then(done, done); // a failure is told when it is read
      return readAllUpTo(last, after, filter);
    },
    readAllBackwards: (before, filter = {}, most = Number.POSITIVE_INFINITY) =>
      readDownFrom(before, filter, most),
    subscribe: (after, filter, signal) =>
      follow(connection, {
        client: following,
        read,
        after,
        filter,
        by: 'stream',
        signal: AbortSignal.any([signal, closing.signal]),
      }),
    async head() {
      refuseClosed();
      return head();
    },
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      await Promise.all(appending);
      await appends.close();
      await connection.close();
    },
  };
};
