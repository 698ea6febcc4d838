// What can happen to an API key, and why a command is refused. Pure; only the hash of a key is ever known here.
import type {
  ApiKeyChanges,
  ApiKeyCreated,
  ApiKeyEvent,
  ApiKeySuccessor,
  Environment,
  KeyDialect,
} from './api-key-events.js';
import { type Decider, NEVER } from './decider.js';
import { DomainError, invalid, notFound } from './errors.js';
import { differing, merged, requireFewKeys } from './merging.js';
import { holds } from './scopes.js';
import type { Tier } from './tiers.js';

export const apiKeyStatuses = ['active', 'rotating', 'disabled', 'expired', 'revoked'] as const;
export type ApiKeyStatus = (typeof apiKeyStatuses)[number];

/** `held` = scopes of the key that asks: it can give away only those. `now` is an ISO instant with ms. */
export type ApiKeyCommand =
  | { type: 'CreateApiKey'; data: ApiKeyCreated; held: readonly string[]; now: string }
  | { type: 'UpdateApiKey'; changes: ApiKeyChanges; held: readonly string[]; now: string }
  | {
      type: 'RotateApiKey';
      successor: Pick<
        ApiKeySuccessor,
        'apiKeyId' | 'number' | 'userId' | 'prefix' | 'secretHash' | 'workspaceTier'
      >;
      graceEndsAt: string;
      held: readonly string[];
      now: string;
    }
  | { type: 'FinishRotation'; data: ApiKeySuccessor }
  | { type: 'RevokeApiKey' };

/** UUID and integer id. */
export type ApiKeyIds = { readonly id: string; readonly number: number };

/** The whole record, as folded from its stream. Instants are NEVER where there is no end. */
export type ApiKeyRecord = {
  readonly id: string;
  readonly number: number;
  readonly workspaceId: string;
  readonly userId: string;
  readonly name: string;
  readonly prefix: string;
  readonly environment: Environment;
  readonly secretHash: string;
  readonly scopes: readonly string[];
  readonly rateLimitTier: Tier | null;
  readonly workspaceTier: Tier;
  readonly expiresAt: string;
  readonly graceEndsAt: string;
  /** The earlier of the two: from then on the key does not authenticate. */
  readonly endsAt: string;
  readonly isEnabled: boolean;
  readonly revoked: boolean;
  readonly allowedIps: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly dialect: KeyDialect | null;
  /** The key that this one replaced, and the one that replaced it. */
  readonly rotatedFrom: ApiKeyIds | null;
  readonly rotatedTo: ApiKeyIds | null;
  readonly createdAt: string;
  readonly updatedAt: string;
};
export type ApiKey = { readonly record?: ApiKeyRecord };

/** What a key is at an instant: the first of revoked, expired, disabled, rotating, active that holds. */
export const apiKeyStatus = (
  {
    revoked,
    endsAt,
    isEnabled,
    graceEndsAt,
  }: Pick<ApiKeyRecord, 'revoked' | 'endsAt' | 'isEnabled' | 'graceEndsAt'>,
  now: string,
): ApiKeyStatus => {
  if (revoked) return 'revoked';
  if (endsAt <= now) return 'expired';
  if (!isEnabled) return 'disabled';
  return graceEndsAt === NEVER ? 'active' : 'rotating';
};

const earlier = (left: string, right: string): string => (left < right ? left : right);

/** A key gives away only what it holds: else it could make itself a stronger one. */
const requireHeld = (held: readonly string[], wanted: readonly string[]): void => {
  const missing = wanted.find((scope) => !holds(held, scope));
  if (missing !== undefined)
    throw new DomainError('access_denied', `Insufficient permissions. Required scope: ${missing}`, {
      required_scope: missing,
    });
};

const requireFuture = (expiresAt: string | undefined, now: string): void => {
  if (expiresAt !== undefined && expiresAt <= now)
    throw invalid({ expires_at: 'The expires_at must be a date after now.' });
};

