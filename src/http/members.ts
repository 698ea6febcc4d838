// Endpoints of the members of a workspace.
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { MemberCommands } from '../commands/members.js';
import type { UserCommands } from '../commands/users.js';
import type { WorkspaceStreams } from '../commands/workspaces.js';
import { type Dialect, render } from '../dialects/dialect.js';
import { told } from '../dialects/envelopes.js';
import { memberViews } from '../dialects/members.js';
import { notFound } from '../domain/errors.js';
import type { Member } from '../domain/members.js';
import type { UserRecord } from '../domain/users.js';
import type { UserRow } from '../projections/users.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { listQuery } from './list-query.js';
import { type InMemory, peopleAnswer } from './people.js';
import { findByReference } from './records.js';
import { type Exchange, type Route, route } from './route.js';
import { shownNames } from './shown-names.js';
import { AddMemberBody, memberDocs, memberList, UpdateMemberBody } from './user-forms.js';

type Any = Exchange<unknown, unknown>;

export const memberRoutes = (deps: {
  readModels: ReadModels;
  workspaces: WorkspaceStreams;
  members: MemberCommands;
  users: UserCommands;
  inMemory: InMemory;
}): Route[] => {
  const { readModels, workspaces, members, users } = deps;

  const findWorkspace = (id: string, where: readonly Term[], options: { deleted?: boolean } = {}) =>
    findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', id, where, options);
  /** The workspace that the path names, among those of the key's user; or the one that a retried command has changed. */
  const workspaceOf = async ({ params, caller, command }: Any): Promise<WorkspaceRow> => {
    const id = params['id'] ?? '';
    if (command.retry) {
      const row = await findWorkspace(id, [], { deleted: true });
      if (row && (await workspaces.found(row.id, command))) return row;
    }
    const row = await findWorkspace(id, [{ field: 'memberIds', op: 'eq', value: caller.userId }]);
    if (!row) throw notFound('Workspace');
    return row;
  };
  /** Whoever the path names; whether they are a member the command says. */
  const userOf = async ({ params }: Any): Promise<UserRow> => {
    const row = await findByReference<UserRow>(readModels, 'users', 'user', params['user_id'] ?? '');
    if (!row) throw notFound();
    return row;
  };
  const shown = async (dialect: Dialect, record: UserRecord, { role, since }: Member) => {
    const [revealed] = await users.revealAll([record]);
    return render(memberViews[dialect], { ...(revealed ?? record), role, joinedAt: since }, 'single');
  };

  return [
    route({
      method: 'GET',
      path: '/workspaces/:id/members',
      scope: 'workspaces:read',
      query: listQuery(memberList),
      shows: shownNames(memberViews, 'list'),
      doc: memberDocs.list,
      handle: async (exchange) =>
        peopleAnswer(deps, exchange, await workspaceOf(exchange), { spec: memberList, views: memberViews }),
    }),
    route({
      method: 'POST',
      path: '/workspaces/:id/members',
      scope: 'workspaces:write',
      body: AddMemberBody,
      changesRecord: true,
      doc: memberDocs.add,
      async handle(exchange) {
        const { id } = await workspaceOf(exchange);
        const { user, member, position } = await members.add(id, exchange.body, exchange);
        const data = await shown(exchange.dialect, user, member);
        return {
          status: 201,
          body: told(exchange.dialect, 'Member added successfully.', data),
          position,
          person: user.id,
        };
      },
    }),
    route({
      method: 'PATCH',
      path: '/workspaces/:id/members/:user_id',
      scope: 'workspaces:write',
      body: UpdateMemberBody,
      doc: memberDocs.update,
      async handle(exchange) {
        const { id } = await workspaceOf(exchange);
        const user = await userOf(exchange);
        const { role } = exchange.body;
        const { member, position } = await members.changeRole(id, user.id, role, exchange);
        const data = await shown(exchange.dialect, user, member);
        return {
          status: 200,
          body: told(exchange.dialect, 'Member updated successfully.', data),
          position,
          person: user.id,
        };
      },
    }),
    route({
      method: 'DELETE',
      path: '/workspaces/:id/members/:user_id',
      scope: 'workspaces:write',
      endsKey: 'membership',
      doc: memberDocs.remove,
      async handle(exchange) {
        const { id } = await workspaceOf(exchange);
        const position = await members.remove(id, (await userOf(exchange)).id, exchange);
        return { status: 204, position };
      },
    }),
  ];
};
