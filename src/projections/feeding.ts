// Feeds one handler: only its events, each until it has handled it, or until it is given up.
import { setTimeout as delay } from 'node:timers/promises';
import { type Batch, LogUnavailable } from '../adapters/event-log/port.js';
import { RowsLost, StoreUnavailable } from '../adapters/read-models/port.js';
import type { Soon } from '../domain/soon.js';
import type { Failing, Handler, Stored } from './handler.js';

/** A handler, how far it has come as this process knows, and whether this process feeds it. */
export type Tracked = {
  readonly handler: Handler;
  readonly isReactor: boolean;
  /** Fed here; else another process may do it, and `position` is what is known of that. */
  held: boolean;
  /** Has to be asked where it starts before it is fed. */
  toStart: boolean;
  /** How often it was started here. */
  starts: number;
  position: number;
  movedAt: number;
  /** What was seen in its store. */
  stored: Stored;
  /** Its rows were lost and are built again: up to here they were whole. */
  wholeFrom: number;
  /** A reactor that was not told that it has caught up, since rows had not. */
  owed: boolean;
  /** What is being handed to it; never rejects. */
  busy: Promise<unknown>;
  failing?: Failing;
};

export const tracked = (handler: Handler, isReactor: boolean): Tracked => ({
  handler,
  isReactor,
  held: false,
  toStart: true,
  starts: 0,
  position: -1,
  movedAt: Date.now(),
  stored: { position: -1 },
  wholeFrom: -1,
  owed: false,
  busy: Promise.resolve(),
});

/** Its rows are fewer than they were. */
export const isRebuilding = ({ position, wholeFrom }: Tracked): boolean => position < wholeFrom;

/** Sets where a handler is, forwards or back. */
export const place = (one: Tracked, position: number): void => {
  one.position = position;
  one.movedAt = Date.now();
};

/** Whether what is stored now shows that the rows seen before are gone, or are fewer. */
export const isLost = ({ stored: before }: Tracked, now: Stored): boolean =>
  now.position < before.position || (before.build !== undefined && now.build !== before.build);

/**
 * Its rows are gone: what is there now, if anything, is whole again once it has come as far as the lost rows had, and
 * up to `wholeFrom`.
 */
export const lose = (one: Tracked, now: Stored = { position: -1 }, wholeFrom = -1): void => {
  one.wholeFrom = Math.max(one.wholeFrom, one.position, wholeFrom);
  one.stored = now;
  place(one, now.position);
};

/** Where a handler starts, and what its store then holds. */
export const askStart = async ({ handler }: Tracked): Promise<{ position: number; stored: Stored }> => {
  const position = await handler.start();
  return { position, stored: (await handler.look?.()) ?? { position } };
};

/** It was started here. */
export const started = (one: Tracked, { position, stored }: Awaited<ReturnType<typeof askStart>>): void => {
  if (one.handler.look && isLost(one, stored)) lose(one);
  one.stored = stored;
  one.toStart = false;
  one.starts += 1;
  place(one, position);
};

const MAX_DELAY = 2_000;
/** Capped exponential back-off with full jitter on its upper half, in ms. */
export const backOff = (failures: number): number =>
  Math.min(MAX_DELAY, 25 * 2 ** failures) * (0.5 + Math.random() / 2);

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A store may be away for long: that stops nobody. */
export const isPassing = (error: unknown): error is LogUnavailable | StoreUnavailable =>
  error instanceof LogUnavailable || error instanceof StoreUnavailable;

/** `lost` = what it had stored is gone: it has to start again. */
export type Fed = 'fed' | 'lost';

/** Hands a batch to a handler; rejects only when stopping. */
export type Feed = (one: Tracked, batch: Batch) => Soon<Fed>;

/**
 * Hands a batch to a handler until it succeeds. One that fails `maxTries` times on the same batch, and not because a
 * store is away, is stopped until the next start, so that the others go on.
 */
export const feeding = (options: {
  readonly maxTries: number;
  /** Whether all rows show what was appended up to a position: before that no reactor acts on what it reads in them. */
  readonly isShown: (position: number) => boolean;
  readonly stopping: AbortSignal;
  readonly report: { warn(message: string, details: object): void };
}): Feed => {
  const { maxTries, isShown, stopping, report } = options;

  const note = (one: Tracked, error: unknown, eventPosition: number, failures: number): void => {
    const stopped = failures >= maxTries && !isPassing(error);
    one.failing = { eventPosition, message: messageOf(error), stopped };
    const said = stopped ? 'handler stopped until the next start' : 'handler failed; trying again';
    report.warn(said, { handler: one.handler.name, ...one.failing, failures });
  };

  /** What is to be done after a failure; `again` when it was waited long enough for the next try. */
  const failed = async (one: Tracked, error: unknown, position: number, failures: number) => {
    if (stopping.aborted) throw error;
    if (error instanceof RowsLost) {
      report.warn('starting again: what was stored is gone', { handler: one.handler.name });
      return 'lost';
    }
    note(one, error, position, failures);
    if (!one.failing?.stopped) await delay(backOff(failures), undefined, { signal: stopping });
    return 'again';
  };

  const isFed = ({ held, toStart, failing }: Tracked): boolean => held && !toStart && !failing?.stopped;

  const handOver = async (one: Tracked, batch: Batch): Promise<Fed> => {
    const { events, position } = batch;
    one.owed = batch.caughtUp && one.isReactor && !isShown(position);
    const caughtUp = batch.caughtUp && !one.owed;
    const wanted = events.filter(
      (event) => event.position > one.position && one.handler.types.has(event.type),
    );
    for (let failures = 1; isFed(one); failures++) {
      try {
        await one.handler.handle({ events: wanted, position, caughtUp });
        if (one.toStart) break; // its rows were found to be gone meanwhile
        place(one, position);
        delete one.failing;
        break;
      } catch (error) {
        const first = wanted[0]?.position ?? position;
        if ((await failed(one, error, first, failures)) === 'lost') return 'lost';
      }
    }
    return 'fed';
  };

  let latest: { readonly batch?: Batch; readonly types: readonly string[] } = { types: [] };
  /** What one handler after the other asks for. */
  const typesIn = (batch: Batch): readonly string[] => {
    if (latest.batch !== batch) latest = { batch, types: [...new Set(batch.events.map(({ type }) => type))] };
    return latest.types;
  };

  /** Most batches concern few handlers: the others need not be handed anything. */
  const passes = (one: Tracked, batch: Batch): boolean =>
    isFed(one) &&
    one.handler.skip !== undefined &&
    !typesIn(batch).some((type) => one.handler.types.has(type)) &&
    one.handler.skip(batch.position);

  return (one, batch) => {
    const { position, caughtUp } = batch;
    const isPaid = one.owed && caughtUp && position === one.position && isShown(position);
    if (position <= one.position && !isPaid) return 'fed';
    if (!passes(one, batch)) return handOver(one, batch);
    place(one, position);
    delete one.failing;
    return 'fed';
  };
};