const update = (
  record: ApiKeyRecord,
  { changes: wanted, held, now }: Extract<ApiKeyCommand, { type: 'UpdateApiKey' }>,
): ApiKeyEvent[] => {
  const changed = differing(record, wanted);
  requireHeld(held, changed.scopes ?? []);
  requireFuture(changed.expiresAt, now);
  if (Object.keys(changed).length === 0) return [];
  requireFewKeys(merged(record.metadata, changed.metadata ?? {}));
  return [
    {
      type: 'ApiKeyUpdated',
      data: { apiKeyId: record.id, workspaceId: record.workspaceId, changes: changed },
    },
  ];
};

/** The successor carries what the key was, under another identity and secret. */
const rotate = (
  record: ApiKeyRecord,
  { successor: fresh, graceEndsAt, held, now }: Extract<ApiKeyCommand, { type: 'RotateApiKey' }>,
): ApiKeyEvent[] => {
  if (record.rotatedTo !== null)
    throw new DomainError('rotation_in_progress', 'This API key has already been rotated.');
  if (record.expiresAt <= now)
    throw new DomainError('conflict', 'This API key has expired. Set a later expires_at before rotating it.');
  requireHeld(held, record.scopes);
  const { workspaceId, name, environment, scopes, rateLimitTier, expiresAt, isEnabled } = record;
  const { allowedIps, metadata, dialect, id, number } = record;
  const carried = { workspaceId, name, environment, scopes, rateLimitTier, expiresAt, isEnabled };
  const successor = { ...carried, allowedIps, metadata, dialect, rotatedFrom: { id, number }, ...fresh };
  return [{ type: 'ApiKeyRotated', data: { apiKeyId: id, workspaceId, graceEndsAt, successor } }];
};

const born = (
  { apiKeyId: id, ...fields }: ApiKeyCreated & { rotatedFrom?: ApiKeyIds },
  at: string,
): ApiKeyRecord => ({
  rotatedFrom: null,
  ...fields,
  id,
  graceEndsAt: NEVER,
  endsAt: fields.expiresAt,
  revoked: false,
  rotatedTo: null,
  createdAt: at,
  updatedAt: at,
});

export const apiKey: Decider<ApiKey, ApiKeyCommand, ApiKeyEvent> = {
  initialState: {},

  decide(command, { record }) {
    if (command.type === 'CreateApiKey') {
      if (record) throw new DomainError('conflict', 'This API key already exists.');
      requireHeld(command.held, command.data.scopes);
      requireFuture(command.data.expiresAt, command.now);
      return [{ type: 'ApiKeyCreated', data: command.data }];
    }
    if (command.type === 'FinishRotation')
      return record ? [] : [{ type: 'ApiKeyCreatedByRotation', data: command.data }];
    if (!record || record.revoked) throw notFound();
    switch (command.type) {
      case 'UpdateApiKey':
        return update(record, command);
      case 'RotateApiKey':
        return rotate(record, command);
      case 'RevokeApiKey':
        return [{ type: 'ApiKeyRevoked', data: { apiKeyId: record.id, workspaceId: record.workspaceId } }];
    }
  },

  evolve(state, { type, data, metadata: { at } }) {
    if (type === 'ApiKeyCreated' || type === 'ApiKeyCreatedByRotation') return { record: born(data, at) };
    const { record } = state;
    if (!record) return state;
    switch (type) {
      case 'ApiKeyUpdated': {
        const { metadata, ...plain } = data.changes;
        const set = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
        const next: ApiKeyRecord = { ...record, ...(set as Partial<ApiKeyRecord>), updatedAt: at };
        const endsAt = earlier(next.expiresAt, next.graceEndsAt);
        return {
          record: { ...next, endsAt, ...(metadata ? { metadata: merged(record.metadata, metadata) } : {}) },
        };
      }
      case 'ApiKeyRotated': {
        const { graceEndsAt, successor: next } = data;
        const endsAt = earlier(record.expiresAt, graceEndsAt);
        const rotatedTo = { id: next.apiKeyId, number: next.number };
        return { record: { ...record, graceEndsAt, endsAt, rotatedTo, updatedAt: at } };
      }
      case 'ApiKeyRevoked':
        return { record: { ...record, revoked: true, updatedAt: at } };
    }
  },
};
