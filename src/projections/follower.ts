// One subscription per process feeds every projection and reactor, in log order, each from its own checkpoint.
import { setTimeout as delay } from 'node:timers/promises';
import type { Batch, EventLog } from '../adapters/event-log/port.js';
import { backOff, feeding, isPassing, type Tracked } from './feeding.js';
import { waiting } from './waiting.js';

/** A consumer of the log. `handle` gets only events of its `types`, and survives getting one twice. */
export type Handler = {
  readonly name: string;
  readonly types: ReadonlySet<string>;
  /** Position it has handled up to; -1 = nothing. Called once, before the first batch. */
  start(): Promise<number>;
  /** Handles a run of events; everything up to `position` is then behind it. Throwing has it retried. */
  handle(batch: Batch): Promise<void>;
};

/** Where and why a handler fails. `stopped`: it was given up there until the next start. */
export type Failing = { readonly eventPosition: number; readonly message: string; readonly stopped: boolean };
export type HandlerState = { readonly name: string; readonly position: number; readonly failing?: Failing };

export type Follower = {
  /**
   * Starts following; resolves when every handler has reached the head as it was at the call, or was stopped. Waits for
   * stores that are away, saying so; rejects when stopped meanwhile.
   */
  start(): Promise<void>;
  /** Resolves true when the named handlers have reached `position`, false after `timeoutMs` or when one is stuck. */
  waitFor(position: number, names?: readonly string[], timeoutMs?: number): Promise<boolean>;
  states(): readonly HandlerState[];
  stop(): Promise<void>;
};

/** Batches that reactors may be behind the projections before reading waits for them. */
const MAX_BEHIND = 8;

/** Where to follow on from, for whom, and how far until others join, who have seen everything up to there. */
const nextStretch = (tracked: readonly Tracked[]) => {
  const live = tracked.filter(({ failing }) => !failing?.stopped);
  const from = Math.min(...live.map(({ position }) => position));
  const those = new Set(live.filter(({ position }) => position === from));
  const ahead = live.filter((one) => !those.has(one)).map(({ position }) => position);
  const types = new Set([...those].flatMap(({ handler }) => [...handler.types]));
  return { from, those, types, until: Math.min(...ahead) };
};

/**
 * `projections` see a batch one after the other; then `reactors`, in order too, while the projections go on with the
 * next batch: what a reactor appends or sends never holds up a reader.
 */
export const follower = (
  log: EventLog,
  { projections, reactors }: { projections: readonly Handler[]; reactors: readonly Handler[] },
  report: { warn(message: string, details: object): void },
  { maxTries = 8 }: { maxTries?: number } = {},
): Follower => {
  const [projecting, reacting]: [Tracked[], Tracked[]] = [[], []];
  const stopping = new AbortController();
  const feed = feeding({ maxTries, stopping: stopping.signal, report });
  const waiters = waiting();
  const behind: Promise<void>[] = [];
  let reacted: Promise<void> = Promise.resolve();
  let running: Promise<void> = Promise.resolve();
  const all = () => [...projecting, ...reacting];

  const feedAll = async (some: readonly Tracked[], batch: Batch) => {
    for (const one of some) await feed(one, batch);
    waiters.look();
  };

  /** Hands a batch to reactors; resolves when they are not too far behind. Rejects only when stopping. */
  const react = async (some: readonly Tracked[], batch: Batch) => {
    reacted = reacted.then(() => feedAll(some, batch));
    reacted.catch(() => undefined); // told to whoever waits for it
    behind.push(reacted);
    if (behind.length > MAX_BEHIND) await behind.shift();
  };

  /** Follows until the end of a stretch; then the handlers that were ahead join in. */
  const followStretch = async (started: () => void) => {
    await reacted;
    const { from, those, types, until } = nextStretch(all());
    const [rows, acts] = [projecting, reacting].map((some) => some.filter((one) => those.has(one)));
    for await (const batch of log.subscribe(from, { types }, stopping.signal)) {
      started();
      await feedAll(rows ?? [], batch);
      await react(acts ?? [], batch);
      if (batch.position >= until) return;
    }
    throw new Error('The subscription ended.');
  };

  const follow = async () => {
    let failures = 0;
    while (!stopping.signal.aborted && all().some(({ failing }) => !failing?.stopped)) {
      try {
        await followStretch(() => {
          failures = 0;
        });
      } catch (error) {
        if (stopping.signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        report.warn('following again from the last handled position', { error: message });
        await delay(backOff(failures++), undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };

  /** Does it again until the stores that it needs are there. */
  const onceThere = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    for (let failures = 0; ; failures++) {
      try {
        return await work();
      } catch (error) {
        stopping.signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        report.warn('waiting for a store before following the log', { handler: name, error: error.message });
        await delay(backOff(failures), undefined, { signal: stopping.signal });
      }
    }
  };
  const track = async (handler: Handler): Promise<Tracked> => {
    const position = await onceThere(handler.name, () => handler.start());
    return { handler, position, movedAt: Date.now() };
  };

  return {
    async start() {
      for (const handler of projections) projecting.push(await track(handler));
      for (const handler of reactors) reacting.push(await track(handler));
      const head = await onceThere('head', () => log.head());
      running = follow();
      await waiters.wait(all(), head, 2 ** 31 - 1);
      stopping.signal.throwIfAborted();
    },
    waitFor(position, names, timeoutMs = 2_000) {
      const concerns = all().filter(({ handler }) => names === undefined || names.includes(handler.name));
      return waiters.wait(concerns, position, timeoutMs);
    },
    states: () =>
      all().map(({ handler, position, failing }) => ({
        name: handler.name,
        position,
        ...(failing ? { failing } : {}),
      })),
    async stop() {
      stopping.abort();
      waiters.end();
      await running;
      await reacted.catch(() => undefined);
    },
  };
};
