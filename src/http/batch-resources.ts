// The resources that take batches.
import type { BatchResource } from './batch.js';

export const batchResources: readonly BatchResource[] = [
  { path: '/workspaces', words: { id: 'Workspaces', things: 'workspaces' } },
  { path: '/namespaces', words: { id: 'Namespaces', things: 'namespaces' }, rowsOnly: true },
  {
    path: '/users',
    words: {
      id: 'Users',
      things: 'users',
      note: '`create` makes whoever has the e-mail address a member of the context workspace, as `POST /workspaces/{id}/members` does, with its scope and its answer; `delete` erases.',
    },
    instead: {
      create: {
        method: 'POST',
        path: '/workspaces/:id/members',
        params: ({ workspace }) => ({ id: workspace.id }),
      },
    },
    rowsOnly: true,
  },
  {
    path: '/api-keys',
    words: {
      id: 'ApiKeys',
      things: 'API keys',
      note: 'A new key is shown whole in this answer and nowhere else.',
    },
  },
  {
    path: '/webhooks',
    words: {
      id: 'Webhooks',
      things: 'webhook endpoints',
      note: 'The secret of a new endpoint is in this answer and nowhere else.',
    },
  },
];
