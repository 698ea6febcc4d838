// Holds a lease for as long as it can: what one process at a time should do is done where it is held.
import { setTimeout as delay } from 'node:timers/promises';
import type { Leases } from '../adapters/lease/port.js';
import { messageOf } from './feeding.js';

export type Holding = {
  /** Tries to get the lease, now and from time to time, until stopped. */
  start(): void;
  isHeld(): boolean;
  /** Ends the work, and gives the lease back. */
  stop(): Promise<void>;
};

/** A holder that says nothing for so long has lost it; it says so three times meanwhile, in ms. */
const TTL_MS = 5_000;
const EVERY_MS = 1_250;

/**
 * A store that is away takes nobody's lease: nobody else can get it either. It saves work only, and two may hold it for
 * a moment: a frozen process notices late.
 */
export const holding = (deps: {
  readonly leases: Leases;
  readonly name: string;
  /** Names this process. */
  readonly holder: string;
  readonly gained: () => Promise<void>;
  readonly lost: () => Promise<void>;
  readonly report: {
    info(message: string, details?: object): void;
    warn(message: string, details: object): void;
  };
  readonly everyMs?: number;
}): Holding => {
  const { leases, name, holder, gained, lost, report, everyMs = EVERY_MS } = deps;
  const ttlMs = (TTL_MS / EVERY_MS) * everyMs;
  const stopping = new AbortController();
  let held = false;
  let running: Promise<void> = Promise.resolve();

  const look = async () => {
    const mine = held ? await leases.renew(name, holder, ttlMs) : await leases.acquire(name, holder, ttlMs);
    if (mine === held) return;
    held = mine;
    report.info(mine ? 'lease gained' : 'lease lost to another process', { lease: name });
    await (mine ? gained() : lost());
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) =>
        report.warn('lease neither gained nor renewed', { lease: name, error: messageOf(error) }),
      );
      await delay(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  };

  return {
    start() {
      running = run();
    },
    isHeld: () => held,
    async stop() {
      stopping.abort();
      await running;
      if (!held) return;
      held = false;
      await lost();
      await leases.release(name, holder);
    },
  };
};
