// When keys were last used: noted in memory on every request, written down every few seconds, many in one event: a kill loses no more.
import { LRUCache } from 'lru-cache';
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import { newId } from '../domain/ids.js';
import type { ApiKeysUsed } from '../domain/key-uses.js';
import { metadataFor, systemContext } from './context.js';

/** The one stream of all uses; on a server only its newest events are kept. */
const STREAM = 'keyUse';
const FLUSH_MS = 10_000;
/** Uses named by one event at most: so that an append stays far below 1 MiB. */
const PER_EVENT = 5_000;
/** Keys whose last use this process still knows after it was written down, until the read model shows it. */
const REMEMBERED = 10_000;

export type KeyUses = {
  /** Notes a use of a key (UUID); costs next to nothing. */
  note(keyId: string, at: Date): void;
  /** Last uses by key, ISO instants; a key that was never used is missing. */
  lastUsed(keyIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Writes down what was noted since the last time. What could not be written stays noted. */
  flush(): Promise<void>;
  /** Starts flushing every 10 seconds. */
  start(): void;
  /** Stops, and flushes once more. */
  stop(): Promise<void>;
};

export const keyUses = (deps: {
  log: EventLog;
  readModels: ReadModels;
  now: () => Date;
  report: { warn(message: string, details: object): void };
}): KeyUses => {
  const { log, readModels, now, report } = deps;
  const unwritten = new Map<string, number>();
  const written = new LRUCache<string, string>({ max: REMEMBERED });
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const write = async () => {
    if (unwritten.size === 0) return;
    const uses = [...unwritten].map(([keyId, ms]) => ({ keyId, at: new Date(ms).toISOString() }));
    unwritten.clear();
    for (const { keyId, at } of uses) written.set(keyId, at);
    const metadata = metadataFor(systemContext('key-uses'), undefined, now());
    const events = [];
    for (let n = 0; n < uses.length; n += PER_EVENT) {
      const event: ApiKeysUsed = { type: 'ApiKeysUsed', data: { uses: uses.slice(n, n + PER_EVENT) } };
      events.push({ ...event, id: newId(), metadata });
    }
    try {
      await log.append(STREAM, events, 'any');
    } catch (error) {
      for (const { keyId, at } of uses) if (!unwritten.has(keyId)) unwritten.set(keyId, Date.parse(at));
      throw error;
    }
  };
  const flush = () => {
    const next = flushing.catch(() => undefined).then(write);
    flushing = next;
    return next;
  };
  const flushOrReport = () =>
    flush().catch((error: unknown) =>
      report.warn('uses of API keys could not be written; trying again', {
        error: error instanceof Error ? error.message : String(error),
      }),
    );

  return {
    note(keyId, at) {
      const ms = at.getTime();
      if (ms > (unwritten.get(keyId) ?? 0)) unwritten.set(keyId, ms);
    },
    async lastUsed(keyIds) {
      type Use = Row & { readonly lastUsedAt: string };
      const rows = await readModels.load<Use>('api-key-uses', keyIds);
      const known = new Map<string, string>();
      for (const id of keyIds) {
        const noted = unwritten.get(id);
        const times = [rows.get(id)?.lastUsedAt, written.get(id), noted && new Date(noted).toISOString()];
        const [latest] = times
          .filter((time) => typeof time === 'string')
          .sort()
          .reverse();
        if (latest !== undefined) known.set(id, latest);
      }
      return known;
    },
    flush,
    start() {
      timer ??= setInterval(() => void flushOrReport(), FLUSH_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await flushOrReport();
    },
  };
};
