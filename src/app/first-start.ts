// The first start of an installation, by one process at a time.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FirstStart } from '../commands/bootstrap.js';
import type { Stores } from './stores.js';

/** What a start has to say that is not the first. */
export const nothingFirst: FirstStart = { shown: async () => undefined };

/** Whoever makes the first key has so long to show it; then another process makes one, as nobody may have seen it. */
const TTL_MS = 15_000;
const AGAIN_MS = 250;

/**
 * Runs it under a lease, which is kept until a key that was made was shown: two processes that begin at the same time
 * would make one each.
 */
export const firstStarts =
  ({ lock, leases }: Stores, run: () => Promise<FirstStart>) =>
  async (): Promise<FirstStart> => {
    if (lock) return run();
    const holder = randomUUID();
    while (!(await leases.acquire('first-start', holder, TTL_MS))) await delay(AGAIN_MS);
    const release = () => leases.release('first-start', holder);
    const first = await run().catch(async (error: unknown) => {
      await release();
      throw error;
    });
    if (first.key === undefined) await release();
    return {
      ...first,
      async shown() {
        await first.shown();
        await release();
      },
    };
  };
