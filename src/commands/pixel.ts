// Takes hits in and appends them in batches: a hit is answered at once and is in the log about a second later.
import type { EventLog, NewEvent } from '../adapters/event-log/port.js';
import { DomainError } from '../domain/errors.js';
import { newId } from '../domain/ids.js';
import type { Hit, PixelEvent } from '../domain/pixel.js';
import { metadataFor, systemContext } from './context.js';
import { ownStream } from './own-stream.js';

/** Longest time that a hit waits for others; how long a log that cannot be written is left alone. */
const WAIT_MS = 1_000;
/** A batch is appended at once when it has so many hits, or so many bytes: one append takes 1 MiB. */
const BATCH_HITS = 500;
const BATCH_BYTES = 524_288;
/** Bytes of what surrounds a hit in the log. */
const SURROUNDING = 400;
/** Hits that are kept for a log that cannot be written; beyond them it is told that the service is unavailable. */
const MAX_WAITING_BYTES = 16 * 1_048_576;

export type PixelHits = {
  /** Takes a hit in. Throws `unavailable` when too many wait for a log that cannot be written. */
  track(hit: Hit): void;
  /** Appends what has been taken in. What could not be appended stays. */
  flush(): Promise<void>;
  /** Appends everything; to be called when no more hits come. */
  stop(): Promise<void>;
};

export const pixelHits = (deps: {
  log: EventLog;
  now: () => Date;
  report: { warn(message: string, details: object): void };
}): PixelHits => {
  const { log, now, report } = deps;
  const own = ownStream(log, 'pixel');
  let taken: Hit[] = [];
  let takenBytes = 0;
  /** Bytes of all hits that are not known to be in the log. */
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const queueTaken = () => {
    const context = systemContext('pixel');
    const at = now();
    own.add(
      taken.map((data): NewEvent & PixelEvent => ({
        type: 'PixelTracked',
        data,
        id: newId(),
        metadata: metadataFor(context, data.workspaceId, at),
      })),
    );
    taken = [];
    takenBytes = 0;
  };
  const flush = async () => {
    queueTaken();
    await own.flush();
    if (own.waiting().length === 0) waitingBytes = takenBytes;
  };
  const flushOrReport = () =>
    flush().catch((error: unknown) => {
      report.warn('hits of the pixel could not be written; trying again', {
        error: error instanceof Error ? error.message : String(error),
      });
      later();
    });
  const later = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void flushOrReport();
    }, WAIT_MS).unref();
  };

  return {
    track(hit) {
      const bytes = Buffer.byteLength(JSON.stringify(hit)) + SURROUNDING;
      if (waitingBytes + bytes > MAX_WAITING_BYTES)
        throw new DomainError('unavailable', 'The service is temporarily unavailable. Nothing was written.');
      taken.push(hit);
      takenBytes += bytes;
      waitingBytes += bytes;
      if (taken.length < BATCH_HITS && takenBytes < BATCH_BYTES) return later();
      if (own.waiting().length === 0) void flushOrReport();
      else queueTaken(); // goes with what is being appended, or is tried again
    },
    flush,
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await flushOrReport();
      clearTimeout(timer);
    },
  };
};
