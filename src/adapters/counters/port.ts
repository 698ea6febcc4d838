// Counters for rate limits. Every adapter passes test/contract/counters.ts.
import type { Soon } from '../../domain/soon.js';

/** One window of a limit. `windowMs` is cut into 240 slices; `ceiling` includes the burst; Infinity = unlimited. */
export type Window = { readonly windowMs: number; readonly ceiling: number };

/** What a hit found, by window in the order given. `freesAt`: Unix ms when the oldest counted hit leaves the window. */
export type Usage = { readonly used: number; readonly freesAt: number };

/** Whether a hit was counted, and what it found in each window. */
export type Hit = { readonly admitted: boolean; readonly usage: readonly Usage[] };

export interface Counters {
  /**
   * Counts one hit in every window of a key, atomically, unless window `judge` is full: then nothing is counted.
   * `used` includes this hit when admitted. Never admits more than `ceiling` within any span of `windowMs`.
   */
  hit(key: string, windows: readonly Window[], judge: number, now: number): Soon<Hit>;
  close(): Promise<void>;
}
