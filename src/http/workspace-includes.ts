// What `include` can show of a workspace besides itself.
import type { ReadModels } from '../adapters/read-models/port.js';
import { render, seconds } from '../dialects/dialect.js';
import { namespaceViews } from '../dialects/namespaces.js';
import type { NamespaceRow } from '../projections/namespaces.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { Includes } from './list-query.js';
import type { ShowUsers } from './shown-users.js';

/** Namespaces shown of one workspace at most; `GET /namespaces?workspace_id=` has them all. */
const MOST_NAMESPACES = 100;

/** Relations of workspaces. */
export const workspaceIncludes = (readModels: ReadModels, showUsers: ShowUsers): Includes<WorkspaceRow> => ({
  async owner(rows, { dialect }) {
    const owners = new Map(
      rows.map(({ id, members }) => [id, members.find(({ role }) => role === 'owner')?.userId ?? '']),
    );
    const users = await showUsers([...owners.values()], dialect);
    return new Map(rows.map(({ id }) => [id, users.get(owners.get(id) ?? '') ?? null]));
  },
  async members(rows, { dialect }) {
    const users = await showUsers(
      rows.flatMap(({ memberIds }) => memberIds),
      dialect,
    );
    const shown = ({ members }: WorkspaceRow) =>
      members.map(({ userId, role, since }) => ({ ...users.get(userId), role, joined_at: seconds(since) }));
    return new Map(rows.map((row) => [row.id, shown(row)]));
  },
  async namespaces(rows, { dialect }) {
    const first = async ({ id }: WorkspaceRow) => {
      const found = await readModels.find<NamespaceRow>('namespaces', {
        where: [{ field: 'workspaceId', op: 'eq', value: id }],
        sort: [['number', 'asc']],
        limit: MOST_NAMESPACES,
      });
      return [id, found.map((row) => render(namespaceViews[dialect], row, 'list'))] as const;
    };
    return new Map(await Promise.all(rows.map(first)));
  },
  tags: async (rows) => new Map(rows.map(({ id, tags }) => [id, tags])),
  metadata: async (rows) => new Map(rows.map(({ id, metadata }) => [id, metadata])),
});
