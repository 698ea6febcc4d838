// Waits until handlers have reached positions, here or in another process.
import type { Tracked } from './feeding.js';

/** A handler and the position that it is to reach. */
export type Target = { readonly one: Tracked; readonly position: number };

type Waiter = { readonly targets: readonly Target[]; readonly done: (reached: boolean) => void };

/** A handler that is behind and has not moved for so long is not waited for until it moves, in ms. */
const STUCK_AFTER = 2_000;

export type Waiting = {
  /** True when all have reached their positions; false after `timeoutMs`, or when one is stuck or stopped. */
  wait(targets: readonly Target[], timeoutMs: number): Promise<boolean>;
  /** To be called when a handler has moved or stopped. */
  look(): void;
  /** Those that somebody waits for and that this process does not feed. */
  wantedElsewhere(): ReadonlySet<Tracked>;
  /** Tells everybody who waits that it will not be. */
  end(): void;
};

/** `onElsewhere`: somebody begins to wait for what this process does not feed. */
export const waiting = (onElsewhere: () => void = () => undefined): Waiting => {
  const waiters = new Set<Waiter>();
  /** Handlers that were waited for in vain, and where they stood. */
  const inVain = new Map<Tracked, number>();

  const isStuck = (one: Tracked): boolean =>
    inVain.get(one) === one.position ||
    (one.failing !== undefined && (one.failing.stopped || Date.now() - one.movedAt > STUCK_AFTER));
  const behind = (targets: readonly Target[]) =>
    targets.filter(({ one, position }) => one.position < position);

  return {
    wait(targets, timeoutMs) {
      const late = behind(targets);
      if (late.length === 0) return Promise.resolve(true);
      if (late.some(({ one }) => isStuck(one))) return Promise.resolve(false);
      const before = new Map(late.map(({ one }) => [one, one.position]));
      return new Promise((resolve) => {
        const timeOut = () => {
          for (const { one } of behind(targets))
            if (before.get(one) === one.position && timeoutMs >= STUCK_AFTER) inVain.set(one, one.position);
          waiter.done(false);
        };
        const timer = setTimeout(timeOut, timeoutMs);
        const waiter: Waiter = {
          targets,
          done(reached) {
            waiters.delete(waiter);
            clearTimeout(timer);
            resolve(reached);
          },
        };
        waiters.add(waiter);
        if (late.some(({ one }) => !one.held)) onElsewhere();
      });
    },
    look() {
      for (const { targets, done } of waiters) {
        const late = behind(targets);
        if (late.every(({ one }) => one.failing?.stopped)) done(late.length === 0);
      }
    },
    wantedElsewhere() {
      const wanted = new Set<Tracked>();
      for (const { targets } of waiters)
        for (const { one } of behind(targets)) if (!one.held) wanted.add(one);
      return wanted;
    },
    end() {
      for (const { done } of waiters) done(false);
    },
  };
};
