// Endpoints of namespaces.
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { NamespaceAnswer, NamespaceCommands } from '../commands/namespaces.js';
import { created, updated } from '../dialects/envelopes.js';
import { joinedNamespaceFields, namespaceViews, type ShownNamespace } from '../dialects/namespaces.js';
import type { NamespaceRow } from '../projections/namespaces.js';
import { listAnswer, listQuery, singleAnswer, singleQuery } from './list-query.js';
import { leavingPayer, namespaceOfPath, reachableNamespaces, requireOwner } from './namespace-access.js';
import { CreateNamespaceBody, namespaceDocs, namespaceList, UpdateNamespaceBody } from './namespace-forms.js';
import { type NamespaceHoldings, namespaceIncludes } from './namespace-includes.js';
import { partiesOf, reachedWorkspace } from './namespace-parties.js';
import { type Answer, type Exchange, type Route, route } from './route.js';
import { shownNames } from './shown-names.js';
import type { ShowUsers } from './shown-users.js';

/** Without `holdings` neither `packages` nor `entitlements` are shown. */
export const namespaceRoutes = (deps: {
  readModels: ReadModels;
  namespaces: NamespaceCommands;
  showUsers: ShowUsers;
  holdings?: NamespaceHoldings;
}): Route[] => {
  const { readModels, namespaces, holdings } = deps;
  const includes = namespaceIncludes(deps);

  const withHoldings = async (
    rows: readonly NamespaceRow[],
    exchange: Exchange<unknown, unknown>,
  ): Promise<ShownNamespace[]> => {
    const held = await holdings?.(rows, exchange);
    return rows.map((row) => ({ ...row, ...held?.get(row.id) }));
  };

  const changed = (
    { dialect }: Exchange<unknown, unknown>,
    { record, revision, position }: NamespaceAnswer,
  ): Answer => ({
    status: 200,
    body: updated(dialect, 'Namespace', namespaceViews, record),
    revision,
    position,
  });

  return [
    route({
      method: 'GET',
      path: '/namespaces',
      scope: 'namespaces:read',
      query: listQuery(namespaceList),
      shows: shownNames(namespaceViews, 'list', includes),
      doc: namespaceDocs.list,
      handle: async (exchange) => {
        const { caller, search, workspace, query } = exchange;
        // The context's parameter in the query is this list's filter too; the header says only where one works.
        const ofOne: Term[] =
          search.has('workspace_id') || search.has('workspace')
            ? [{ field: 'workspaceId', op: 'eq', value: workspace.id }]
            : [];
        const asksFor = query.fields?.some((name) => joinedNamespaceFields.includes(name)) ?? false;
        return listAnswer<NamespaceRow, ShownNamespace>(exchange, {
          readModels,
          model: 'namespaces',
          where: [await reachableNamespaces(readModels, caller.userId), ...ofOne],
          spec: namespaceList,
          views: namespaceViews,
          includes,
          ...(asksFor ? { join: (rows: readonly NamespaceRow[]) => withHoldings(rows, exchange) } : {}),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/namespaces/:id',
      scope: 'namespaces:read',
      query: singleQuery,
      shows: shownNames(namespaceViews, 'single', includes),
      doc: namespaceDocs.get,
      handle: async (exchange) => {
        const { row } = await namespaceOfPath(readModels, exchange);
        const [record] = holdings ? await withHoldings([row], exchange) : [];
        return singleAnswer<NamespaceRow, ShownNamespace>(exchange, {
          row,
          views: namespaceViews,
          includes,
          ...(record ? { record } : {}),
        });
      },
    }),
    route({
      method: 'POST',
      path: '/namespaces',
      scope: 'namespaces:write',
      body: CreateNamespaceBody,
      doc: namespaceDocs.create,
      handle: async (exchange) => {
        const { body, dialect } = exchange;
        const { owner_type, owner_id, workspace_id, is_default, is_active, ...plain } = body;
        const input = async () => ({
          ...plain,
          ...(await partiesOf(readModels, exchange, { owner_type, owner_id, workspace_id })),
          isDefault: is_default,
          isActive: is_active,
        });
        const { record, revision, position } = await namespaces.create(input, exchange);
        return {
          status: 201,
          body: created(dialect, 'Namespace', namespaceViews, record),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'PATCH',
      path: '/namespaces/:id',
      scope: 'namespaces:write',
      body: UpdateNamespaceBody,
      doc: namespaceDocs.update,
      handle: async (exchange) => {
        const reached = await namespaceOfPath(readModels, exchange);
        const leaving = leavingPayer(reached, exchange, exchange.body);
        if (leaving)
          return changed(exchange, await namespaces.stopBilling(reached.row.id, leaving.id, exchange));
        const { id } = requireOwner(reached, exchange);
        const { workspace_id: payer, is_default: isDefault, is_active: isActive, ...plain } = exchange.body;
        const changes = async () => ({
          ...plain,
          isDefault,
          isActive,
          billing: payer == null ? payer : await reachedWorkspace(readModels, exchange, payer),
        });
        return changed(exchange, await namespaces.update(id, changes, exchange));
      },
    }),
    route({
      method: 'DELETE',
      path: '/namespaces/:id',
      scope: 'namespaces:delete',
      doc: namespaceDocs.remove,
      handle: async (exchange) => {
        const { id } = requireOwner(await namespaceOfPath(readModels, exchange), exchange);
        const { position } = await namespaces.remove(id, exchange);
        return { status: 204, position };
      },
    }),
  ];
};
