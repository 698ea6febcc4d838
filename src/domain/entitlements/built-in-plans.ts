// The catalogue that is sold where CATALOGUE_FILE names no other one.
import type { PlansFile } from './plans.js';

const GIB = 1_073_741_824;

/** A base package with the three features of every tier. */
const base = (code: string, name: string, posts: number, apiCalls: number, storage: number) => ({
  code,
  name: `${name} Package`,
  base: true,
  features: { posts, api_calls: apiCalls, storage },
});

export const builtInPlans: PlansFile = {
  features: [
    { code: 'posts', name: 'Post', type: 'limit' },
    { code: 'api_calls', name: 'API call', type: 'limit', reset: 'monthly' },
    { code: 'storage', name: 'Storage', type: 'limit', unit: 'bytes' },
  ],
  packages: [
    base('free', 'Free', 100, 1_000, GIB),
    base('starter', 'Starter', 250, 5_000, 2 * GIB),
    base('pro', 'Pro', 1_000, 10_000, 5 * GIB),
    base('business', 'Business', 5_000, 100_000, 50 * GIB),
    {
      code: 'enterprise',
      name: 'Enterprise Package',
      base: true,
      features: { posts: 'unlimited', api_calls: 'unlimited', storage: 'unlimited' },
    },
    { code: 'extra_storage', name: 'Extra Storage', features: { storage: 10 * GIB } },
    { code: 'extra_api_calls', name: 'Extra API Calls', features: { api_calls: 50_000 } },
  ],
  tiers: {
    free: 'free',
    starter: 'starter',
    pro: 'pro',
    agency: 'business',
    business: 'business',
    enterprise: 'enterprise',
  },
};
