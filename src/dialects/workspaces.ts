// How each dialect shows a workspace.
import { publicId } from '../domain/ids.js';
import type { WorkspaceRecord } from '../domain/workspaces.js';
import { seconds, type View, type Views } from './dialect.js';

const shared: View<WorkspaceRecord>['fields'] = {
  name: ({ name }) => name,
  slug: ({ slug }) => slug,
  tier: ({ tier }) => tier,
  status: ({ status }) => status,
  settings: ({ settings }) => settings,
  tags: ({ tags }) => tags,
  metadata: ({ metadata }) => metadata,
  pixel_key: ({ id }) => publicId('pixel', id),
  created_at: ({ createdAt }) => seconds(createdAt),
  updated_at: ({ updatedAt }) => seconds(updatedAt),
};
const list = ['id', 'name', 'slug', 'tier', 'created_at', 'updated_at'];
const single = ['id', 'name', 'slug', 'tier', 'settings', 'created_at', 'updated_at'];
/** A change of the status is told of as one of any other field. */
const told = [...single, 'status'];

export const workspaceViews: Views<WorkspaceRecord> = {
  2026: {
    fields: { id: ({ number }) => number, ...shared },
    list,
    single,
    told,
    created: ['id', 'name', 'slug', 'tier', 'created_at'],
  },
  2024: {
    fields: { id: ({ id }) => publicId('workspace', id), ...shared },
    list,
    single,
    told,
    created: single,
  },
};
