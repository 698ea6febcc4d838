// Counts the requests of API keys in memory, and writes them down once a minute: one event for each key, route and
// minute, never one for each request.
import type { EventLog, NewEvent } from '../adapters/event-log/port.js';
import { newId } from '../domain/ids.js';
import { type Counted, DAY_MS, type UsageEvent } from '../domain/usage.js';
import { metadataFor, systemContext } from './context.js';
import { ownStream } from './own-stream.js';

const MINUTE = 60_000;
/** Events in one append: each has some 600 bytes. */
const PER_APPEND = 1_000;
/** Minutes that wait for a log that cannot be written; then the latest one goes on, until the day ends. */
const MAX_CLOSED = 10;

/** The key that a request carried, and the workspace that it belongs to. */
export type UsedKey = { readonly id: string; readonly workspaceId: string };

export type RequestCounts = {
  /** Counts an answered request; costs next to nothing. `at`: Unix ms, `ms`: its duration. */
  count(key: UsedKey, method: string, route: string, status: number, at: number, ms: number): void;
  /** What a workspace's keys have done that is not known to be in the log. */
  unwritten(workspaceId: string): readonly Counted[];
  /** Position of what was last written down (-1 = nothing), once no writing is under way. */
  settled(): Promise<number>;
  /** Writes down the minutes that are over; `all`: also the one under way. What could not be written stays counted. */
  flush(options?: { readonly all?: boolean }): Promise<void>;
  /** Starts writing down once a minute. */
  start(): void;
  /** Stops, and writes down everything. */
  stop(): Promise<void>;
};

type Tally = {
  readonly key: UsedKey;
  readonly method: string;
  readonly route: string;
  success: number;
  errors: number;
  sum: number;
  min: number;
  max: number;
};
/** By key, then by method and route. */
type Minute = { readonly minute: number; readonly tallies: Map<string, Map<string, Tally>> };

/** The tally of a key and a route in a minute, made where there is none. */
const tallyOf = ({ tallies }: Minute, key: UsedKey, method: string, route: string): Tally => {
  const name = `${method} ${route}`;
  const routes = tallies.get(key.id) ?? new Map<string, Tally>();
  const known = routes.get(name);
  if (known) return known;
  const { id, workspaceId } = key;
  const counts = { success: 0, errors: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 };
  const tally = { key: { id, workspaceId }, method, route, ...counts };
  tallies.set(id, routes.set(name, tally));
  return tally;
};

const precise = (ms: number): number => Math.round(ms * 1_000) / 1_000;

const countedIn = ({ minute, tallies }: Minute): Counted[] =>
  [...tallies.values()].flatMap((routes) =>
    [...routes.values()].map(({ key, method, route, success, errors, sum, min, max }) => ({
      workspaceId: key.workspaceId,
      keyId: key.id,
      method,
      route,
      minute: new Date(minute * MINUTE).toISOString(),
      success,
      errors,
      durations: { sum: precise(sum), min: precise(min), max: precise(max) },
    })),
  );

export const requestCounts = (deps: {
  log: EventLog;
  now: () => Date;
  report: { warn(message: string, details: object): void };
}): RequestCounts => {
  const { log, now, report } = deps;
  const own = ownStream(log, 'requests');
  let open: Minute = { minute: 0, tallies: new Map() };
  let closed: Minute[] = [];
  let timer: NodeJS.Timeout | undefined;

  const close = (next: number) => {
    if (open.tallies.size > 0) closed.push(open);
    open = { minute: next, tallies: new Map() };
  };
  const minuteAt = (at: number): Minute => {
    const minute = Math.floor(at / MINUTE);
    if (minute === open.minute) return open;
    const sameDay = Math.floor(at / DAY_MS) === Math.floor((open.minute * MINUTE) / DAY_MS);
    if (closed.length < MAX_CLOSED || !sameDay) close(minute);
    return open;
  };

  /** Turns minutes into events once there is nothing older left to write. */
  const queueClosed = () => {
    const context = systemContext('usage');
    const at = now().toISOString();
    const events = closed.flatMap(countedIn).map((data): NewEvent & UsageEvent => ({
      type: 'RequestsCounted',
      data,
      id: newId(),
      metadata: metadataFor(context, data.workspaceId, at),
    }));
    closed = [];
    for (let n = 0; n < events.length; n += PER_APPEND) own.add(events.slice(n, n + PER_APPEND));
  };
  const flush = async ({ all = false } = {}) => {
    await own.flush();
    const minute = Math.floor(now().getTime() / MINUTE);
    if (all || open.minute !== minute) close(minute);
    queueClosed();
    await own.flush();
  };
  const flushOrReport = (options?: { all: boolean }) =>
    flush(options).catch((error: unknown) =>
      report.warn('counts of requests could not be written; trying again', {
        error: error instanceof Error ? error.message : String(error),
      }),
    );

  return {
    count(key, method, route, status, at, ms) {
      const tally = tallyOf(minuteAt(at), key, method, route);
      if (status < 400) tally.success += 1;
      else tally.errors += 1;
      tally.sum += ms;
      if (ms < tally.min) tally.min = ms;
      if (ms > tally.max) tally.max = ms;
    },
    unwritten: (workspaceId) =>
      [...own.waiting().map(({ data }) => data as Counted), ...[...closed, open].flatMap(countedIn)].filter(
        (counted) => counted.workspaceId === workspaceId,
      ),
    settled: own.settled,
    flush,
    start() {
      timer ??= setInterval(() => void flushOrReport(), MINUTE).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await flushOrReport({ all: true });
    },
  };
};
