// Whose record a user's key reaches, and who may change or erase whom.
import type { ReadModels } from '../adapters/read-models/port.js';
import { DomainError, notFound } from '../domain/errors.js';
import { isAboveRole, type Role, roleOf } from '../domain/members.js';
import type { Soon } from '../domain/soon.js';
import type { UserRow } from '../projections/users.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { findByReference } from './records.js';
import type { Exchange } from './route.js';

type Asked = Pick<Exchange<unknown, unknown>, 'caller' | 'workspace'>;

/** The user that an id names: oneself, or a member of the context workspace. Any other is like none. */
export const reachUser = async (
  readModels: ReadModels,
  { caller, workspace }: Asked,
  id: string,
): Promise<UserRow | undefined> => {
  const row = await findByReference<UserRow>(readModels, 'users', 'user', id);
  if (!row || row.erasedAt !== null) return undefined;
  return row.id === caller.userId || workspace.memberIds.includes(row.id) ? row : undefined;
};

/** The user that the path names. Throws 404. */
export const userOfPath = async (
  readModels: ReadModels,
  asked: Asked & Pick<Exchange<unknown, unknown>, 'params'>,
): Promise<UserRow> => {
  const row = await reachUser(readModels, asked, asked.params['id'] ?? '');
  if (!row) throw notFound();
  return row;
};

/** The workspaces that a user (UUID) belongs to. */
export const workspacesOf = (readModels: ReadModels, userId: string): Soon<WorkspaceRow[]> =>
  readModels.find<WorkspaceRow>('workspaces', {
    where: [{ field: 'memberIds', op: 'eq', value: userId }],
  });

/**
 * Everybody decides about themselves. About somebody else decides only who has one of the roles `allowed`, and none below
 * theirs, in every workspace that they belong to: a person is more than a member of one tenant. Throws 403.
 */
export const requireAuthority = (
  { userId: by }: { readonly userId: string },
  userId: string,
  theirs: readonly WorkspaceRow[],
  allowed: readonly Role[],
): void => {
  if (by === userId) return;
  const mayAll = theirs.every(({ members }) => {
    const [own, held] = [roleOf(members, by), roleOf(members, userId)];
    return own !== undefined && allowed.includes(own) && held !== undefined && !isAboveRole(held, own);
  });
  if (!mayAll)
    throw new DomainError(
      'access_denied',
      `This needs the role ${allowed.join(' or ')} in every workspace that the user belongs to, and none below theirs.`,
    );
};

/** An erasure must not leave others in a workspace without an owner. Throws 422 naming it. */
export const requireHeirs = (userId: string, theirs: readonly WorkspaceRow[]): void => {
  const orphaned = theirs.find(
    ({ members }) =>
      members.length > 1 &&
      members.every((member) => (member.role === 'owner') === (member.userId === userId)),
  );
  if (orphaned)
    throw new DomainError(
      'cannot_delete',
      `The user is the only owner of workspace ${orphaned.number}, which has other members. Make one of them an owner first, or delete the workspace.`,
    );
};
