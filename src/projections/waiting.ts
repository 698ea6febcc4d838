// Waits until handlers have reached a position.
import type { Tracked } from './feeding.js';

type Waiter = {
  readonly concerns: readonly Tracked[];
  readonly position: number;
  readonly done: (reached: boolean) => void;
};

/** A handler that fails and has not moved for so long is not waited for. */
const STUCK_AFTER = 2_000;

export type Waiting = {
  /** True when all have reached `position`; false after `timeoutMs`, or when one is stuck or stopped. */
  wait(concerns: readonly Tracked[], position: number, timeoutMs: number): Promise<boolean>;
  /** To be called when a handler has moved or stopped. */
  look(): void;
  /** Tells everybody who waits that it will not be. */
  end(): void;
};

const isStuck = ({ failing, movedAt }: Tracked): boolean =>
  failing !== undefined && (failing.stopped || Date.now() - movedAt > STUCK_AFTER);

export const waiting = (): Waiting => {
  const waiters = new Set<Waiter>();

  return {
    wait(concerns, position, timeoutMs) {
      const behind = concerns.filter((one) => one.position < position);
      if (behind.length === 0) return Promise.resolve(true);
      if (behind.some(isStuck)) return Promise.resolve(false);
      return new Promise((resolve) => {
        const timer = setTimeout(() => waiter.done(false), timeoutMs);
        const waiter: Waiter = {
          concerns,
          position,
          done(reached) {
            waiters.delete(waiter);
            clearTimeout(timer);
            resolve(reached);
          },
        };
        waiters.add(waiter);
      });
    },
    look() {
      for (const { concerns, position, done } of waiters) {
        const behind = concerns.filter((one) => one.position < position);
        if (behind.every(({ failing }) => failing?.stopped)) done(behind.length === 0);
      }
    },
    end() {
      for (const { done } of waiters) done(false);
    },
  };
};
