// How entitlements and usage are shown: the same in both dialects, each endpoint in a shape of its own.
import type { Boost, GrantEvent, Suspension } from '../domain/entitlements/grants.js';
import type { MeterEvent } from '../domain/entitlements/meter.js';
import type { Feature, Package } from '../domain/entitlements/plans.js';
import { usageId } from '../domain/entitlements/usage-id.js';
import { type DenialReason, limitExceeded, otherDenials, percentage } from '../domain/entitlements/words.js';
import { publicId } from '../domain/ids.js';
import { seconds, secondsOrNull } from './dialect.js';

/** Where an owner stands with a feature. `limit` null = none. */
export type ShownStanding = {
  readonly feature: Feature;
  readonly counted: Feature;
  readonly suspended: boolean;
  readonly included: boolean;
  readonly limit: number | null;
  readonly used: number;
  resetAt(): string | undefined;
};

export const packageId = (code: string): string => `pkg_${code}`;
const leftOf = (limit: number, used: number): number => Math.max(0, limit - used);

type Denial = { readonly reason: DenialReason; readonly message: string };

/** Why so much more is not allowed; undefined when it is. */
const denialOf = (standing: ShownStanding, quantity: number): Denial | undefined => {
  const { feature, counted, suspended, included, limit, used } = standing;
  const denied = (reason: Exclude<DenialReason, 'LIMIT_EXCEEDED'>) => ({
    reason,
    message: otherDenials[reason](feature.name),
  });
  if (suspended) return denied('WORKSPACE_SUSPENDED');
  if (!included) return denied('FEATURE_NOT_INCLUDED');
  if (limit === null || used + quantity <= limit) return undefined;
  const message = limitExceeded({ ...feature, ...unitOf(counted) }, { used, limit, quantity });
  return { reason: 'LIMIT_EXCEEDED', message };
};
const resetOf = (at: string | undefined) => (at === undefined ? {} : { reset_at: seconds(at) });
const unitOf = ({ unit }: Feature): { unit?: string } => (unit === undefined ? {} : { unit });

/** Answer to a check of the context workspace or namespace. */
export const checkAnswer = (standing: ShownStanding, quantity: number, upgradeUrl: string): object => {
  const { feature, limit, used } = standing;
  const denial = denialOf(standing, quantity);
  const counts = { current_usage: used, limit, available: limit === null ? null : leftOf(limit, used) };
  if (!denial) return { allowed: true, feature: feature.code, ...counts };
  return { allowed: false, feature: feature.code, ...denial, ...counts, upgrade_url: upgradeUrl };
};

/** Answer to a check of a namespace by its path, as the older reference shows it. */
export const namespaceCheckAnswer = (standing: ShownStanding, quantity: number): object => {
  const { allowed, reason, message, current_usage, limit, available } = checkAnswer(
    standing,
    quantity,
    '',
  ) as {
    [field: string]: unknown;
  };
  return { allowed, reason: reason ?? null, message: message ?? null, current_usage, limit, available };
};

const noCounts = { current_usage: 0, limit: 0, available: 0 };
const notFoundDenial = (code: string) => ({
  reason: 'FEATURE_NOT_FOUND',
  message: otherDenials.FEATURE_NOT_FOUND(code),
});

/** The same for a feature that does not exist. */
export const unknownFeatureAnswer = (code: string, upgradeUrl: string): object => ({
  allowed: false,
  feature: code,
  ...notFoundDenial(code),
  ...noCounts,
  upgrade_url: upgradeUrl,
});
export const unknownFeatureInNamespace = (code: string): object => ({
  allowed: false,
  ...notFoundDenial(code),
  ...noCounts,
});

/** Entry of a summary. What never resets has no `reset_at`, what is counted in pieces no `unit`. */
export const summaryEntry = ({ counted, limit, used, resetAt }: ShownStanding): object => ({
  used,
  limit,
  available: limit === null ? null : leftOf(limit, used),
  percentage: limit === null ? null : percentage(used, limit),
  ...resetOf(resetAt()),
  ...unitOf(counted),
});

/** Entry of a namespace's entitlements. */
export const namespaceEntry = ({ counted, limit, used, resetAt }: ShownStanding): object => ({
  used,
  limit,
  ...unitOf(counted),
  ...resetOf(resetAt()),
});

/** Answer to a record. `id` is what a correction names. */
export const usageAnswer = (record: {
  id: string;
  feature: string;
  currentUsage: number;
  limit: number | null;
  overLimit: boolean;
}): object => ({
  recorded: true,
  feature: record.feature,
  current_usage: record.currentUsage,
  limit: record.limit,
  id: record.id,
  ...(record.overLimit ? { over_limit: true } : {}),
});

/** A corrected record. */
export const correctionShown = (record: {
  id: string;
  feature: string;
  quantity: number;
  previous: number;
  currentUsage: number;
  limit: number | null;
}): object => ({
  id: record.id,
  feature: record.feature,
  quantity: record.quantity,
  previous_quantity: record.previous,
  current_usage: record.currentUsage,
  limit: record.limit,
});

export const packageShown = ({ code, name }: Package, expiresAt: string): object => ({
  id: packageId(code),
  name,
  expires_at: secondsOrNull(expiresAt),
});

export const boostShown = ({ id, feature, kind, amount, duration, grantedAt, expiresAt }: Boost): object => ({
  id: publicId('boost', id),
  feature,
  type: kind,
  ...(kind === 'add_limit' ? { amount } : {}),
  duration,
  expires_at: secondsOrNull(expiresAt),
  created_at: seconds(grantedAt),
});

export const suspensionShown = (suspension: Suspension | undefined): object =>
  suspension
    ? { status: 'suspended', reason: suspension.reason, since: seconds(suspension.since) }
    : { status: 'active', reason: null, since: null };

type Owned = { readonly ownerType: string; readonly ownerId: string };
const namespaceOf = ({ ownerType, ownerId }: Owned) =>
  ownerType === 'namespace' ? { namespace_id: publicId('namespace', ownerId) } : {};

/** What a webhook says of an event about usage: all of it stands in the event. */
export const usageTold = (event: MeterEvent, revision: number): Record<string, unknown> => {
  const { type, data } = event;
  const { feature, period, currentUsage, limit } = data;
  const counts = { current_usage: currentUsage, limit, period };
  if (type === 'UsageLimitWarned' || type === 'UsageLimitReached')
    return { feature, threshold: data.threshold, ...counts, ...namespaceOf(data) };
  if (type === 'UsageCorrected')
    return { id: usageId({ ...data, revision: data.record }), feature, quantity: data.quantity, ...counts };
  return {
    id: usageId({ ...data, revision }),
    feature: data.named ?? feature,
    quantity: data.quantity,
    ...counts,
    ...(data.overLimit ? { over_limit: true } : {}),
    ...(data.metadata ? { metadata: data.metadata } : {}),
    ...namespaceOf(data),
  };
};

/** What a webhook says of a package that changed hands. */
export const packageTold = ({ type, data }: GrantEvent): Record<string, unknown> =>
  type === 'PackageChanged'
    ? {
        id: packageId(data.package),
        change: data.change,
        ...(data.change === 'assigned' ? { expires_at: secondsOrNull(data.expiresAt) } : {}),
        ...(data.previous === null ? {} : { previous: packageId(data.previous) }),
        ...namespaceOf(data),
      }
    : namespaceOf(data);
