// The owner and the payer that a new namespace names: they must be within reach of whoever asks.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { NewNamespace, Party } from '../commands/namespaces.js';
import { DomainError, notFound } from '../domain/errors.js';
import type { UserRow } from '../projections/users.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { findByReference } from './records.js';
import type { Exchange } from './route.js';

type Asked = Pick<Exchange<unknown, unknown>, 'caller' | 'workspace'>;

const partyOf = ({ id, number }: Party): Party => ({ id, number });

/** A workspace that the caller belongs to. Throws 404. */
export const reachedWorkspace = async (
  readModels: ReadModels,
  { caller }: Asked,
  id: string,
): Promise<Party> => {
  const mine = [{ field: 'memberIds', op: 'eq', value: caller.userId } as const];
  const row = await findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', id, mine);
  if (!row) throw notFound('Workspace');
  return partyOf(row);
};

/** Oneself, or for an admin any member of the context workspace. Throws 404 and 403. */
const reachedUser = async (readModels: ReadModels, { caller, workspace }: Asked, id: string | undefined) => {
  const row =
    id === undefined
      ? await readModels.get<UserRow>('users', caller.userId)
      : await findByReference<UserRow>(readModels, 'users', 'user', id);
  if (!row || (row.id !== caller.userId && !workspace.memberIds.includes(row.id))) throw notFound();
  const role = workspace.members.find(({ userId }) => userId === caller.userId)?.role;
  if (row.id !== caller.userId && role !== 'owner' && role !== 'admin')
    throw new DomainError('access_denied', 'Only an admin may make a namespace for another member.');
  return partyOf(row);
};

export type WantedParties = {
  readonly owner_type: 'User' | 'Workspace';
  readonly owner_id?: string | undefined;
  readonly workspace_id?: string | null | undefined;
};

/** Owner and payer of a new namespace. Throws 404 for whoever is out of reach. */
export const partiesOf = async (
  readModels: ReadModels,
  asked: Asked,
  { owner_type: type, owner_id: id, workspace_id: payer }: WantedParties,
): Promise<Pick<NewNamespace, 'owner' | 'billing'>> => {
  const [owner, billing] = await Promise.all([
    type === 'User'
      ? reachedUser(readModels, asked, id)
      : id === undefined
        ? partyOf(asked.workspace)
        : reachedWorkspace(readModels, asked, id),
    payer == null ? null : reachedWorkspace(readModels, asked, payer),
  ]);
  return { owner: { type, ...owner }, billing };
};
