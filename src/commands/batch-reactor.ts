// Finishes batches: brings the events of an accepted one to their streams, where a crash or a store that was away kept them.
import type { Batch } from '../adapters/event-log/port.js';
import type { BatchAccepted, BatchEvent } from '../domain/batch.js';
import type { Recorded } from '../domain/decider.js';
import type { BatchCommands } from './batch.js';
import type { Progress } from './progress.js';

/** No rows, only a checkpoint: up to there every accepted batch has reached its streams. */
export const batchesFinished = {
  name: 'batches-finished',
  version: 1,
  holds: 'Nothing: only its checkpoint is used, up to which every accepted batch has reached its streams.',
  fields: {},
  indexes: [],
} as const;

/** So long another process is left to finish a batch that it has just accepted. */
const GRACE_MS = 5_000;

/** The follower's handler. It acts where it has caught up: most batches that it reads of were finished long ago. */
export const batchReactor = (deps: {
  batches: Pick<BatchCommands, 'finish' | 'underWay'>;
  progress: Progress;
  now: () => Date;
  graceMs?: number;
}) => {
  const { batches, progress, now, graceMs = GRACE_MS } = deps;
  const unfinished = new Map<string, Recorded<BatchAccepted>>();
  let startedAt = '';
  let timer: NodeJS.Timeout | undefined;

  const note = (event: Recorded<BatchEvent>) => {
    if (event.type === 'BatchDistributed') unfinished.delete(event.stream);
    else unfinished.set(event.stream, event);
  };

  /** True when this process has just done it, or did it now; false while it is left to another one. */
  const settle = async (accepted: Recorded<BatchAccepted>): Promise<boolean> => {
    const ours = batches.underWay(accepted);
    const done = await ours?.then(
      () => true,
      () => false,
    );
    if (done) return true;
    const { at } = accepted.metadata;
    const young = now().getTime() - Date.parse(at) < graceMs;
    // What was accepted before this process began may be its own, from before a crash.
    if (!ours && young && at >= startedAt) return false;
    await batches.finish(accepted);
    return true;
  };

  const settleAll = async () => {
    clearTimeout(timer);
    for (const [stream, accepted] of unfinished) if (await settle(accepted)) unfinished.delete(stream);
    if (unfinished.size > 0) lookAgain();
  };
  const lookAgain = () => {
    timer = setTimeout(() => void settleAll().catch(lookAgain), graceMs);
    timer.unref();
  };

  return {
    name: batchesFinished.name,
    types: new Set<string>(['BatchAccepted', 'BatchDistributed'] satisfies BatchEvent['type'][]),
    start(): Promise<number> {
      startedAt = now().toISOString();
      unfinished.clear(); // read of again
      return progress.start();
    },
    look: progress.look,
    skip: (position: number): boolean => unfinished.size === 0 && progress.skip(position),
    async handle({ events, position, caughtUp }: Batch): Promise<void> {
      for (const event of events) note(event as Recorded as Recorded<BatchEvent>);
      if (caughtUp) await settleAll();
      // Behind an unfinished one the next start must begin there again.
      if (unfinished.size === 0) await progress.store([], position);
    },
    /** Looks at nothing again by itself. */
    async stop() {
      clearTimeout(timer);
      await progress.stop();
    },
  };
};
