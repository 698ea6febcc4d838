// Follows the log for every projection and reactor of this process, each in log order from its own checkpoint, and
// knows how far those have come that another process feeds.
import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog } from '../adapters/event-log/port.js';
import {
  askStart,
  backOff,
  feeding,
  isPassing,
  isRebuilding,
  messageOf,
  place,
  started,
  type Tracked,
  tracked,
} from './feeding.js';
import type { Handler, HandlerState } from './handler.js';
import { lanes } from './lanes.js';
import { type Target, waiting } from './waiting.js';
import { watching } from './watching.js';

/** How far a handler is to be waited for; undefined = not at all. */
export type Wanted = (handler: Handler) => number | undefined;

export type Follower = {
  /**
   * Follows for the handlers named, all unless told; resolves when they and every projection have reached the head as
   * it was at the call, or were stopped. Waits for stores that are away, saying so; rejects when stopped meanwhile.
   */
  start(names?: readonly string[]): Promise<void>;
  /** Follows for these too: another process did so, or nobody. */
  join(names: readonly string[]): void;
  /** Leaves these to another process; resolves when nothing of theirs is under way any more. */
  leave(names: readonly string[]): Promise<void>;
  /** Another process tells that a handler has reached a position. */
  heard(name: string, position: number): void;
  /** Resolves true when the named handlers have reached `position`, false after `timeoutMs` or when one is stuck. */
  waitFor(position: number, names?: readonly string[], timeoutMs?: number): Promise<boolean>;
  /** The same, where each projection has a position of its own to reach. */
  waitForEach(wanted: Wanted, timeoutMs?: number): Promise<boolean>;
  /** Looks now whether the rows of the named handlers are still there. Throws StoreUnavailable, LogUnavailable. */
  lookAt(names: readonly string[]): Promise<void>;
  states(): readonly HandlerState[];
  /** How far a handler is known to have come; -1 = nowhere. */
  positionOf(name: string): number;
  /** Which rows of a handler there were at the last look. */
  buildOf(name: string): string | undefined;
  /** Whether rows that were there are missing: what is read now may be wrong. */
  isRebuilding(): boolean;
  stop(): Promise<void>;
};

export type FollowerOptions = {
  readonly maxTries?: number;
  /** The handlers' stores are other servers, which other processes write to, or may lose what they held. */
  readonly shared?: boolean;
  /** Handlers that nothing else may hold up: they have a subscription of their own. */
  readonly apart?: readonly Handler[];
  /** Told when a handler that is fed here has moved. */
  readonly onMoved?: (name: string, position: number) => void;
};

const WAIT_MS = 2_000;
const FOREVER = 2 ** 31 - 1;

/**
 * `projections` see a batch one after the other; then `reactors`, in order too, while the projections go on with the
 * next batch: what a reactor appends or sends never holds up a reader.
 */
export const follower = (
  log: EventLog,
  { projections, reactors }: { projections: readonly Handler[]; reactors: readonly Handler[] },
  report: { warn(message: string, details: object): void },
  { maxTries = 8, shared = false, apart = [], onMoved = () => undefined }: FollowerOptions = {},
): Follower => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const rows = projections.map((handler) => tracked(handler, false));
  const others = [...apart, ...reactors].map((handler) => tracked(handler, true));
  const all = [...rows, ...others];
  const isShown = (position: number): boolean =>
    rows.every(({ position: at, failing }) => at >= position || failing?.stopped === true);
  const waiters = waiting(() => watch.hurry());
  const following = lanes({
    log,
    feed: feeding({ maxTries, isShown, stopping: signal, report }),
    moved(one) {
      waiters.look();
      if (shared) onMoved(one.handler.name, one.position);
    },
    stopping: signal,
    report,
  });
  const watch = watching({
    all,
    head: () => log.head(),
    wanted: waiters.wantedElsewhere,
    moved: waiters.look,
    lost: (one) => following.setBack(one),
    stopping: signal,
  });
  const named = (names: readonly string[]) => all.filter(({ handler }) => names.includes(handler.name));

  const take = (some: readonly Tracked[], alone = false) => {
    if (some.length === 0) return;
    for (const one of some) {
      one.held = true;
      delete one.failing;
    }
    following.add(some, alone);
  };

  /** Does it again until the stores that it needs are there. */
  const onceThere = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    for (let failures = 0; ; failures++) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        report.warn('waiting for a store before following the log', { handler: name, error: error.message });
        await delay(backOff(failures), undefined, { signal });
      }
    }
  };
  /** Asks each where it starts, before anything is followed: what is wrong for good is told to whoever starts. */
  const askAll = async (some: readonly Tracked[]) => {
    for (const one of some) started(one, await onceThere(one.handler.name, () => askStart(one)));
  };

  return {
    async start(names = all.map(({ handler }) => handler.name)) {
      const mine = named(names);
      await askAll(mine);
      if (shared) {
        await onceThere('checkpoints', () => watch.lookAt(all));
        watch.start();
      }
      const head = await onceThere('head', () => log.head());
      for (const alone of [true, false])
        take(
          mine.filter(({ handler }) => apart.includes(handler) === alone),
          alone,
        );
      const awaited = new Set([...rows, ...mine]);
      const targets = [...awaited].map((one) => ({ one, position: head }));
      await waiters.wait(targets, FOREVER);
      signal.throwIfAborted();
    },
    join(names) {
      const some = named(names);
      for (const one of some) one.toStart = true;
      take(some);
    },
    async leave(names) {
      const some = named(names);
      for (const one of some) one.held = false;
      for (const one of some) {
        await following.remove(one);
        delete one.failing; // whether it fails is known where it is fed
      }
      for (const one of some) await one.handler.stop?.();
    },
    heard(name, position) {
      for (const one of named([name])) {
        if (one.held || isRebuilding(one)) continue;
        // Whoever feeds it goes on from further back: are its rows gone?
        if (position < one.position) void watch.lookAt([one]).catch(() => undefined);
        if (position <= one.position) continue;
        place(one, position);
        waiters.look();
      }
    },
    waitFor(position, names, timeoutMs = WAIT_MS) {
      const some = names ? named(names) : all.filter(({ held }) => held);
      return waiters.wait(
        some.map((one) => ({ one, position })),
        timeoutMs,
      );
    },
    waitForEach(wanted, timeoutMs = WAIT_MS) {
      const targets: Target[] = [];
      for (const one of rows) {
        const position = wanted(one.handler);
        if (position !== undefined) targets.push({ one, position });
      }
      return waiters.wait(targets, timeoutMs);
    },
    lookAt: (names) => watch.lookAt(named(names)),
    states: () =>
      all.map((one) => ({
        name: one.handler.name,
        position: one.position,
        held: one.held,
        rebuilding: isRebuilding(one),
        ...(one.failing ? { failing: one.failing } : {}),
      })),
    positionOf: (name) => named([name])[0]?.position ?? -1,
    buildOf: (name) => named([name])[0]?.stored.build,
    isRebuilding: () => rows.some(isRebuilding),
    async stop() {
      stopping.abort();
      waiters.end();
      await following.end();
      for (const one of all)
        if (one.held)
          await one.handler
            .stop?.()
            .catch((error: unknown) =>
              report.warn('not written at the end', { handler: one.handler.name, error: messageOf(error) }),
            );
    },
  };
};
