// What requests about workspaces may say, and what the documentation says about them.

import { z } from 'zod';
import type { JsonObject } from '../domain/decider.js';
import { domainOf, MAX_DOMAINS } from '../domain/pixel.js';
import { tiers } from '../domain/tiers.js';
import { pageExample } from './doc-examples.js';
import { fields } from './fields.js';
import type { ListSpec } from './list-query.js';
import type { RouteDoc } from './route.js';

const statusIs = (value: string) => () => [{ field: 'status', op: 'eq', value } as const];

export const workspaceList: ListSpec = {
  sort: {
    id: 'number',
    name: 'name',
    slug: 'slug',
    tier: 'tier',
    status: 'status',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
  },
  search: true,
  status: { active: statusIs('active'), inactive: statusIs('inactive'), suspended: statusIs('suspended') },
};

const domain = z
  .string()
  .refine(
    (text) => domainOf(text) !== undefined,
    'The :attribute must be a domain such as example.com, without scheme, port and path.',
  );
/** Free-form, but for the settings that the product itself knows. */
const settingsField = z
  .looseObject({
    timezone: z.string().optional(),
    locale: z.string().optional(),
    domains: z
      .array(domain)
      .max(MAX_DOMAINS)
      .optional()
      .meta({ description: 'Domains whose pages report to this workspace.', examples: [['example.com']] }),
    pixel: z.strictObject({ enabled: z.boolean().optional() }).optional(),
  })
  .refine(...fields.smallJson)
  .transform((settings) => settings as JsonObject);

export const CreateWorkspaceBody = z.strictObject({
  name: fields.name,
  slug: fields.slug.optional(),
  tier: z.enum(tiers).default('free'),
  settings: settingsField.optional(),
  tags: fields.tags.optional(),
  metadata: fields.metadata.optional(),
});
export const UpdateWorkspaceBody = z.strictObject({
  name: fields.name.optional(),
  slug: fields.slug.optional(),
  tier: z.enum(tiers).optional(),
  settings: settingsField.optional(),
  tags: fields.tags.optional(),
  metadata: fields.metadataPatch.optional(),
});

const item = {
  id: 1,
  name: 'Acme Corporation',
  slug: 'acme-corp',
  tier: 'business',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-15T10:30:00Z',
};
const prefixed = 'wks_01kf0d8x2zfyt9hp5g7q3n4c6e';
const settings = { timezone: 'UTC', locale: 'en_GB' };
const whole = { ...item, settings };
const tag = 'Workspaces';
const params = { id: 'Workspace id' };

export const workspaceDocs = {
  list: {
    id: 'listWorkspaces',
    tag,
    summary: 'List workspaces',
    success: {
      status: 200,
      description: 'A page of the workspaces that the key’s user belongs to.',
      ...pageExample('/workspaces', [item], [{ ...item, id: prefixed }]),
    },
  },
  get: {
    id: 'getWorkspace',
    tag,
    summary: 'Get a workspace',
    description: '`fields=pixel_key` shows the key of its pixel.',
    params,
    success: {
      status: 200,
      description: 'The workspace.',
      example: { data: whole },
      example2024: { data: { ...whole, id: prefixed } },
    },
  },
  create: {
    id: 'createWorkspace',
    tag,
    summary: 'Create a workspace',
    description:
      'Without a slug one is made from the name. A tier above that of the key’s own workspace needs the scope `entitlements:manage`.',
    requestExample: { name: 'New Workspace', slug: 'new-workspace', tier: 'pro' },
    success: {
      status: 201,
      description: 'The new workspace; the key’s user is its owner.',
      example: {
        message: 'Workspace created successfully.',
        data: {
          id: 2,
          name: 'New Workspace',
          slug: 'new-workspace',
          tier: 'pro',
          created_at: '2026-01-15T10:30:00Z',
        },
      },
      example2024: {
        data: { ...whole, id: prefixed, name: 'New Workspace', slug: 'new-workspace', tier: 'pro' },
      },
    },
  },
  update: {
    id: 'updateWorkspace',
    tag,
    summary: 'Update a workspace',
    description:
      '`settings` and `metadata` merge by key; null removes a key of `metadata`. Needs the role owner or admin.',
    params,
    requestExample: { name: 'Updated Name', settings: { timezone: 'Europe/London' } },
    success: {
      status: 200,
      description: 'The workspace after the change.',
      example: {
        message: 'Workspace updated successfully.',
        data: { ...whole, name: 'Updated Name', settings: { ...settings, timezone: 'Europe/London' } },
      },
      example2024: { data: { ...whole, id: prefixed, name: 'Updated Name' } },
    },
  },
  remove: {
    id: 'deleteWorkspace',
    tag,
    summary: 'Delete a workspace',
    description: 'Needs the role owner. History is kept; the slug is free again.',
    params,
    success: { status: 204, description: 'Gone; its keys and webhook endpoints stop with it.' },
    refusals: { 422: 'It is the only workspace of the key’s user (`cannot_delete`).' },
  },
} satisfies Record<string, RouteDoc>;
