// Feeds one handler: only its events, each until it has handled it, or until it is given up.
import { setTimeout as delay } from 'node:timers/promises';
import { type Batch, LogUnavailable } from '../adapters/event-log/port.js';
import { StoreUnavailable } from '../adapters/read-models/port.js';
import type { Failing, Handler } from './follower.js';

/** A handler and how far it has come. */
export type Tracked = { readonly handler: Handler; position: number; movedAt: number; failing?: Failing };

const MAX_DELAY = 10_000;
/** Capped exponential back-off with full jitter on its upper half, in ms. */
export const backOff = (failures: number): number =>
  Math.min(MAX_DELAY, 25 * 2 ** failures) * (0.5 + Math.random() / 2);

/** A store may be away for long: that stops nobody. */
export const isPassing = (error: unknown): error is LogUnavailable | StoreUnavailable =>
  error instanceof LogUnavailable || error instanceof StoreUnavailable;

/**
 * Hands a batch to a handler until it succeeds. One that fails `maxTries` times on the same batch, and not because a
 * store is away, is stopped until the next start, so that the others go on. Rejects only when stopping.
 */
export const feeding = (options: {
  readonly maxTries: number;
  readonly stopping: AbortSignal;
  readonly report: { warn(message: string, details: object): void };
}): ((one: Tracked, batch: Batch) => Promise<void>) => {
  const { maxTries, stopping, report } = options;

  const note = (one: Tracked, error: unknown, eventPosition: number, failures: number): void => {
    const message = error instanceof Error ? error.message : String(error);
    const stopped = failures >= maxTries && !isPassing(error);
    one.failing = { eventPosition, message, stopped };
    const said = stopped ? 'handler stopped until the next start' : 'handler failed; trying again';
    report.warn(said, { handler: one.handler.name, ...one.failing, failures });
  };

  return async (one, { events, position, caughtUp }) => {
    if (position <= one.position) return;
    const wanted = events.filter(
      (event) => event.position > one.position && one.handler.types.has(event.type),
    );
    for (let failures = 1; !one.failing?.stopped; failures++) {
      try {
        await one.handler.handle({ events: wanted, position, caughtUp });
        one.position = position;
        one.movedAt = Date.now();
        delete one.failing;
        return;
      } catch (error) {
        if (stopping.aborted) throw error;
        note(one, error, wanted[0]?.position ?? position, failures);
        if (!one.failing?.stopped) await delay(backOff(failures), undefined, { signal: stopping });
      }
    }
  };
};
