// Between a subscription that pushes and a reader that pulls: keeps order, back-pressure, and honest checkpoints.
import type { AllStreamSubscription } from '@eventstore/db-client';
import type { Recorded } from '../../domain/decider.js';
import { exact, positionOf, type ReadEvent } from './eventstoredb-format.js';
import type { Batch } from './port.js';

/** Events in one batch at most, and how many may wait before the subscription is paused. */
const BATCH = 500;
const WAITING = 1_000;

type Arrival = { readonly position: number; readonly event: Recorded | undefined };
/** Something the server said between two events; true once `after` events have been taken. */
type Mark = { readonly after: number; readonly position: number; readonly caughtUp: boolean };

export type Inbox = {
  /** The `checkpointReached` callback of the subscription's filter. */
  checkpoint(position: { commit: bigint }): void;
  /** Listens to a subscription. `floor` = what is certainly behind it once it has caught up. */
  attach(subscription: AllStreamSubscription, floor: number): void;
  /** The next batch, or undefined when there is nothing new. Throws what the subscription failed with. */
  take(): Batch | undefined;
  /** Resolves true when there is something to take, false after `ms`. */
  arrival(ms: number, signal: AbortSignal): Promise<boolean>;
};

/**
 * `from` is where the reader stands: nothing up to there is shown. `read` makes an event of ours of what arrives, or
 * undefined for what the reader does not want to see.
 */
export const inbox = (from: number, read: ReadEvent): Inbox => {
  const waiting: Arrival[] = [];
  const marks: Mark[] = [];
  let subscription: AllStreamSubscription | undefined;
  let arrived = 0;
  let taken = 0;
  let position = from;
  let caughtUp = false;
  let failure: { error: unknown } | undefined;
  let wake: () => void = () => undefined;

  // The client tells of a checkpoint while up to 16 earlier events are still in its buffer: it counts after those.
  const mark = (at: number, isCaughtUp: boolean) => {
    marks.push({ after: arrived + (subscription?.readableLength ?? 0), position: at, caughtUp: isCaughtUp });
    wake();
  };

  return {
    checkpoint: ({ commit }) => mark(exact(commit), false),
    attach(attached, floor) {
      subscription = attached;
      attached.on('data', (resolved) => {
        arrived++;
        const at = positionOf(resolved);
        waiting.push({ position: at, event: at > from ? read(resolved) : undefined });
        if (waiting.length >= WAITING) attached.pause();
        wake();
      });
      attached.on('caughtUp', () => mark(floor, true));
      attached.on('error', (error) => {
        failure = { error };
        wake();
      });
      attached.on('end', () => {
        failure ??= { error: new Error('the subscription ended') };
        wake();
      });
    },
    take() {
      const before = position;
      const wasCaughtUp = caughtUp;
      const batch = waiting.splice(0, BATCH);
      taken += batch.length;
      position = Math.max(position, batch.at(-1)?.position ?? -1);
      for (let next = marks[0]; next !== undefined && next.after <= taken; next = marks[0]) {
        marks.shift();
        position = Math.max(position, next.position);
        caughtUp ||= next.caughtUp;
      }
      if (subscription?.isPaused() && waiting.length < WAITING / 2) subscription.resume();
      if (position > before || caughtUp !== wasCaughtUp) {
        const events = batch.flatMap(({ event }) => (event === undefined ? [] : [event]));
        return { events, position, caughtUp };
      }
      if (failure && waiting.length === 0) throw failure.error;
      return undefined;
    },
    arrival: (ms, signal) =>
      new Promise((resolve) => {
        const done = (something: boolean) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
          wake = () => undefined;
          resolve(something);
        };
        const abort = () => done(true);
        const timer = setTimeout(done, ms, false);
        // What comes with the same packet is taken together.
        wake = () => {
          wake = () => undefined;
          setImmediate(done, true);
        };
        signal.addEventListener('abort', abort);
        if (waiting.length > 0 || failure !== undefined || signal.aborted) done(true);
      }),
  };
};
