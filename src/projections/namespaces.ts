// The read model behind GET /namespaces.
import type { Row } from '../adapters/read-models/port.js';
import { type Namespace, NamespaceEvent, type NamespaceRecord, namespace } from '../domain/namespaces.js';
import { shared } from './fields.js';
import { type Projection, recordProjection, searchText, typesOf } from './projection.js';

/**
 * `reach` names whoever reaches it: the owner (a user or a workspace) and the billing workspace, whose members all do.
 * `billingId` repeats the billing workspace where it is said expressly.
 */
export type NamespaceRow = Row &
  NamespaceRecord & {
    readonly reach: readonly string[];
    readonly billingId: string | null;
    readonly search: string;
  };

export const namespaces: Projection<NamespaceRow> = recordProjection<Namespace, NamespaceRow>({
  name: 'namespaces',
  version: 2,
  holds: 'A namespace of a user or a workspace.',
  fields: {
    number: shared.number,
    name: ['text', 'Its name.'],
    slug: ['text', 'Its name in addresses; no two namespaces of one owner have the same.'],
    description: ['text?', 'What it is for.'],
    ownerType: ['text', '`User` or `Workspace`.'],
    ownerId: ['uuid', 'The user or workspace that owns it.'],
    ownerNumber: ['integer', 'The owner’s integer id.'],
    billing: ['object?', '`{id, number}` of the workspace that pays, where that is said expressly.'],
    billingId: ['uuid?', 'The `id` in `billing`.'],
    workspaceId: ['uuid?', 'The workspace that it belongs to: the one that pays, else the one that owns it.'],
    workspaceNumber: ['integer?', 'The integer id of that workspace.'],
    settings: ['object', 'Its settings.'],
    tags: ['text[]', 'Its tags.'],
    metadata: shared.metadata,
    isDefault: ['boolean', 'Whether it is its owner’s default.'],
    defaultSince: ['instant?', 'Since when it is.'],
    isActive: ['boolean', 'Whether it is active.'],
    isSuspended: ['boolean', 'Whether its entitlements are suspended.'],
    status: ['text', '`active`, `inactive`, or `suspended` while its entitlements are.'],
    reach: ['uuid[]', 'The user or the workspaces whose members reach it.'],
    search: shared.search,
    createdAt: shared.createdAt,
    updatedAt: shared.updatedAt,
  },
  indexes: ['number', 'reach', 'ownerId', 'billingId', 'workspaceId'],
  events: typesOf(NamespaceEvent),
  evolve: namespace.evolve,
  toState: (record) => (record ? { record, deleted: false, withdrawn: {} } : namespace.initialState),
  toRow: ({ record, deleted }) => {
    if (deleted) return null;
    if (!record) return undefined;
    const { ownerId, workspaceId, billing, name, slug } = record;
    return {
      ...record,
      reach: workspaceId === null || workspaceId === ownerId ? [ownerId] : [ownerId, workspaceId],
      billingId: billing?.id ?? null,
      search: searchText(name, slug),
    };
  },
});
