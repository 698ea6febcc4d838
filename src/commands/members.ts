// The effects around decisions about members: who is invited becomes a user first.
import { DomainError, notFound } from '../domain/errors.js';
import { decideMembers, type Member, type MemberCommand, type Role } from '../domain/members.js';
import type { UserRecord } from '../domain/users.js';
import type { Workspace, WorkspaceEvent } from '../domain/workspaces.js';
import type { CommandContext } from './context.js';
import type { Handled } from './folding.js';
import type { NewUser, UserCommands } from './users.js';
import type { WorkspaceStreams } from './workspaces.js';

/** Who asks: their role in the workspace decides. */
export type MemberAsking = {
  readonly command: CommandContext;
  readonly caller: { readonly userId: string };
  readonly ifMatch?: number;
};
/** The member after a command and the position to wait for. */
export type MemberAnswer = { readonly member: Member; readonly position: number };

export type MemberCommands = {
  /** Makes whoever has this e-mail address a member; a user that does not exist is made. */
  add(
    workspaceId: string,
    invited: NewUser & { readonly role: Role },
    asking: MemberAsking,
  ): Promise<MemberAnswer & { readonly user: UserRecord }>;
  changeRole(workspaceId: string, userId: string, role: Role, asking: MemberAsking): Promise<MemberAnswer>;
  /** The position to wait for. */
  remove(workspaceId: string, userId: string, asking: MemberAsking): Promise<number>;
};

/** Stands for somebody who is no user yet. */
const NOBODY = '';

export const memberCommands = (deps: {
  workspaces: WorkspaceStreams;
  users: Pick<UserCommands, 'findOrCreate'>;
}): MemberCommands => {
  const { workspaces, users } = deps;

  const run = (workspaceId: string, command: MemberCommand, { command: context, ifMatch }: MemberAsking) => {
    const seen = ifMatch === undefined ? {} : { ifMatch };
    return workspaces.handle(workspaceId, command, context, { subject: workspaceId, ...seen });
  };
  const answer = ({ state, position }: Handled<Workspace, WorkspaceEvent>, userId: string): MemberAnswer => {
    const member = state.record?.members.find((one) => one.userId === userId);
    if (!member) throw new DomainError('conflict', 'The members are being changed by others. Try again.');
    return { member, position };
  };

  return {
    async add(workspaceId, { role, ...person }, asking) {
      const { command, caller } = asking;
      const by = caller.userId;
      const earlier = await workspaces.found(workspaceId, command);
      const { record, deleted } = (earlier ?? (await workspaces.load(workspaceId))).state;
      if (!record || deleted) throw notFound('Workspace');
      // Whoever may not invite makes no users either.
      if (!earlier) decideMembers(record.members, { type: 'AddMember', userId: NOBODY, role, by });
      const { record: user, position } = await users.findOrCreate(person, command);
      const added = await run(workspaceId, { type: 'AddMember', userId: user.id, role, by }, asking);
      const { member, position: last } = answer(added, user.id);
      return { user, member, position: Math.max(position, last) };
    },

    async changeRole(workspaceId, userId, role, asking) {
      const change = { type: 'ChangeRole', userId, role, by: asking.caller.userId } as const;
      return answer(await run(workspaceId, change, asking), userId);
    },

    async remove(workspaceId, userId, asking) {
      const removal = { type: 'RemoveMember', userId, by: asking.caller.userId } as const;
      return (await run(workspaceId, removal, asking)).position;
    },
  };
};
