// How limits are told: why something is denied, in the words and units of the feature. Pure.
import type { Feature } from './plans.js';

const GB = 1_073_741_824;
const capitalised = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Bytes in gigabytes of 2^30, with two decimals: `1.00 GB`. */
export const gigabytes = (bytes: number): string => `${(bytes / GB).toFixed(2)} GB`;

export const denialReasons = [
  'LIMIT_EXCEEDED',
  'FEATURE_NOT_FOUND',
  'FEATURE_NOT_INCLUDED',
  'WORKSPACE_SUSPENDED',
] as const;
export type DenialReason = (typeof denialReasons)[number];

/** `Post limit exceeded. Used: 100, Limit: 100`; bytes tell what is left and what was asked for. */
export const limitExceeded = (
  { name, unit }: Feature,
  { used, limit, quantity }: { used: number; limit: number; quantity: number },
): string => {
  const head = `${capitalised(name)} limit exceeded.`;
  if (unit !== 'bytes') return `${head} Used: ${used}, Limit: ${limit}`;
  const available = gigabytes(Math.max(0, limit - used));
  return `${head} Used: ${gigabytes(used)}, Available: ${available}, Requested: ${gigabytes(quantity)}`;
};

/** Sentences of the other reasons. `feature` is its name, or the code that was asked for. */
export const otherDenials: Readonly<
  Record<Exclude<DenialReason, 'LIMIT_EXCEEDED'>, (feature: string) => string>
> = {
  FEATURE_NOT_FOUND: (feature) => `There is no feature ${feature}.`,
  FEATURE_NOT_INCLUDED: (feature) => `${capitalised(feature)} is not included in the plan.`,
  WORKSPACE_SUSPENDED: () => 'The entitlements of this workspace are suspended.',
};

/** `100 × used / limit` with two decimals at most. */
export const percentage = (used: number, limit: number): number =>
  limit === 0 ? (used === 0 ? 0 : 100) : Math.round((used / limit) * 10_000) / 100;
