// Finishes rotations: makes the successor that a rotation has committed, when a crash kept the command from it.
import type { ApiKeyEvent, ApiKeySuccessor } from '../domain/api-key-events.js';
import type { Recorded } from '../domain/decider.js';
import type { ApiKeyCommands } from './api-keys.js';
import type { CommandContext } from './context.js';
import type { Progress } from './progress.js';
import { type Cause, checkpointOnly, reactor } from './reactor.js';

export const rotations = checkpointOnly('api-key-rotations', 'every rotated key has its successor');

/** The rotation's own command again: whoever finishes it, the successor's event is the same. */
const contextOf = ({ id, metadata }: Cause): CommandContext => ({
  ...metadata,
  retry: false,
  seed: () => Buffer.alloc(0), // nothing random is left to decide
  now: metadata.at,
  causationId: id,
});

/** The follower's handler. */
export const rotationReactor = (deps: { apiKeys: Pick<ApiKeyCommands, 'streams'>; progress: Progress }) => {
  const { apiKeys, progress } = deps;
  const unfinished = new Map<string, { successor: ApiKeySuccessor; context: CommandContext }>();

  return reactor({
    progress,
    model: rotations,
    types: ['ApiKeyRotated', 'ApiKeyCreatedByRotation'],
    note(recorded) {
      const event = recorded as Recorded as Recorded<ApiKeyEvent>;
      if (event.type === 'ApiKeyCreatedByRotation') unfinished.delete(event.data.apiKeyId);
      if (event.type !== 'ApiKeyRotated') return;
      const { successor } = event.data;
      unfinished.set(successor.apiKeyId, { successor, context: contextOf(event) });
    },
    async settle() {
      for (const [id, { successor, context }] of unfinished) {
        const options = { subject: successor.workspaceId };
        await apiKeys.streams.handle(id, { type: 'FinishRotation', data: successor }, context, options);
        unfinished.delete(id);
      }
    },
    isIdle: () => unfinished.size === 0,
    clear: () => unfinished.clear(),
  });
};
