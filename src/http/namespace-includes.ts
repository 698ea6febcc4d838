// What `include` can show of a namespace besides itself.
import type { ReadModels } from '../adapters/read-models/port.js';
import { render } from '../dialects/dialect.js';
import { workspaceViews } from '../dialects/workspaces.js';
import type { NamespaceRow } from '../projections/namespaces.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { Includes } from './list-query.js';
import type { Exchange } from './route.js';
import type { ShowUsers } from './shown-users.js';

/** What the plans of namespaces are and how much of them is used, as shown: by the id of the row. */
export type NamespaceHoldings = (
  rows: readonly NamespaceRow[],
  exchange: Exchange<unknown, unknown>,
) => Promise<ReadonlyMap<string, { readonly packages: readonly object[]; readonly entitlements: object }>>;

type Asked = Pick<Exchange<unknown, unknown>, 'caller' | 'dialect'>;

/** Relations of namespaces. A workspace is shown to its members alone: whoever else reaches the namespace gets null. */
export const namespaceIncludes = (deps: {
  readModels: ReadModels;
  showUsers: ShowUsers;
  holdings?: NamespaceHoldings | undefined;
}): Includes<NamespaceRow> => {
  const { readModels, showUsers, holdings } = deps;

  const showWorkspaces = async (ids: readonly (string | null)[], { caller, dialect }: Asked) => {
    const rows = await readModels.find<WorkspaceRow>('workspaces', {
      where: [
        { field: 'id', op: 'in', value: [...new Set(ids)] },
        { field: 'memberIds', op: 'eq', value: caller.userId },
      ],
    });
    return new Map(rows.map((row) => [row.id, render(workspaceViews[dialect], row, 'list')]));
  };
  const held = (field: 'packages' | 'entitlements') =>
    holdings && {
      [field]: async (rows: readonly NamespaceRow[], exchange: Exchange<unknown, unknown>) => {
        const found = await holdings(rows, exchange);
        return new Map(rows.map(({ id }) => [id, found.get(id)?.[field]]));
      },
    };

  return {
    async owner(rows, exchange) {
      const ids = (type: string) =>
        rows.filter(({ ownerType }) => ownerType === type).map(({ ownerId }) => ownerId);
      const [users, workspaces] = await Promise.all([
        showUsers(ids('User'), exchange.dialect),
        showWorkspaces(ids('Workspace'), exchange),
      ]);
      return new Map(rows.map(({ id, ownerId }) => [id, users.get(ownerId) ?? workspaces.get(ownerId)]));
    },
    async workspace(rows, exchange) {
      const found = await showWorkspaces(
        rows.map(({ workspaceId }) => workspaceId),
        exchange,
      );
      return new Map(rows.map(({ id, workspaceId }) => [id, found.get(workspaceId ?? '')]));
    },
    tags: async (rows) => new Map(rows.map(({ id, tags }) => [id, tags])),
    metadata: async (rows) => new Map(rows.map(({ id, metadata }) => [id, metadata])),
    ...held('packages'),
    ...held('entitlements'),
  };
};
