// Endpoints of workspaces.
import type { ReadModels } from '../adapters/read-models/port.js';
import { idFor } from '../commands/context.js';
import type { Turns } from '../commands/turns.js';
import type { WorkspaceCommands } from '../commands/workspaces.js';
import { created, updated } from '../dialects/envelopes.js';
import { workspaceViews } from '../dialects/workspaces.js';
import { DomainError, notFound } from '../domain/errors.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { reachable } from './context.js';
import { listAnswer, listQuery, singleAnswer, singleQuery } from './list-query.js';
import { requireFreeDomains } from './pixel-domains.js';
import { findByReference } from './records.js';
import { type Exchange, type Route, route } from './route.js';
import { shownNames } from './shown-names.js';
import type { ShowUsers } from './shown-users.js';
import { CreateWorkspaceBody, UpdateWorkspaceBody, workspaceDocs, workspaceList } from './workspace-forms.js';
import { workspaceIncludes } from './workspace-includes.js';

/**
 * Runs a deletion unless it would leave its user without any workspace. One at a time per user, and without those
 * that were deleted lately and still have rows. Exact within this process.
 */
const lastWorkspaceGuard = (readModels: ReadModels, turns: Turns) => {
  /** Workspaces deleted here lately, by user: they do not count although they may still have rows. */
  const gone = new Map<string, ReadonlySet<string>>();

  return async <T>(userId: string, id: string, remove: () => Promise<T>): Promise<T> => {
    const attempt = async () => {
      const before = [...(gone.get(userId) ?? [])];
      const shown = await readModels.find('workspaces', {
        where: [{ field: 'id', op: 'in', value: before }],
      });
      const lately = new Set(shown.map((row) => row.id));
      if (lately.size === 0) gone.delete(userId);
      const limit = lately.size + 2;
      const rows = await readModels.find('workspaces', { where: reachable(userId), limit });
      if (rows.every((row) => row.id === id || lately.has(row.id)))
        throw new DomainError('cannot_delete', 'Your only workspace cannot be deleted.');
      const done = await remove();
      gone.set(userId, new Set([...lately, id]));
      return done;
    };
    return turns(`last workspace ${userId}`, attempt);
  };
};

export const workspaceRoutes = (deps: {
  readModels: ReadModels;
  workspaces: WorkspaceCommands;
  showUsers: ShowUsers;
  turns: Turns;
}): Route[] => {
  const { readModels, workspaces, showUsers, turns } = deps;
  const includes = workspaceIncludes(readModels, showUsers);
  const unlessLast = lastWorkspaceGuard(readModels, turns);
  /** The workspace that the path names, among those of the key's user. A retried write finds a deleted one too. */
  const one = async ({ params, caller, command }: Exchange<unknown, unknown>): Promise<WorkspaceRow> => {
    const id = params['id'] ?? '';
    const deleted = command.retry;
    const where = reachable(caller.userId);
    const row = await findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', id, where, {
      deleted,
    });
    if (!row) throw notFound('Workspace');
    return row;
  };

  return [
    route({
      method: 'GET',
      path: '/workspaces',
      scope: 'workspaces:read',
      query: listQuery(workspaceList),
      shows: shownNames(workspaceViews, 'list', includes),
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
      shows: shownNames(workspaceViews, 'single', includes),
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
        const { body, command } = exchange;
        await requireFreeDomains(readModels, body.settings, idFor(command, 'stream'));
        const { record, revision, position } = await workspaces.create(body, exchange);
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
        await requireFreeDomains(readModels, exchange.body.settings, id);
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
        const row = await one(exchange);
        const remove = () => workspaces.remove(row.id, exchange);
        const { position } = row.deleted
          ? await remove()
          : await unlessLast(exchange.caller.userId, row.id, remove);
        return { status: 204, position };
      },
    }),
  ];
};
