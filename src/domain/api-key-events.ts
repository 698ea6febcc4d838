// What the log holds about API keys: never a key itself, only its hash and first characters.
import { z } from 'zod';
import { event, Instant } from './decider.js';
import { tiers } from './tiers.js';

export const environments = ['live', 'test'] as const;
export type Environment = (typeof environments)[number];
export const keyDialects = ['2026', '2024'] as const;
export type KeyDialect = (typeof keyDialects)[number];
const texts = z.array(z.string()).readonly();
const target = { apiKeyId: z.uuid(), workspaceId: z.uuid() };
const tier = z.enum(tiers).nullable(); // null = that of the workspace, whatever it becomes
const created = {
  ...target,
  userId: z.uuid(),
  number: z.int(),
  name: z.string(),
  /** The first 11 characters of the key: all of it that can be read again. */
  prefix: z.string(),
  environment: z.enum(environments),
  /** SHA-256 of the whole key, hex. */
  secretHash: z.string(),
  scopes: texts,
  rateLimitTier: tier,
  /** Tier of the workspace then, so that what is sent about this event can name one. */
  workspaceTier: z.enum(tiers),
  expiresAt: Instant,
  isEnabled: z.boolean(),
  allowedIps: texts,
  metadata: z.record(z.string(), z.string()),
  dialect: z.enum(keyDialects).nullable(),
};
/** The key before it, by both its ids. */
const successor = { ...created, rotatedFrom: z.object({ id: z.uuid(), number: z.int() }) };
const changes = z.object({
  name: z.string().optional(),
  scopes: texts.optional(),
  rateLimitTier: tier.optional(),
  expiresAt: Instant.optional(),
  isEnabled: z.boolean().optional(),
  allowedIps: texts.optional(),
  metadata: z.record(z.string(), z.string().nullable()).optional(),
  dialect: z.enum(keyDialects).nullable().optional(),
});

export const ApiKeyEvent = z.discriminatedUnion('type', [
  event('ApiKeyCreated', created),
  // Holds only what differs.
  event('ApiKeyUpdated', { ...target, changes }),
  // On the old key's stream, and the one thing that commits a rotation: it holds the whole successor.
  event('ApiKeyRotated', { ...target, graceEndsAt: Instant, successor: z.object(successor) }),
  event('ApiKeyCreatedByRotation', successor),
  event('ApiKeyRevoked', target),
]);
export type ApiKeyEvent = z.infer<typeof ApiKeyEvent>;
export type ApiKeyChanges = z.infer<typeof changes>;
export type ApiKeyCreated = Extract<ApiKeyEvent, { type: 'ApiKeyCreated' }>['data'];
export type ApiKeySuccessor = Extract<ApiKeyEvent, { type: 'ApiKeyCreatedByRotation' }>['data'];
