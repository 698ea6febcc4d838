// Erasing a person: their key is destroyed, and they leave every workspace. Committed by one event, finished by whoever can.
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import type { UserRecord } from '../domain/users.js';
import type { WorkspaceRecord } from '../domain/workspaces.js';
import type { CommandContext } from './context.js';
import type { PersonalData } from './personal-data.js';
import type { Progress } from './progress.js';
import { type Cause, checkpointOnly, consequence, everyRow, reactor, unlessGone } from './reactor.js';
import type { WorkspaceCommands } from './workspaces.js';

export const erasures = checkpointOnly('user-erasures', 'everything has followed from the erasure of users');

/**
 * Does what follows from the erasure of a user (UUID): whatever was sealed for them can no longer be opened, and they
 * are no member of anything. Doing it twice changes nothing. The position to wait for; -1 = nothing was left to do.
 */
export type FinishErasure = (userId: string, context: CommandContext) => Promise<number>;

export const finishErasure =
  (deps: {
    personal: Pick<PersonalData, 'erase'>;
    workspaces: Pick<WorkspaceCommands, 'endMembership'>;
    readModels: ReadModels;
  }): FinishErasure =>
  async (userId, context) => {
    const { personal, workspaces, readModels } = deps;
    await personal.erase(userId);
    let last = -1;
    const theirs = everyRow<Row & WorkspaceRecord>(readModels, 'workspaces', [
      { field: 'memberIds', op: 'eq', value: userId },
    ]);
    for await (const { id } of theirs) {
      const position = await unlessGone(workspaces.endMembership(id, userId, context));
      last = Math.max(last, position ?? -1);
    }
    return last;
  };

/** The follower's handler: finishes what a crash has kept from the command, also where a membership came too late. */
export const erasureReactor = (deps: {
  finish: FinishErasure;
  readModels: ReadModels;
  progress: Progress;
}) => {
  const { finish, readModels, progress } = deps;
  const erased = new Map<string, Cause>();
  const joined = new Map<string, Cause>();

  const clear = () => {
    joined.clear();
    erased.clear();
  };

  return reactor({
    progress,
    model: erasures,
    types: ['UserErased', 'MemberAdded'],
    note({ type, data, id, position, metadata }: Recorded) {
      const { userId } = data as { userId: string };
      (type === 'UserErased' ? erased : joined).set(userId, { id, position, metadata });
    },
    async settle() {
      const users = await readModels.load<Row & UserRecord>('users', [...joined.keys()]);
      for (const [userId, cause] of joined)
        if (users.get(userId)?.erasedAt != null) erased.set(userId, cause);
      for (const [userId, cause] of erased) await finish(userId, consequence('erasure', cause));
      clear();
    },
    isIdle: () => joined.size + erased.size === 0,
    clear,
  });
};
