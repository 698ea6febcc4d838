// Whether the stores answer and the log takes writes, with the setting that points to what does not.
import { setTimeout as delay } from 'node:timers/promises';
import { LogUnavailable } from '../adapters/event-log/port.js';
import type { Config } from '../config.js';
import type { Heard } from '../projections/own-appends.js';
import type { Stores } from './stores.js';

/** A refused write counts for so long, ms: somebody has to write to find out. */
const REFUSED_FOR = 15_000;
/** A store that answers later than this is down, ms. */
const ANSWER_MS = 4_000;

export type Writes = {
  /** To be told how appends go. */
  readonly heard: Heard;
  /** One sentence when the last write was refused, and that is not long ago. */
  refused(): string | undefined;
};

export const watchWrites = (now: () => number = Date.now): Writes => {
  let last: { readonly at: number; readonly message: string } | undefined;
  return {
    heard: {
      appended() {
        last = undefined;
      },
      failed(error) {
        if (error instanceof LogUnavailable) last = { at: now(), message: error.message };
      },
    },
    refused: () =>
      last && now() - last.at < REFUSED_FOR ? `The event log refuses writes: ${last.message}` : undefined,
  };
};

/** The work, or a rejection when it takes too long. */
export const answerOf = async <T>(work: Promise<T>, ms = ANSWER_MS): Promise<T> => {
  const waiting = new AbortController();
  const late = delay(ms, undefined, { signal: waiting.signal, ref: false }).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    waiting.abort();
    late.catch(() => undefined);
  }
};

/** One sentence for each store that does not answer. */
export const unreached = async (
  { log, readModels, queue }: Stores,
  config: Config,
  model: string,
): Promise<string[]> => {
  const asked: [string | undefined, string, () => Promise<unknown>][] = [
    [config.EVENTSTORE_URL, 'EVENTSTORE_URL: the event log', () => log.head()],
    [config.MONGODB_URL, 'MONGODB_URL: the store of the read models', () => readModels.checkpoint(model)],
    [config.REDIS_URL, 'REDIS_URL: the store of queue, limits and idempotency', () => queue.depth()],
  ];
  const found = await Promise.all(
    asked.map(async ([url, name, ask]) => {
      if (url === undefined) return [];
      return answerOf(ask()).then(
        () => [],
        () => [`${name} does not answer.`],
      );
    }),
  );
  return found.flat();
};
