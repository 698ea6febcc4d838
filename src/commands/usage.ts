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
  readonly method: string;
  readonly route: string;
  success: number;
  errors: number;
  sum: number;
  min: number;
  max: number;
};
/** What one key has done, by method and route. */
type KeyTallies = { readonly workspaceId: string; readonly routes: Map<string, Tally> };
type Minute = { readonly minute: number; readonly keys: Map<string, KeyTallies> };

/** The tally of a key and a route in a minute, made where there is none. */
const tallyOf = ({ keys }: Minute, { id, workspaceId }: UsedKey, method: string, route: string): Tally => {
  const { routes } = keys.get(id) ?? { workspaceId, routes: new Map<string, Tally>() };
  const name = `${method} ${route}`;
  const known = routes.get(name);
  if (known) return known;
  const tally = { method, route, success: 0, errors: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 };
  keys.set(id, { workspaceId, routes: routes.set(name, tally) });
  return tally;
};

const precise = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** What was counted in a minute, by the keys of one workspace or by all. */
const countedIn = ({ minute, keys }: Minute, only?: string): Counted[] => {
  const at = new Date(minute * MINUTE).toISOString();
  return [...keys].flatMap(([keyId, { workspaceId, routes }]) =>
    only !== undefined && only !== workspaceId
      ? []
      : [...routes.values()].map(({ method, route, success, errors, sum, min, max }) => ({
          workspaceId,
          keyId,
          method,
          route,
          minute: at,
          success,
          errors,
          durations: { sum: precise(sum), min: precise(min), max: precise(max) },
        })),
  );
};

export const requestCounts = (deps: {
  log: EventLog;
  now: () => Date;
  report: { warn(message: string, details: object): void };
}): RequestCounts => {
  const { log, now, report } = deps;
  const own = ownStream(log, 'requests');
  let open: Minute = { minute: 0, keys: new Map() };
  let closed: Minute[] = [];
  let timer: NodeJS.Timeout | undefined;

  const close = (next: number) => {
    if (open.keys.size > 0) closed.push(open);
    open = { minute: next, keys: new Map() };
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
    const at = now();
    const events = closed
      .flatMap((minute) => countedIn(minute))
      .map((data): NewEvent & UsageEvent => ({
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
    unwritten(workspaceId) {
      const waiting = own.waiting().map(({ data }) => data as Counted);
      return [
        ...waiting.filter((counted) => counted.workspaceId === workspaceId),
        ...[...closed, open].flatMap((minute) => countedIn(minute, workspaceId)),
      ];
    },
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
