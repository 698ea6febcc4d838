// How each dialect shows a namespace. Owner and workspace are integers in both, as the references show them.
import { publicId } from '../domain/ids.js';
import type { NamespaceRecord } from '../domain/namespaces.js';
import { seconds, type View, type Views } from './dialect.js';

/** A namespace with what its plan is and how much of it is used, where that was looked up: shown as they are. */
export type ShownNamespace = NamespaceRecord & {
  readonly packages?: readonly object[];
  readonly entitlements?: object;
};

const shared: View<ShownNamespace>['fields'] = {
  uuid: ({ id }) => id,
  name: ({ name }) => name,
  slug: ({ slug }) => slug,
  description: ({ description }) => description,
  owner_type: ({ ownerType }) => ownerType,
  owner_id: ({ ownerNumber }) => ownerNumber,
  workspace_id: ({ workspaceNumber }) => workspaceNumber,
  settings: ({ settings }) => settings,
  tags: ({ tags }) => tags,
  metadata: ({ metadata }) => metadata,
  is_default: ({ isDefault }) => isDefault,
  is_active: ({ isActive }) => isActive,
  status: ({ status }) => status,
  packages: ({ packages }) => packages,
  entitlements: ({ entitlements }) => entitlements,
  created_at: ({ createdAt }) => seconds(createdAt),
  updated_at: ({ updatedAt }) => seconds(updatedAt),
};
const placed = ['id', 'uuid', 'name', 'slug', 'owner_type', 'owner_id', 'workspace_id'];
const list = [...placed, 'is_default', 'is_active', 'created_at'];
const single = [
  ...placed,
  'description',
  'settings',
  'is_default',
  'is_active',
  'created_at',
  'updated_at',
  'packages',
  'entitlements',
];
/** Fields whose values come from other streams: webhooks leave them out. */
export const joinedNamespaceFields: readonly string[] = ['packages', 'entitlements'];

const shapes = {
  list,
  single,
  created: single.filter((name) => name !== 'updated_at'),
  told: [...single.filter((name) => !joinedNamespaceFields.includes(name)), 'status'],
};

export const namespaceViews: Views<ShownNamespace> = {
  2026: { fields: { id: ({ number }) => number, ...shared }, ...shapes },
  2024: { fields: { id: ({ id }) => publicId('namespace', id), ...shared }, ...shapes },
};
