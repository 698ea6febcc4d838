// How each dialect shows an API key. The key itself is shown once, where it was just made.
import type { ApiKeyEvent } from '../domain/api-key-events.js';
import { type ApiKeyIds, type ApiKeyRecord, type ApiKeyStatus, apiKeyStatus } from '../domain/api-keys.js';
import { publicId } from '../domain/ids.js';
import type { Tier } from '../domain/tiers.js';
import { type Dialect, render, seconds, secondsOrNull, type View, type Views } from './dialect.js';
import { told } from './envelopes.js';

/** A key with what comes from elsewhere: its workspace's tier, its last use, and the time. */
export type ShownApiKey = ApiKeyRecord & {
  readonly tier: Tier;
  readonly lastUsedAt: string | null;
  readonly status: ApiKeyStatus;
};

/** `workspaceTier` counts where the key has no tier of its own; `now` is an ISO instant with ms. */
export const shownApiKey = (
  record: ApiKeyRecord,
  { workspaceTier, lastUsedAt, now }: { workspaceTier: Tier; lastUsedAt: string | undefined; now: string },
): ShownApiKey => ({
  ...record,
  tier: record.rateLimitTier ?? workspaceTier,
  lastUsedAt: lastUsedAt ?? null,
  status: apiKeyStatus(record, now),
});

const fieldsOf = (
  idOf: (ids: ApiKeyIds) => number | string,
  prefixLength: number,
): View<ShownApiKey>['fields'] => ({
  id: idOf,
  name: ({ name }) => name,
  prefix: ({ prefix }) => prefix.slice(0, prefixLength),
  scopes: ({ scopes }) => scopes,
  rate_limit_tier: ({ tier }) => tier,
  last_used_at: ({ lastUsedAt }) => secondsOrNull(lastUsedAt),
  expires_at: ({ expiresAt }) => secondsOrNull(expiresAt),
  created_at: ({ createdAt }) => seconds(createdAt),
  updated_at: ({ updatedAt }) => seconds(updatedAt),
  status: ({ status }) => status,
  environment: ({ environment }) => environment,
  is_enabled: ({ isEnabled }) => isEnabled,
  allowed_ips: ({ allowedIps }) => allowedIps,
  metadata: ({ metadata }) => metadata,
  dialect: ({ dialect }) => dialect,
  grace_period_ends_at: ({ graceEndsAt }) => secondsOrNull(graceEndsAt),
  rotated_from: ({ rotatedFrom }) => rotatedFrom && idOf(rotatedFrom),
  rotated_to: ({ rotatedTo }) => rotatedTo && idOf(rotatedTo),
});
const whole = [
  'id',
  'name',
  'prefix',
  'scopes',
  'rate_limit_tier',
  'last_used_at',
  'expires_at',
  'created_at',
];
const whole2024 = [
  'id',
  'name',
  'prefix',
  'last_used_at',
  'expires_at',
  'scopes',
  'rate_limit_tier',
  'created_at',
];

export const apiKeyViews: Views<ShownApiKey> = {
  2026: {
    fields: fieldsOf(({ number }) => number, 11),
    list: whole,
    single: whole,
    created: ['id', 'name', 'scopes', 'rate_limit_tier', 'expires_at', 'created_at'],
  },
  2024: {
    fields: fieldsOf(({ id }) => publicId('apiKey', id), 8),
    list: whole2024,
    single: whole2024,
    created: ['id', 'name', 'scopes', 'created_at'],
  },
};

/** The key stands after its name. */
const withSecret = (shown: Record<string, unknown>, key: string): object => {
  const { id, name, ...rest } = shown;
  return { id, name, key, ...rest };
};

/** Answer to a creation. */
export const createdApiKey = (dialect: Dialect, record: ShownApiKey, key: string): object =>
  told(
    dialect,
    'API key created successfully.',
    withSecret(render(apiKeyViews[dialect], record, 'created'), key),
  );

/** Answer to a rotation: the new key, and until when the old one goes on. */
export const rotatedApiKey = (
  dialect: Dialect,
  record: ShownApiKey,
  key: string,
  graceEndsAt: string,
): object => {
  const shown = withSecret(render(apiKeyViews[dialect], record, 'single', ['id', 'name', 'scopes']), key);
  return told(dialect, 'API key rotated successfully.', {
    ...shown,
    grace_period_ends_at: seconds(graceEndsAt),
  });
};

/** Why a verified key may not do what was asked. */
export const verifyCodes = [
  'VALID',
  'NOT_FOUND',
  'EXPIRED',
  'REVOKED',
  'DISABLED',
  'INSUFFICIENT_SCOPE',
  'IP_NOT_ALLOWED',
  'RATE_LIMITED',
] as const;
export type VerifyCode = (typeof verifyCodes)[number];
const verified = ['id', 'name', 'scopes', 'rate_limit_tier', 'expires_at', 'metadata'];

/** Answer to a verification; only a key that counts is described. */
export const verifyAnswer = (dialect: Dialect, code: VerifyCode, record?: ShownApiKey): object =>
  code === 'VALID' && record
    ? { valid: true, code, data: render(apiKeyViews[dialect], record, 'single', verified) }
    : { valid: false, code };

/**
 * What a webhook says of a key: the record as it was right after the event, which happened `at`. Its last use is left
 * out, since it comes from elsewhere and would not be the same at every attempt.
 */
export const apiKeyTold = (
  dialect: Dialect,
  type: ApiKeyEvent['type'],
  record: ApiKeyRecord,
  at: string,
): Record<string, unknown> => {
  const view = apiKeyViews[dialect];
  const rotation = type === 'ApiKeyRotated' ? ['grace_period_ends_at', 'rotated_to'] : [];
  const told = [...view.single.filter((field) => field !== 'last_used_at'), ...rotation];
  const shown = shownApiKey(record, { workspaceTier: record.workspaceTier, lastUsedAt: undefined, now: at });
  return render(view, shown, 'single', told);
};
