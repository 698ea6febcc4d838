// The resources that take batches, and how the documentation speaks of each.
import type { BatchResource } from './batch.js';

const times = { created_at: '2026-01-15T10:30:00Z' };

const workspace = { id: 2, name: 'New Workspace', slug: 'new-workspace', tier: 'free', ...times };
const namespace = {
  id: 2,
  uuid: '550e8400-e29b-41d4-a716-446655440000',
  name: 'Client: Acme Corp',
  slug: 'client-acme',
  owner_type: 'Workspace',
  owner_id: 10,
  workspace_id: 10,
  is_default: false,
  is_active: true,
  ...times,
};
const apiKey = {
  id: 2,
  name: 'Mobile App Key',
  scopes: ['posts:read'],
  rate_limit_tier: 'pro',
  expires_at: null,
  ...times,
};
const webhook = {
  id: 2,
  url: 'https://your-app.com/webhooks',
  events: ['post.created'],
  is_active: true,
  ...times,
};

export const batchResources: readonly BatchResource[] = [
  {
    path: '/workspaces',
    words: {
      id: 'Workspaces',
      tag: 'Workspaces',
      things: 'workspaces',
      create: { name: 'New Workspace' },
      update: { name: 'Updated Name' },
      created: workspace,
      updated: { ...workspace, id: 1, name: 'Updated Name' },
      prefixed: 'wks_01kf0d8x2zfyt9hp5g7q3n4c6e',
    },
  },
  {
    path: '/namespaces',
    words: {
      id: 'Namespaces',
      tag: 'Namespaces',
      things: 'namespaces',
      create: { name: 'Client: Acme Corp', slug: 'client-acme' },
      update: { is_active: false },
      created: namespace,
      updated: { ...namespace, id: 1, is_active: false },
      prefixed: 'ns_2n1t201rmv87aaebj4cha46800',
    },
  },
  {
    path: '/api-keys',
    words: {
      id: 'ApiKeys',
      tag: 'API keys',
      things: 'API keys',
      note: 'A new key is shown whole in this answer and nowhere else.',
      create: { name: 'Mobile App Key', scopes: ['posts:read'] },
      update: { name: 'Renamed Key' },
      created: { ...apiKey, key: 'sk_live_abc123def456...' },
      updated: { ...apiKey, id: 1, name: 'Renamed Key' },
      prefixed: 'key_01kf0d8x2zfyt9hp5g7q3n4c6e',
    },
  },
  {
    path: '/webhooks',
    words: {
      id: 'Webhooks',
      tag: 'Webhooks',
      things: 'webhook endpoints',
      note: 'The secret of a new endpoint is in this answer and nowhere else.',
      create: { url: 'https://your-app.com/webhooks', events: ['post.created'] },
      update: { events: ['post.*'] },
      created: { ...webhook, secret: 'whsec_abc123def456...' },
      updated: { ...webhook, id: 1, events: ['post.*'] },
      prefixed: 'wh_01kf0d8x2zfyt9hp5g7q3n4c6e',
    },
  },
];
