// Appends that share one write and sync, and how their callers are answered.
import type { Recorded } from '../../domain/decider.js';
import type { Appended, LogUnavailable } from './port.js';

export type Batch = {
  buffer: Buffer;
  /** Bytes of the buffer in use. */
  length: number;
  /** Position after the last event. */
  upTo: number;
  /** Hash of the last line. */
  hash: string;
  /** In the order of their positions. */
  readonly events: Recorded[];
  /** By append: its result, and its caller's promise. */
  readonly appended: Appended[];
  readonly resolve: ((appended: Appended) => void)[];
  readonly reject: ((error: Error) => void)[];
  /** Called when the batch is on disk, or with the reason why it is not. */
  readonly settled: ((error?: LogUnavailable) => void)[];
};

const usualBytes = 256 << 10;
const answersAtOnce = 16;

export const emptyBatch = (buffer?: Buffer): Batch => ({
  buffer: buffer?.length === usualBytes ? buffer : Buffer.allocUnsafeSlow(usualBytes),
  length: 0,
  upTo: 0,
  hash: '',
  events: [],
  appended: [],
  resolve: [],
  reject: [],
  settled: [],
});

/** Makes sure that `text` fits behind what the batch holds. */
export const makeRoom = (batch: Batch, text: string): void => {
  const free = batch.buffer.length - batch.length;
  if (free >= text.length * 3) return; // no UTF-16 unit needs more bytes
  const needed = Buffer.byteLength(text);
  if (free >= needed) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(batch.buffer.length * 2, batch.length + needed));
  batch.buffer.copy(larger, 0, 0, batch.length);
  batch.buffer = larger;
};

export const rejectAll = (batch: Batch | undefined, error: LogUnavailable): void => {
  for (const reject of batch?.reject ?? []) reject(error);
  for (const tell of batch?.settled ?? []) tell(error);
};

/**
 * Answers the callers of committed batches in order, a few at a time: what they do next must not keep the event
 * loop from noticing that the next sync is done.
 */
export const releasing = () => {
  const batches: Batch[] = [];
  let answered = 0; // of the first batch
  let drained: (() => void)[] = [];

  const release = (): void => {
    const batch = batches[0];
    if (batch === undefined) return;
    const stop = Math.min(answered + answersAtOnce, batch.resolve.length);
    for (; answered < stop; answered += 1) {
      const appended = batch.appended[answered];
      if (appended !== undefined) batch.resolve[answered]?.(appended);
    }
    if (answered === batch.resolve.length) {
      batches.shift();
      answered = 0;
      for (const tell of batch.settled) tell();
    }
    if (batches.length > 0) {
      setImmediate(release);
      return;
    }
    for (const tell of drained) tell();
    drained = [];
  };

  return {
    add(batch: Batch): void {
      if (batches.push(batch) === 1) release();
    },
    /** Resolves when nobody waits for an answer. */
    all: () =>
      new Promise<void>((resolve) => (batches.length === 0 ? resolve() : void drained.push(resolve))),
  };
};
