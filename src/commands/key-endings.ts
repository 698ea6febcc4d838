// The keys of a user for a workspace end for good with their membership: coming back does not bring them back.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { ApiKeyRecord } from '../domain/api-keys.js';
import type { Recorded } from '../domain/decider.js';
import type { ApiKeyCommands } from './api-keys.js';
import type { Progress } from './progress.js';
import { type Cause, checkpointOnly, consequence, everyRow, reactor, unlessGone } from './reactor.js';

export const keyEndings = checkpointOnly('api-key-endings', 'the keys of former members are revoked');

type KeyRow = Row & ApiKeyRecord;
type Leaving = { readonly userId: string; readonly workspaceId: string; readonly cause: Cause };

/**
 * The follower's handler. A key is refused at once without it, since its user is no member; it makes that last, shows it
 * in lists, and frees the place of the key in the quota.
 */
export const keyEndingReactor = (deps: {
  apiKeys: Pick<ApiKeyCommands, 'streams'>;
  log: EventLog;
  readModels: ReadModels;
  progress: Progress;
}) => {
  const { apiKeys, log, readModels, progress } = deps;
  const left: Leaving[] = [];

  /** Whether a key was made before somebody left: one made after they came back is another matter. */
  const isOlder = async ({ id, position }: KeyRow, cause: Cause): Promise<boolean> => {
    if (position < cause.position) return true;
    for await (const made of log.read(`apiKey-${id}`, { limit: 1 })) return made.position < cause.position;
    return false;
  };

  const clear = () => {
    left.length = 0;
  };

  return reactor({
    progress,
    model: keyEndings,
    types: ['MemberRemoved'],
    note({ data, id, position, metadata }: Recorded) {
      const { userId = '', workspaceId = '' } = data as Readonly<Record<string, string>>;
      left.push({ userId, workspaceId, cause: { id, position, metadata } });
    },
    async settle() {
      for (const { userId, workspaceId, cause } of left) {
        const keys = everyRow<KeyRow>(readModels, 'api-keys', [
          { field: 'workspaceId', op: 'eq', value: workspaceId },
          { field: 'userId', op: 'eq', value: userId },
          { field: 'revoked', op: 'eq', value: false },
        ]);
        for await (const key of keys)
          if (await isOlder(key, cause))
            await unlessGone(
              apiKeys.streams.handle(key.id, { type: 'RevokeApiKey' }, consequence('members', cause), {
                subject: workspaceId,
              }),
            );
      }
      clear();
    },
    isIdle: () => left.length === 0,
    clear,
  });
};
