// Finishes rotations: makes the successor that a rotation has committed, when a crash kept the command from it.
import type { Batch } from '../adapters/event-log/port.js';
import type { ApiKeyEvent, ApiKeySuccessor } from '../domain/api-key-events.js';
import type { Metadata, Recorded } from '../domain/decider.js';
import type { ApiKeyCommands } from './api-keys.js';
import type { CommandContext } from './context.js';
import type { Progress } from './progress.js';

/** No rows, only a checkpoint: up to there every rotation has its successor. */
export const rotations = {
  name: 'api-key-rotations',
  version: 1,
  holds: 'Nothing: only its checkpoint is used, up to which every rotated key has its successor.',
  fields: {},
  indexes: [],
} as const;

/** The rotation's own command again: whoever finishes it, the successor's event is the same. */
const contextOf = ({ id, metadata }: { id: string; metadata: Metadata }): CommandContext => ({
  ...metadata,
  retry: false,
  seed: Buffer.alloc(0), // nothing random is left to decide
  now: metadata.at,
  causationId: id,
});

/** The follower's handler. It acts where it has caught up: most rotations it reads of were finished long ago. */
export const rotationReactor = (deps: { apiKeys: Pick<ApiKeyCommands, 'streams'>; progress: Progress }) => {
  const { apiKeys, progress } = deps;
  const unfinished = new Map<string, { successor: ApiKeySuccessor; context: CommandContext }>();

  const note = (event: Recorded<ApiKeyEvent>) => {
    if (event.type === 'ApiKeyCreatedByRotation') unfinished.delete(event.data.apiKeyId);
    if (event.type !== 'ApiKeyRotated') return;
    const { successor } = event.data;
    unfinished.set(successor.apiKeyId, { successor, context: contextOf(event) });
  };

  return {
    name: rotations.name,
    types: new Set<string>(['ApiKeyRotated', 'ApiKeyCreatedByRotation']),
    start(): Promise<number> {
      unfinished.clear(); // read of again
      return progress.start();
    },
    look: progress.look,
    stop: progress.stop,
    async handle({ events, position, caughtUp }: Batch): Promise<void> {
      for (const event of events) note(event as unknown as Recorded<ApiKeyEvent>);
      if (caughtUp)
        for (const [id, { successor, context }] of unfinished) {
          const options = { subject: successor.workspaceId };
          await apiKeys.streams.handle(id, { type: 'FinishRotation', data: successor }, context, options);
          unfinished.delete(id);
        }
      // Behind an unfinished one the next start must begin there again.
      if (unfinished.size === 0) await progress.store([], position);
    },
  };
};
