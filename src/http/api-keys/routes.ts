// Endpoints of API keys, and the relations that they can show.
import type { ReadModels, Surely } from '../../adapters/read-models/port.js';
import type { ApiKeyCommands } from '../../commands/api-keys.js';
import type { KeyUses } from '../../commands/key-uses.js';
import { render } from '../../dialects/dialect.js';
import { workspaceViews } from '../../dialects/workspaces.js';
import type { ApiKeyRow } from '../../projections/api-keys.js';
import type { WorkspaceRow } from '../../projections/workspaces.js';
import type { Includes } from '../list-query.js';
import type { Limiter } from '../rate-limit.js';
import type { Route } from '../route.js';
import type { ShowUsers } from '../shown-users.js';
import { apiKeyReads } from './reads.js';
import { apiKeyVerification } from './verify.js';
import { apiKeyWrites } from './writes.js';

const apiKeyIncludes = (readModels: ReadModels, showUsers: ShowUsers): Includes<ApiKeyRow> => ({
  async workspace(rows, { dialect }) {
    const ids = [...new Set(rows.map(({ workspaceId }) => workspaceId))];
    const found = await readModels.find<WorkspaceRow>('workspaces', {
      where: [{ field: 'id', op: 'in', value: ids }],
    });
    const shown = new Map(found.map((row) => [row.id, render(workspaceViews[dialect], row, 'list')]));
    return new Map(rows.map(({ id, workspaceId }) => [id, shown.get(workspaceId)]));
  },
  async user(rows, { dialect }) {
    const users = await showUsers(
      rows.map(({ userId }) => userId),
      dialect,
    );
    return new Map(rows.map(({ id, userId }) => [id, users.get(userId)]));
  },
});

export const apiKeyRoutes = (deps: {
  readModels: ReadModels;
  apiKeys: ApiKeyCommands;
  uses: KeyUses;
  limiter: Limiter;
  surely: Surely;
  showUsers: ShowUsers;
}): Route[] => {
  const includes = apiKeyIncludes(deps.readModels, deps.showUsers);
  return [...apiKeyReads({ ...deps, includes }), ...apiKeyWrites(deps), apiKeyVerification(deps)];
};
