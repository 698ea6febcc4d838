// What requests about namespaces may say, and what the documentation says about them.

import { z } from 'zod';
import type { Term } from '../adapters/read-models/port.js';
import { invalid } from '../domain/errors.js';
import { ownerTypes } from '../domain/namespaces.js';
import { pageExample } from './doc-examples.js';
import { fields } from './fields.js';
import { requireKnown } from './list-parameters.js';
import type { ListSpec } from './list-query.js';
import type { RouteDoc } from './route.js';

const statusIs = (value: string) => (): Term[] => [{ field: 'status', op: 'eq', value }];

const ownerTypeIs = (value: string): Term[] => {
  requireKnown('owner_type', [value], ownerTypes);
  return [{ field: 'ownerType', op: 'eq', value }];
};

const flags: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };
const isActiveIs = (text: string): Term[] => {
  const value = Object.hasOwn(flags, text) ? flags[text] : undefined;
  if (value === undefined) throw invalid({ is_active: 'The is_active field must be true or false.' });
  return [{ field: 'isActive', op: 'eq', value }];
};

export const namespaceList: ListSpec = {
  sort: {
    id: 'number',
    name: 'name',
    slug: 'slug',
    owner_type: 'ownerType',
    is_default: 'isDefault',
    is_active: 'isActive',
    status: 'status',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
  },
  search: true,
  status: { active: statusIs('active'), inactive: statusIs('inactive'), suspended: statusIs('suspended') },
  filters: { owner_type: ownerTypeIs, is_active: isActiveIs },
  filterDocs: {
    owner_type: { enum: ownerTypes },
    is_active: { type: 'boolean' },
  },
};

const description = fields.prose(500).nullable();

export const CreateNamespaceBody = z.strictObject({
  name: fields.name,
  slug: fields.slug.optional(),
  description: description.optional(),
  owner_type: z.enum(ownerTypes).default('Workspace'),
  owner_id: fields.reference.optional(),
  workspace_id: fields.reference.nullable().optional(),
  settings: fields.jsonObject.optional(),
  tags: fields.tags.optional(),
  metadata: fields.metadata.optional(),
  is_default: z.boolean().optional(),
  is_active: z.boolean().optional(),
});
export const UpdateNamespaceBody = z.strictObject({
  name: fields.name.optional(),
  slug: fields.slug.optional(),
  description: description.optional(),
  workspace_id: fields.reference.nullable().optional(),
  settings: fields.jsonObject.optional(),
  tags: fields.tags.optional(),
  metadata: fields.metadataPatch.optional(),
  is_default: z.boolean().optional(),
  is_active: z.boolean().optional(),
});

const placed = {
  id: 1,
  uuid: '550e8400-e29b-41d4-a716-446655440000',
  name: 'Client: Acme Corp',
  slug: 'client-acme',
  owner_type: 'Workspace',
  owner_id: 10,
  workspace_id: 10,
};
const state = { is_default: false, is_active: true, created_at: '2026-01-01T00:00:00Z' };
const item = { ...placed, ...state };
const made = { ...placed, description: null, settings: {}, ...state };
const whole = { ...made, updated_at: '2026-01-15T10:30:00Z' };
const plan = {
  packages: [{ id: 'pkg_starter', name: 'Starter Package', expires_at: null }],
  entitlements: {
    storage: { used: 1_024_000_000, limit: 2_147_483_648, unit: 'bytes' },
    api_calls: { used: 1_250, limit: 5_000, reset_at: '2026-02-01T00:00:00Z' },
  },
};
const prefixed = 'ns_2n1t201rmv87aaebj4cha46800';
const tag = 'Namespaces';
const params = { id: 'Namespace id' };
const unreachable = 'The owner or the billing workspace does not exist, or is not reached by the key’s user.';
const notOwner = 'The key’s user reaches the namespace only as a member of the workspace that pays for it.';

/** What may be null. */
const nullable = ['description', 'workspace_id', 'expires_at', 'limit'];

export const namespaceDocs = {
  list: {
    id: 'listNamespaces',
    tag,
    summary: 'List namespaces',
    description:
      'Those that the key’s user owns, and those of all their workspaces. `workspace_id` (or `workspace`) in the query leaves those of that workspace.',
    context: {
      workspace_id: 'Only those of this workspace, by any of its ids; the request is made in it, too.',
      workspace: 'The same by the slug of the workspace.',
    },
    success: {
      nullable,
      status: 200,
      description: 'A page of the namespaces that the key’s user reaches.',
      ...pageExample('/namespaces', [item], [{ ...item, id: prefixed }]),
    },
  },
  get: {
    id: 'getNamespace',
    tag,
    summary: 'Get a namespace',
    params,
    success: {
      nullable,
      status: 200,
      description: 'The namespace, with the packages of its own and what it may use.',
      example: { data: { ...whole, ...plan } },
      example2024: { data: { ...whole, id: prefixed, ...plan } },
    },
  },
  create: {
    id: 'createNamespace',
    tag,
    summary: 'Create a namespace',
    description:
      'Owned by the context workspace, or by the key’s user with `owner_type: User`; an admin of the context workspace may name one of its members. `workspace_id` is the workspace that pays; without it the owning workspace does. A slug is unique among the namespaces of one owner; without one it is made from the name. Each owner has one default at most: a new one takes its place.',
    requestExample: { name: 'Client: Acme Corp', slug: 'client-acme' },
    success: {
      nullable,
      status: 201,
      description: 'The new namespace.',
      example: { message: 'Namespace created successfully.', data: made },
      example2024: { data: { ...made, id: prefixed } },
    },
    refusals: {
      403: 'Only an admin may make a namespace for another member.',
      404: unreachable,
    },
  },
  update: {
    id: 'updateNamespace',
    tag,
    summary: 'Update a namespace',
    description:
      '`settings` and `metadata` merge by key; null removes a key of `metadata`. `workspace_id: null` leaves paying to the owner. The owner stays who it is. A workspace that pays for a namespace of somebody else may end that: its owners and admins send `workspace_id: null` and nothing more, and no longer reach it then.',
    params,
    requestExample: { name: 'Client: Acme', is_active: false },
    success: {
      nullable,
      status: 200,
      description: 'The namespace after the change.',
      example: { message: 'Namespace updated successfully.', data: { ...whole, name: 'Client: Acme' } },
      example2024: { data: { ...whole, id: prefixed, name: 'Client: Acme' } },
    },
    refusals: { 403: notOwner },
  },
  remove: {
    id: 'deleteNamespace',
    tag,
    summary: 'Delete a namespace',
    description: 'History is kept; the slug is free again. A namespace also ends with its owner.',
    params,
    success: { status: 204, description: 'Gone.' },
    refusals: { 403: notOwner },
  },
} satisfies Record<string, RouteDoc>;
