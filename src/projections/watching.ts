// Looks at the stored checkpoints: how far others have come, and whether what was stored here is still there.
import { setTimeout as delay } from 'node:timers/promises';
import { isLost, lose, place, type Tracked } from './feeding.js';

/** How often all are looked at, and those that somebody waits for, in ms: others tell by hints, too. */
const EVERY_MS = 2_000;
const WANTED_EVERY_MS = 50;

export type Watching = {
  start(): void;
  /** Looks at some now. Throws StoreUnavailable, LogUnavailable. */
  lookAt(some: readonly Tracked[]): Promise<void>;
  /** Somebody waits: looks often while there is anybody. */
  hurry(): void;
};

export const watching = (deps: {
  readonly all: readonly Tracked[];
  /** Position of the last event of the log. */
  readonly head: () => Promise<number>;
  /** Those that somebody waits for. */
  readonly wanted: () => ReadonlySet<Tracked>;
  /** Told when something has moved. */
  readonly moved: () => void;
  /** Told when the rows of a handler that this process feeds are gone. */
  readonly lost: (one: Tracked) => void;
  readonly stopping: AbortSignal;
}): Watching => {
  const { all, head, wanted, moved, lost, stopping } = deps;
  let hurrying = false;
  /** One look at a time for each: what is seen later must not be older. */
  const looking = new Map<Tracked, Promise<void>>();
  const queued = new Map<Tracked, Promise<void>>();

  const look = async (one: Tracked) => {
    const { starts } = one;
    const seen = await one.handler.look?.();
    if (!seen || one.starts !== starts) return; // what it was started from is newer
    if (isLost(one, seen)) {
      if (one.held && !one.toStart) return lost(one);
      // Others fed it: what its rows showed in the end is not known here, but that was no more than the log has.
      const end = await head();
      if (one.starts === starts) lose(one, seen, end);
      return;
    }
    one.stored = seen;
    if (one.held || seen.position <= one.position) return;
    place(one, seen.position);
    moved();
  };
  const begin = (one: Tracked): Promise<void> => {
    const now = look(one).finally(() => looking.delete(one));
    looking.set(one, now);
    return now;
  };
  /** A look that begins now: one that is under way may have seen what is not so any more. */
  const lookAtOne = (one: Tracked): Promise<void> => {
    const now = looking.get(one);
    if (!now) return begin(one);
    const next =
      queued.get(one) ??
      now
        .catch(() => undefined)
        .then(() => {
          queued.delete(one);
          return begin(one);
        });
    queued.set(one, next);
    return next;
  };
  const lookAt = async (some: readonly Tracked[]) => {
    await Promise.all(some.filter(({ handler }) => handler.look).map(lookAtOne));
  };

  /** Until stopped, or until nobody waits. A store that is away is asked again. */
  const again = async (everyMs: number, some: () => readonly Tracked[]) => {
    while (!stopping.aborted && some().length > 0) {
      await lookAt(some()).catch(() => undefined);
      await delay(everyMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
    }
  };

  return {
    lookAt,
    start() {
      void again(EVERY_MS, () => all);
    },
    hurry() {
      if (hurrying) return;
      hurrying = true;
      void again(WANTED_EVERY_MS, () => [...wanted()]).finally(() => {
        hurrying = false;
      });
    },
  };
};
