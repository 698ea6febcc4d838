// Catalogue of who is there: workspaces, users, API keys, and the names and numbers given out.
import { z } from 'zod';
import { ApiKeyEvent } from './api-key-events.js';
import { area, type EventType, exampleIds, exampleSealed } from './catalogue-area.js';
import { event } from './decider.js';
import { FirstStartEvent } from './first-start.js';
import { type ApiKeysUsed, KeyUseEvent } from './key-uses.js';
import { UserEvent } from './users.js';
import { WorkspaceEvent } from './workspaces.js';

const { workspaceId, userId, apiKeyId, nextApiKeyId } = exampleIds;

/** Names held by one owner at a time (slugs, e-mails, by their hash) and integer ids given out. */
const BookkeepingEvent = z.discriminatedUnion('type', [
  event('NameReserved', { owner: z.uuid() }),
  event('NameReleased', { owner: z.uuid() }),
  event('NumberTaken', {}),
]);
type BookkeepingEvent = z.infer<typeof BookkeepingEvent>;

const workspaces = area<WorkspaceEvent>(WorkspaceEvent, {
  WorkspaceCreated: {
    version: 1,
    category: 'workspace',
    wire: 'workspace.created',
    description: 'A workspace was created.',
    example: {
      workspaceId,
      number: 1,
      name: 'Acme Corporation',
      slug: 'acme-corp',
      tier: 'pro',
      settings: { timezone: 'UTC', locale: 'en_GB' },
      tags: ['client'],
      metadata: { crm: '4711' },
      ownerId: userId,
    },
  },
  WorkspaceUpdated: {
    version: 1,
    category: 'workspace',
    wire: 'workspace.updated',
    description:
      'Fields of a workspace changed, or its `status` did, as its entitlements were suspended or resumed.',
    example: { workspaceId, changes: { name: 'Updated Name', settings: { timezone: 'Europe/London' } } },
  },
  WorkspaceDeleted: {
    version: 1,
    category: 'workspace',
    wire: 'workspace.deleted',
    description: 'A workspace was deleted; its keys and endpoints stopped with it.',
    example: { workspaceId },
  },
  MemberAdded: {
    version: 1,
    category: 'workspace',
    wire: null,
    description: 'A user joined a workspace, or got another role in it.',
    example: { workspaceId, userId, role: 'admin' },
  },
  MemberRemoved: {
    version: 1,
    category: 'workspace',
    wire: null,
    description: 'A user left a workspace.',
    example: { workspaceId, userId },
  },
  WorkspaceSlugWithdrawn: {
    version: 1,
    category: 'workspace',
    wire: null,
    description: 'A reservation of a slug by this workspace was taken over by another one.',
    example: { workspaceId, slug: 'acme-corp', reservation: 0 },
  },
});

const hash = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

const createdKey = {
  apiKeyId,
  workspaceId,
  userId,
  number: 1,
  name: 'Mobile App Key',
  prefix: 'sk_live_abc',
  environment: 'live',
  secretHash: hash,
  scopes: ['posts:read', 'users:read'],
  rateLimitTier: 'pro',
  workspaceTier: 'pro',
  expiresAt: '2027-01-15T10:30:00.000Z',
  isEnabled: true,
  allowedIps: [],
  metadata: {},
  dialect: null,
} as const;
const successor = {
  ...createdKey,
  apiKeyId: nextApiKeyId,
  number: 2,
  prefix: 'sk_live_xyz',
  rotatedFrom: { id: apiKeyId, number: 1 },
};

const apiKeys = area<ApiKeyEvent>(ApiKeyEvent, {
  ApiKeyCreated: {
    version: 1,
    category: 'apiKey',
    wire: 'api_key.created',
    description: 'An API key was created.',
    example: createdKey,
  },
  ApiKeyUpdated: {
    version: 1,
    category: 'apiKey',
    wire: null,
    description: 'Fields of an API key changed.',
    example: { apiKeyId, workspaceId, changes: { name: 'Mobile App', isEnabled: false } },
  },
  ApiKeyRotated: {
    version: 1,
    category: 'apiKey',
    wire: 'api_key.rotated',
    description: 'An API key was replaced by a new one; the old one works until its grace ends.',
    example: { apiKeyId, workspaceId, graceEndsAt: '2026-01-16T10:30:00.000Z', successor },
  },
  ApiKeyCreatedByRotation: {
    version: 1,
    category: 'apiKey',
    wire: null,
    description: 'The record of the new API key after a rotation.',
    example: successor,
  },
  ApiKeyRevoked: {
    version: 1,
    category: 'apiKey',
    wire: 'api_key.revoked',
    description: 'An API key was revoked.',
    example: { apiKeyId, workspaceId },
  },
});

const users = area<UserEvent>(UserEvent, {
  UserCreated: {
    version: 1,
    category: 'user',
    wire: null,
    description: 'A user was created; name and e-mail are sealed with a key of their own.',
    example: { userId, number: 1, name: exampleSealed, email: exampleSealed, emailHash: hash, tier: 'free' },
  },
  UserUpdated: {
    version: 1,
    category: 'user',
    wire: 'user.updated',
    personal: true,
    description: 'A user changed their name or e-mail address.',
    example: { userId, changes: { email: { address: exampleSealed, hash } } },
  },
  UserErased: {
    version: 1,
    category: 'user',
    wire: 'user.deleted',
    description:
      'A user was erased: their key is destroyed, and with it all that was ever stored of their name and addresses.',
    example: { userId },
  },
  UserEmailWithdrawn: {
    version: 1,
    category: 'user',
    wire: null,
    description: 'A reservation of an e-mail address by this user was taken over by another one.',
    example: { userId, emailHash: hash, reservation: 0 },
  },
});

const keyUses = area<ApiKeysUsed>(KeyUseEvent, {
  ApiKeysUsed: {
    version: 1,
    category: 'keyUse',
    wire: null,
    description: 'When API keys were last used: many keys in one event, from time to time.',
    example: { uses: [{ keyId: apiKeyId, at: '2026-01-15T10:30:00.000Z' }] },
  },
});

const bookkeeping = area<BookkeepingEvent>(BookkeepingEvent, {
  NameReserved: {
    version: 1,
    category: 'slug, namespaceSlug, email',
    wire: null,
    description: 'A unique name was reserved by its owner.',
    example: { owner: workspaceId },
  },
  NameReleased: {
    version: 1,
    category: 'slug, namespaceSlug, email',
    wire: null,
    description: 'A unique name is free again.',
    example: { owner: workspaceId },
  },
  NumberTaken: {
    version: 1,
    category: 'sequence',
    wire: null,
    description: 'An integer id was given out: the revision of this event plus one.',
    example: {},
  },
});

const firstStart = area<FirstStartEvent>(FirstStartEvent, {
  FirstStartBegun: {
    version: 1,
    category: 'firstStart',
    wire: null,
    description: 'The first user, workspace and key are being made.',
    example: {},
  },
  FirstStartFinished: {
    version: 1,
    category: 'firstStart',
    wire: null,
    description: 'The first key was shown, or set by the operator.',
    example: { apiKeyId },
  },
});

export const tenancyTypes: readonly EventType[] = [
  workspaces,
  users,
  apiKeys,
  keyUses,
  bookkeeping,
  firstStart,
].flat();
