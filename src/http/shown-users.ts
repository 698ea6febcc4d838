// Users as other records show them: the owner of a workspace, the user of a key.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { UserCommands } from '../commands/users.js';
import { type Dialect, render } from '../dialects/dialect.js';
import { userViews } from '../dialects/users.js';
import type { UserRow } from '../projections/users.js';

/** Users by their ids (UUIDs), with name and e-mail opened; an unknown one is missing. */
export type ShowUsers = (
  ids: readonly string[],
  dialect: Dialect,
) => Promise<ReadonlyMap<string, Record<string, unknown>>>;

export const showUsers =
  (readModels: ReadModels, users: Pick<UserCommands, 'revealAll'>): ShowUsers =>
  async (ids, dialect) => {
    const where = [{ field: 'id', op: 'in', value: [...new Set(ids)] } as const];
    const rows = await readModels.find<UserRow>('users', { where });
    const revealed = await users.revealAll(rows);
    return new Map(revealed.map((user) => [user.id, render(userViews[dialect], user, 'list')]));
  };
