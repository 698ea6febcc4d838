// Who may make whom a member of a workspace, in which role, and who may end it. Pure.
import { DomainError, invalid, notFound } from './errors.js';

/** In falling order of what they may do. */
export const roles = ['owner', 'admin', 'member'] as const;
export type Role = (typeof roles)[number];
/** A user (UUID) in a workspace. `since` = when they joined, whatever their role was then. */
export type Member = { readonly userId: string; readonly role: Role; readonly since: string };
export type Members = readonly Member[];

/** `by` = the acting user. `EraseMember` is the end of somebody who was erased: nobody's decision. */
export type MemberCommand =
  | { type: 'AddMember'; userId: string; role: Role; by: string }
  | { type: 'ChangeRole'; userId: string; role: Role; by: string }
  | { type: 'RemoveMember'; userId: string; by: string }
  | { type: 'EraseMember'; userId: string };

/** What is to happen: somebody joins or gets another role, somebody leaves, or the workspace ends with its last member. */
export type MemberChange =
  | { change: 'joins'; userId: string; role: Role }
  | { change: 'leaves'; userId: string }
  | { change: 'ends' };

export const isAboveRole = (role: Role, other: Role): boolean => roles.indexOf(role) < roles.indexOf(other);

/** The role of a user (UUID); undefined = no member. */
export const roleOf = (members: Members, userId: string): Role | undefined =>
  members.find((member) => member.userId === userId)?.role;

/** Refuses what the acting user's role does not allow; the workspace of strangers does not exist for them. */
export const requireRole = (members: Members, by: string, allowed: readonly Role[]): Role => {
  const role = roleOf(members, by);
  if (role === undefined) throw notFound('Workspace');
  if (!allowed.includes(role))
    throw new DomainError('access_denied', `This needs the role ${allowed.join(' or ')} in the workspace.`);
  return role;
};

const managing: readonly Role[] = ['owner', 'admin'];

/** Nobody gives or takes a role above their own. */
const requireNotAbove = (own: Role, role: Role): void => {
  if (isAboveRole(role, own))
    throw new DomainError('access_denied', `This needs the role ${role} in the workspace.`);
};

const isLastOwner = (members: Members, userId: string): boolean =>
  roleOf(members, userId) === 'owner' && members.filter(({ role }) => role === 'owner').length === 1;

/** A workspace whose owner is erased goes to whoever has been an admin longest, else a member. */
const heirOf = (others: Members): Member | undefined => {
  const bySeniority = others.toSorted((left, right) => (left.since < right.since ? -1 : 1));
  return bySeniority.find(({ role }) => role === 'admin') ?? bySeniority[0];
};

const erase = (members: Members, userId: string): MemberChange[] => {
  if (roleOf(members, userId) === undefined) return [];
  const others = members.filter((member) => member.userId !== userId);
  const heir = others.some(({ role }) => role === 'owner') ? undefined : heirOf(others);
  if (others.length === 0) return [{ change: 'ends' }];
  return [
    ...(heir ? [{ change: 'joins', userId: heir.userId, role: 'owner' } as const] : []),
    { change: 'leaves', userId },
  ];
};

/** Throws `not_found`, `access_denied`, and 422 where a workspace would have no owner any more. */
export const decideMembers = (members: Members, command: MemberCommand): MemberChange[] => {
  const { userId } = command;
  if (command.type === 'EraseMember') return erase(members, userId);
  const held = roleOf(members, userId);
  const leaves = command.type === 'RemoveMember' && command.by === userId;
  const own = requireRole(members, command.by, leaves ? roles : managing);
  switch (command.type) {
    case 'AddMember':
      if (held === command.role) return [];
      if (held !== undefined)
        throw invalid({ email: `The email belongs to a member already, with the role ${held}.` });
      requireNotAbove(own, command.role);
      return [{ change: 'joins', userId, role: command.role }];
    case 'ChangeRole':
      if (held === undefined) throw notFound();
      if (held === command.role) return [];
      requireNotAbove(own, held);
      requireNotAbove(own, command.role);
      if (isLastOwner(members, userId))
        throw invalid({ role: 'The last owner of a workspace stays its owner: name another one first.' });
      return [{ change: 'joins', userId, role: command.role }];
    case 'RemoveMember':
      if (held === undefined) throw notFound();
      requireNotAbove(own, held);
      if (isLastOwner(members, userId))
        throw new DomainError(
          'cannot_delete',
          'The last owner of a workspace cannot be removed. Make another member its owner first, or delete the workspace.',
        );
      return [{ change: 'leaves', userId }];
  }
};
