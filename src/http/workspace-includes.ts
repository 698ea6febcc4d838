// What `include` can show of a workspace besides itself.
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { Includes } from './list-query.js';
import type { ShowUsers } from './users.js';

/** Relations of workspaces. */
export const workspaceIncludes = (showUsers: ShowUsers): Includes<WorkspaceRow> => ({
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
      members.map(({ userId, role }) => ({ ...users.get(userId), role }));
    return new Map(rows.map((row) => [row.id, shown(row)]));
  },
  tags: async (rows) => new Map(rows.map(({ id, tags }) => [id, tags])),
  metadata: async (rows) => new Map(rows.map(({ id, metadata }) => [id, metadata])),
});
