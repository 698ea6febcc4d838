// Tiers of workspaces and keys, in rising order, with the limits that hang on them.

/** Every tier that either dialect knows. A higher index is a higher tier; `agency` and `business` rank the same. */
export const tiers = ['free', 'starter', 'pro', 'agency', 'business', 'enterprise'] as const;
export type Tier = (typeof tiers)[number];

const ranks: Record<Tier, number> = { free: 0, starter: 1, pro: 2, agency: 3, business: 3, enterprise: 4 };

/** True when `tier` is above `own`: granting it then needs the scope `entitlements:manage`. */
export const isAbove = (tier: Tier, own: Tier): boolean => ranks[tier] > ranks[own];

/** Active API keys a workspace may have. Infinity = unlimited. */
export const apiKeyQuota: Record<Tier, number> = {
  free: 10,
  starter: 20,
  pro: 50,
  agency: 200,
  business: 200,
  enterprise: Infinity,
};

/** Webhook endpoints a workspace may have. */
export const webhookQuota: Record<Tier, number> = {
  free: 5,
  starter: 10,
  pro: 20,
  agency: 100,
  business: 100,
  enterprise: Infinity,
};
