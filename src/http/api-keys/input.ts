// What requests about API keys may say: filters and sorting of lists, bodies.
import { z } from 'zod';
import type { Term } from '../../adapters/read-models/port.js';
import { environments, keyDialects } from '../../domain/api-key-events.js';
import { NEVER } from '../../domain/decider.js';
import { isIpRange } from '../../domain/ip-ranges.js';
import { isScope } from '../../domain/scopes.js';
import { tiers } from '../../domain/tiers.js';
import { apiKeyStatusTerms } from '../../projections/api-keys.js';
import { fields } from '../fields.js';
import type { ListSpec } from '../list-query.js';

export const notRevoked: Term = { field: 'revoked', op: 'eq', value: false };
export const spec: ListSpec = {
  sort: {
    id: 'number',
    name: 'name',
    expires_at: 'expiresAt',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
  },
  search: true,
  status: apiKeyStatusTerms,
  withoutStatus: () => [notRevoked],
};

const scope = z
  .string()
  .refine(isScope, 'The :attribute must be a scope such as posts:read, *:read, read or *.')
  .meta({ examples: ['posts:read'] });
const scopes = z.array(scope).max(100);
const allowedIps = z
  .array(z.string().refine(isIpRange, 'The :attribute must be an IP address or a range such as 10.0.0.0/8.'))
  .max(100);
/** null = never. */
const expiresAt = fields.instant
  .nullable()
  .transform((instant) => instant ?? NEVER)
  .meta({ type: ['string', 'null'], format: 'date-time' });
/** `"2024"` or `2024`. */
const dialect = z.union([
  z.enum(keyDialects),
  z.union([z.literal(2024), z.literal(2026)]).transform((year) => (year === 2024 ? '2024' : '2026')),
]);

export const CreateBody = z.strictObject({
  name: fields.name,
  scopes: scopes.default(['read', 'write']),
  rate_limit_tier: z.enum(tiers).optional(),
  expires_at: expiresAt.optional(),
  environment: z.enum(environments).default('live'),
  allowed_ips: allowedIps.default([]),
  metadata: fields.metadata.default({}),
  dialect: dialect.optional(),
});
export const UpdateBody = z.strictObject({
  name: fields.name.optional(),
  scopes: scopes.optional(),
  /** null = that of the workspace. */
  rate_limit_tier: z.enum(tiers).nullable().optional(),
  expires_at: expiresAt.optional(),
  allowed_ips: allowedIps.optional(),
  is_enabled: z.boolean().optional(),
  metadata: fields.metadataPatch.optional(),
  dialect: dialect.nullable().optional(),
});
export const RotateBody = z.strictObject({ grace_period_hours: z.int().min(0).max(168).default(24) });
