// How much of a feature an owner may use at an instant: packages and boosts together. Pure.
import { type Boost, type Grants, isActive } from './grants.js';
import type { Feature, Given, Package, Plans } from './plans.js';

/** What is allowed. Boosts are those that add to the limit, those that end first before the others. */
export type Allowance = {
  /** Anything gives the feature. */
  readonly included: boolean;
  /** No limit: unlimited, or a feature that is only there or not. */
  readonly unlimited: boolean;
  /** Limit of the packages alone. */
  readonly packages: number;
  readonly boosts: readonly Boost[];
  /** The same with those that have ended: earlier months took from them too. */
  readonly everBoosts: readonly Boost[];
};

/** An owner's packages that count at `at`: its base (a tier's) and those assigned. Names no longer sold are left out. */
export const activePackages = (
  { packages }: Plans,
  base: Package | undefined,
  grants: Grants,
  at: string,
): Package[] => {
  const assigned = grants.packages.flatMap((one) =>
    isActive(one, at) ? (packages.get(one.package) ?? []) : [],
  );
  return base ? [base, ...assigned] : assigned;
};

const byEnd = (left: Boost, right: Boost): number =>
  left.expiresAt < right.expiresAt ? -1 : left.expiresAt > right.expiresAt ? 1 : 0;

/** Most owners have nothing but their tier: what that gives is the same for all of them. */
const ofBase = new WeakMap<Package, Map<Feature, Allowance>>();

/** The allowance of a counted feature (one without a pool of its own to look into). */
export const allowanceOf = (
  plans: Plans,
  base: Package | undefined,
  grants: Grants,
  feature: Feature,
  at: string,
): Allowance => {
  if (!base || grants.packages.length > 0 || grants.boosts.length > 0)
    return together(plans, base, grants, feature, at);
  const known = ofBase.get(base) ?? new Map<Feature, Allowance>();
  const allowance = known.get(feature) ?? together(plans, base, grants, feature, at);
  ofBase.set(base, known.set(feature, allowance));
  return allowance;
};

const together = (
  plans: Plans,
  base: Package | undefined,
  grants: Grants,
  feature: Feature,
  at: string,
): Allowance => {
  const given = activePackages(plans, base, grants, at)
    .map(({ features }) => features[feature.code])
    .filter((one): one is Given => one !== undefined);
  const ever = grants.boosts.filter((boost) => boost.feature === feature.code).sort(byEnd);
  const boosts = ever.filter((boost) => isActive(boost, at));
  const adds = ({ kind }: Boost) => kind === 'add_limit';
  const included = given.length > 0 || boosts.length > 0;
  const open = given.includes('unlimited') || boosts.some(({ kind }) => kind === 'unlimited');
  return {
    included,
    unlimited: included && (open || feature.type !== 'limit'),
    packages: given.reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : 0), 0),
    boosts: boosts.filter(adds),
    everBoosts: ever.filter(adds),
  };
};

/** What an earlier month used beyond the packages' own limit, and so took from boosts. */
export type Overflow = { readonly month: string; readonly used: number };

/**
 * What earlier months have left of each boost: a boost adds its amount once, not every month. A month takes from the
 * boosts that it had, from those that end first.
 */
export const remainingAfter = (
  boosts: readonly Boost[],
  overflows: readonly Overflow[],
): ReadonlyMap<string, number> => {
  const left = new Map(boosts.map(({ id, amount }) => [id, amount]));
  for (const { month, used } of overflows) {
    let taking = used;
    for (const { id, grantedAt, expiresAt } of boosts) {
      if (grantedAt.slice(0, 7) > month || expiresAt <= `${month}-01T00:00:00.000Z`) continue;
      const held = left.get(id) ?? 0;
      const taken = Math.min(taking, held);
      left.set(id, held - taken);
      taking -= taken;
    }
  }
  return left;
};

/** The whole limit; null = none. Never above what a count can hold. */
export const limitOf = (
  { unlimited, packages, boosts }: Allowance,
  left?: ReadonlyMap<string, number>,
): number | null => {
  if (unlimited) return null;
  const more = boosts.reduce((sum, { id, amount }) => sum + (left?.get(id) ?? amount), 0);
  return Math.min(packages + more, Number.MAX_SAFE_INTEGER);
};
