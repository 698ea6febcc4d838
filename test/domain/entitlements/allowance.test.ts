// Packages and boosts together: what an owner may use at an instant.
import { describe, expect, it } from 'vitest';
import { NEVER } from '../../../src/domain/decider.js';
import { allowanceOf, limitOf, remainingAfter } from '../../../src/domain/entitlements/allowance.js';
import { builtInPlans } from '../../../src/domain/entitlements/built-in-plans.js';
import { type Boost, type Grants, noGrants } from '../../../src/domain/entitlements/grants.js';
import { type Feature, readPlans } from '../../../src/domain/entitlements/plans.js';
import { tiers } from '../../../src/domain/tiers.js';
import { AT } from '../../support/given.js';

const plans = readPlans({
  ...builtInPlans,
  features: [...builtInPlans.features, { code: 'sso', name: 'Single sign-on', type: 'boolean' }],
});
const feature = (code: string): Feature => plans.features.get(code) as Feature;
const LATER = '2026-02-01T00:00:00.000Z';
const boost = (more: Partial<Boost>): Boost => ({
  id: '01980000-0000-7000-8000-0000000000b1',
  feature: 'posts',
  kind: 'add_limit',
  amount: 50,
  duration: 'permanent',
  grantedAt: AT,
  expiresAt: NEVER,
  ...more,
});
const limit = (code: string, grants: Grants, at = AT, base = plans.tiers.free) =>
  limitOf(allowanceOf(plans, base, grants, feature(code), at));

describe('the built-in catalogue', () => {
  it('has the limits of every tier', () => {
    const GIB = 1_073_741_824;
    const limits = Object.fromEntries(
      tiers.map((tier) => [
        tier,
        ['posts', 'api_calls', 'storage'].map((code) => limit(code, noGrants, AT, plans.tiers[tier])),
      ]),
    );
    expect(limits).toEqual({
      free: [100, 1_000, GIB],
      starter: [250, 5_000, 2 * GIB],
      pro: [1_000, 10_000, 5_368_709_120],
      agency: [5_000, 100_000, 50 * GIB],
      business: [5_000, 100_000, 50 * GIB],
      enterprise: [null, null, null],
    });
  });
});

describe('an allowance', () => {
  const extra = { package: 'extra_storage', base: false, assignedAt: AT, expiresAt: LATER };

  it('adds the packages that count now to that of the tier', () => {
    const GIB = 1_073_741_824;
    const grants = { ...noGrants, packages: [extra, { ...extra, package: 'sold no more' }] };
    expect(limit('storage', grants)).toBe(11 * GIB);
    expect(limit('storage', grants, LATER)).toBe(GIB);
  });

  it('adds boosts of the feature that have not ended', () => {
    const grants = {
      ...noGrants,
      boosts: [boost({}), boost({ expiresAt: LATER, amount: 7 }), boost({ feature: 'api_calls' })],
    };
    expect(limit('posts', grants)).toBe(157);
    expect(limit('posts', grants, LATER)).toBe(150);
  });

  it('has no limit when anything is unlimited', () => {
    expect(limit('posts', { ...noGrants, boosts: [boost({ kind: 'unlimited', amount: 0 })] })).toBeNull();
  });

  it('includes what a package or a boost gives, and nothing else', () => {
    const included = (grants: Grants) =>
      allowanceOf(plans, plans.tiers.free, grants, feature('sso'), AT).included;
    expect(included(noGrants)).toBe(false);
    expect(included({ ...noGrants, boosts: [boost({ feature: 'sso', kind: 'enable', amount: 0 })] })).toBe(
      true,
    );
    expect(allowanceOf(plans, undefined, noGrants, feature('posts'), AT).included).toBe(false);
  });
});

describe('what earlier months leave of boosts', () => {
  const first = boost({
    id: 'first',
    amount: 100,
    grantedAt: '2026-01-10T00:00:00.000Z',
    expiresAt: '2026-03-01T00:00:00.000Z',
  });
  const lasting = boost({ id: 'lasting', amount: 200, grantedAt: '2026-01-10T00:00:00.000Z' });

  it('is taken from those that end first', () => {
    const left = remainingAfter([first, lasting], [{ month: '2026-01', used: 130 }]);
    expect([...left]).toEqual([
      ['first', 0],
      ['lasting', 170],
    ]);
  });

  it('is taken only by months in which they counted', () => {
    const left = remainingAfter(
      [first, lasting],
      [
        { month: '2025-12', used: 500 },
        { month: '2026-03', used: 50 },
      ],
    );
    expect([...left]).toEqual([
      ['first', 100],
      ['lasting', 150],
    ]);
  });

  it('is not touched by what a boost of that month alone has covered', () => {
    const cycle = boost({ id: 'cycle', amount: 40, duration: 'cycle', grantedAt: AT, expiresAt: LATER });
    const left = remainingAfter([cycle, lasting], [{ month: '2026-01', used: 40 }]);
    expect(left.get('lasting')).toBe(200);
  });
});
