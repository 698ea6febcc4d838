// One subscription per process feeds every projection and reactor, in log order, each from its own checkpoint.
import { setTimeout as delay } from 'node:timers/promises';
import type { Batch, EventLog } from '../adapters/event-log/port.js';

/** A consumer of the log. `handle` gets only events of its `types`, and survives getting one twice. */
export type Handler = {
  readonly name: string;
  readonly types: ReadonlySet<string>;
  /** Position it has handled up to; -1 = nothing. Called once, before the first batch. */
  start(): Promise<number>;
  /** Handles a run of events; everything up to `position` is then behind it. Throwing has it retried. */
  handle(batch: Batch): Promise<void>;
};

export type HandlerState = {
  readonly name: string;
  readonly position: number;
  readonly failing?: { eventPosition: number; message: string };
};

export type Follower = {
  /** Starts following; resolves when every handler has reached the head as it was at the call. */
  start(): Promise<void>;
  /** Resolves true when the named handlers have reached `position`, false after `timeoutMs` or when one is stuck. */
  waitFor(position: number, names?: readonly string[], timeoutMs?: number): Promise<boolean>;
  states(): readonly HandlerState[];
  stop(): Promise<void>;
};

type Tracked = {
  readonly handler: Handler;
  position: number;
  movedAt: number;
  failing?: { eventPosition: number; message: string };
};
type Waiter = {
  readonly position: number;
  readonly names: readonly string[] | undefined;
  readonly done: (reached: boolean) => void;
};

const MAX_DELAY = 10_000;
const STUCK_AFTER = 2_000;
/** Capped exponential back-off with full jitter on its upper half, in ms. */
const backOff = (failures: number): number =>
  Math.min(MAX_DELAY, 50 * 2 ** failures) * (0.5 + Math.random() / 2);

/** Batches that reactors may be behind the projections before reading waits for them. */
const MAX_BEHIND = 8;

/**
 * `projections` see a batch one after the other; then `reactors`, in order too, while the projections go on with the
 * next batch: what a reactor appends or sends never holds up a reader.
 */
export const follower = (
  log: EventLog,
  { projections, reactors }: { projections: readonly Handler[]; reactors: readonly Handler[] },
  report: { warn(message: string, details: object): void },
): Follower => {
  const tracked: Tracked[] = [];
  const waiters = new Set<Waiter>();
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const behind: Promise<void>[] = [];
  let reacted: Promise<void> = Promise.resolve();

  const reached = ({ position, names }: Waiter) =>
    tracked.every(
      (one) => one.position >= position || (names !== undefined && !names.includes(one.handler.name)),
    );
  const settleWaiters = () => {
    for (const waiter of waiters) if (reached(waiter)) waiter.done(true);
  };

  const feed = async (one: Tracked, { events, position, caughtUp }: Batch) => {
    if (position <= one.position) return;
    const wanted = events.filter(
      (event) => event.position > one.position && one.handler.types.has(event.type),
    );
    for (let failures = 0; ; failures++) {
      try {
        await one.handler.handle({ events: wanted, position, caughtUp });
        one.position = position;
        one.movedAt = Date.now();
        delete one.failing;
        return;
      } catch (error) {
        if (stopping.signal.aborted) throw error;
        const message = error instanceof Error ? error.message : String(error);
        one.failing = { eventPosition: wanted[0]?.position ?? position, message };
        report.warn('handler failed; trying again', { handler: one.handler.name, ...one.failing, failures });
        await delay(backOff(failures), undefined, { signal: stopping.signal });
      }
    }
  };

  const feedAll = async (to: readonly Tracked[], batch: Batch) => {
    for (const one of to) await feed(one, batch);
    settleWaiters();
  };

  /** Hands a batch to the reactors; resolves when they are not too far behind. Never rejects but when stopping. */
  const react = async (batch: Batch) => {
    reacted = reacted.then(() => feedAll(tracked.slice(projections.length), batch));
    reacted.catch(() => undefined); // stopping: told to whoever waits below
    behind.push(reacted);
    if (behind.length > MAX_BEHIND) await behind.shift();
  };

  const filterTypes = () => new Set(tracked.flatMap(({ handler }) => [...handler.types]));

  const follow = async () => {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      try {
        const from = Math.min(...tracked.map(({ position }) => position));
        for await (const batch of log.subscribe(from, { types: filterTypes() }, stopping.signal)) {
          failures = 0;
          await feedAll(tracked.slice(0, projections.length), batch);
          await react(batch);
        }
      } catch (error) {
        if (stopping.signal.aborted) return;
        report.warn('subscription ended; following again from the last handled position', {
          error: error instanceof Error ? error.message : String(error),
        });
      }
      await delay(backOff(failures), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  const waitFor: Follower['waitFor'] = (position, names, timeoutMs = 2_000) => {
    const probe: Waiter = { position, names, done: () => undefined };
    if (reached(probe)) return Promise.resolve(true);
    const behind = tracked.filter(
      (one) => one.position < position && (names === undefined || names.includes(one.handler.name)),
    );
    if (behind.some((one) => one.failing !== undefined && Date.now() - one.movedAt > STUCK_AFTER))
      return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        position,
        names,
        done: (result) => {
          waiters.delete(waiter);
          clearTimeout(timer);
          resolve(result);
        },
      };
      const timer = setTimeout(() => waiter.done(false), timeoutMs);
      waiters.add(waiter);
    });
  };

  return {
    async start() {
      for (const handler of [...projections, ...reactors])
        tracked.push({ handler, position: await handler.start(), movedAt: Date.now() });
      const head = await log.head();
      running = follow();
      await waitFor(head, undefined, 2 ** 31 - 1);
    },
    waitFor,
    states: () =>
      tracked.map(({ handler, position, failing }) => ({
        name: handler.name,
        position,
        ...(failing ? { failing } : {}),
      })),
    async stop() {
      stopping.abort();
      for (const waiter of waiters) waiter.done(false);
      await running;
      await reacted.catch(() => undefined);
    },
  };
};
