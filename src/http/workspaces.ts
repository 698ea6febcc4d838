// Endpoints of workspaces.
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { WorkspaceCommands } from '../commands/workspaces.js';
import { created, updated } from '../dialects/envelopes.js';
import { workspaceViews } from '../dialects/workspaces.js';
import { DomainError, notFound } from '../domain/errors.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { listAnswer, listQuery, singleAnswer, singleQuery } from './list-query.js';
import { findByReference } from './records.js';
import { type Exchange, type Route, route } from './route.js';
import type { ShowUsers } from './users.js';
import { CreateWorkspaceBody, UpdateWorkspaceBody, workspaceDocs, workspaceList } from './workspace-forms.js';
import { workspaceIncludes } from './workspace-includes.js';

export const workspaceRoutes = (deps: {
  readModels: ReadModels;
  workspaces: WorkspaceCommands;
  showUsers: ShowUsers;
}): Route[] => {
  const { readModels, workspaces, showUsers } = deps;
  const includes = workspaceIncludes(showUsers);
  const reachable = (userId: string): Term[] => [{ field: 'memberIds', op: 'eq', value: userId }];

  /** The workspace that the path names, among those of the key's user. A retried deletion finds a deleted one. */
  const one = async (
    { params, caller }: Exchange<unknown, unknown>,
    deleted = false,
  ): Promise<WorkspaceRow> => {
    const id = params['id'] ?? '';
    const where = reachable(caller.userId);
    const row = await findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', id, where, {
      deleted,
    });
    if (!row) throw notFound('Workspace');
    return row;
  };

  /** Whoever deleted their only workspace would be left without any. */
  const requireAnother = async (userId: string): Promise<void> => {
    if ((await readModels.count('workspaces', reachable(userId))) < 2)
      throw new DomainError('cannot_delete', 'Your only workspace cannot be deleted.');
  };

  return [
    route({
      method: 'GET',
      path: '/workspaces',
      scope: 'workspaces:read',
      query: listQuery(workspaceList),
      doc: workspaceDocs.list,
      handle: (exchange) =>
        listAnswer(exchange, {
          readModels,
          model: 'workspaces',
          where: reachable(exchange.caller.userId),
          spec: workspaceList,
          views: workspaceViews,
          includes,
        }),
    }),
    route({
      method: 'GET',
      path: '/workspaces/:id',
      scope: 'workspaces:read',
      query: singleQuery,
      doc: workspaceDocs.get,
      handle: async (exchange) =>
        singleAnswer(exchange, { row: await one(exchange), views: workspaceViews, includes }),
    }),
    route({
      method: 'POST',
      path: '/workspaces',
      scope: 'workspaces:write',
      body: CreateWorkspaceBody,
      doc: workspaceDocs.create,
      handle: async (exchange) => {
        const { record, revision, position } = await workspaces.create(exchange.body, exchange);
        return {
          status: 201,
          body: created(exchange.dialect, 'Workspace', workspaceViews, record),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'PATCH',
      path: '/workspaces/:id',
      scope: 'workspaces:write',
      body: UpdateWorkspaceBody,
      doc: workspaceDocs.update,
      handle: async (exchange) => {
        const { id } = await one(exchange);
        const { record, revision, position } = await workspaces.update(id, exchange.body, exchange);
        return {
          status: 200,
          body: updated(exchange.dialect, 'Workspace', workspaceViews, record),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'DELETE',
      path: '/workspaces/:id',
      scope: 'workspaces:delete',
      endsKey: 'workspace',
      doc: workspaceDocs.remove,
      handle: async (exchange) => {
        const row = await one(exchange, exchange.command.retry);
        if (!row.deleted) await requireAnother(exchange.caller.userId);
        const { position } = await workspaces.remove(row.id, exchange);
        return { status: 204, position };
      },
    }),
  ];
};
