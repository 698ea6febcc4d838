// Where an owner stands with a feature: who gives it, how much is allowed, how much is used.
import {
  type Allowance,
  allowanceOf,
  limitOf,
  type Overflow,
  remainingAfter,
} from '../../domain/entitlements/allowance.js';
import type { GrantCommand, GrantEvent, Grants, Owner } from '../../domain/entitlements/grants.js';
import {
  type Meter,
  type MeterCommand,
  type MeterEvent,
  type Metered,
  usedAt,
} from '../../domain/entitlements/meter.js';
import {
  firstLeaves,
  monthEnd,
  monthsBetween,
  periodOf,
  windowOf,
  within,
} from '../../domain/entitlements/periods.js';
import { countedFeature, type Feature, type Plans } from '../../domain/entitlements/plans.js';
import { meterId } from '../../domain/entitlements/usage-id.js';
import { allThere, type Soon, whenThere } from '../../domain/soon.js';
import type { Tier } from '../../domain/tiers.js';
import type { Folded } from '../folding.js';
import type { Streams } from '../handle.js';
import { together } from '../together.js';

/** One who may give a feature. */
export type Holder = {
  readonly owner: Owner;
  /** Workspace (UUID) that what happens here is about. */
  readonly workspaceId: string;
  /** Tier whose base package it has; null = only packages that were assigned. */
  readonly tier: Tier | null;
  /** Gives nothing that is counted. */
  readonly flagsOnly?: true;
};
/** Who is asked for a feature, one after the other: the first that has it gives it, and its usage is counted there. */
export type Chain = readonly [Holder, ...Holder[]];

export type GrantStreams = Streams<Grants, GrantCommand, GrantEvent>;
export type MeterStreams = Streams<Meter, MeterCommand, MeterEvent>;

/** What is allowed, and where it is counted. */
export type Allowed = {
  /** As it was named; `counted` is the one whose limit and count it has. */
  readonly feature: Feature;
  readonly counted: Feature;
  readonly holder: Holder;
  readonly suspended: boolean;
  readonly included: boolean;
  /** null = no limit. */
  readonly limit: number | null;
  /** The part of it that packages give. */
  readonly packages: number | null;
  readonly meter: Metered;
};
export type Standing = Allowed & {
  readonly used: number;
  /** When the count starts again, where it does. */
  resetAt(): string | undefined;
};

export type Stand = (chain: Chain, feature: Feature, now: string) => Promise<Standing>;
/** The same without what is used. */
export type Allow = (chain: Chain, feature: Feature, now: string) => Soon<Allowed>;

/** Meters of past months that are read at once. */
const MONTHS_AT_ONCE = 4;

/** Both read what is acknowledged by any process at the time of the call. */
export const standing = (
  plans: Plans,
  granted: GrantStreams,
  meters: MeterStreams,
): { readonly allow: Allow; readonly stand: Stand } => {
  const allowanceFor = ({ tier, flagsOnly }: Holder, state: Grants, feature: Feature, now: string) => {
    const base = tier === null ? undefined : plans.tiers[tier];
    const allowance = allowanceOf(plans, base, state, feature, now);
    return flagsOnly && feature.type !== 'boolean' ? { ...allowance, included: false } : allowance;
  };

  /** What the months since the oldest boost have taken from boosts. */
  const overflows = async (holder: Holder, feature: Feature, since: string, now: string) => {
    const months = monthsBetween(since, now);
    const load = async (month: string): Promise<Overflow> => {
      const id = meterId({ ownerId: holder.owner.id, feature: feature.code, period: month });
      return { month, used: (await meters.load(id)).state.overflow };
    };
    return together(months, MONTHS_AT_ONCE, load);
  };

  const limitFor = (holder: Holder, allowance: Allowance, feature: Feature, now: string) => {
    if (allowance.boosts.length === 0) return limitOf(allowance);
    return limitWithBoosts(holder, allowance, feature, now);
  };
  const limitWithBoosts = async (holder: Holder, allowance: Allowance, feature: Feature, now: string) => {
    const lasting = allowance.boosts.filter(({ duration }) => duration !== 'cycle');
    const [oldest] = lasting.map(({ grantedAt }) => grantedAt).sort();
    if (oldest === undefined || allowance.unlimited || feature.reset.kind !== 'monthly')
      return limitOf(allowance);
    const taken = await overflows(holder, feature, oldest, now);
    return limitOf(allowance, remainingAfter(allowance.everBoosts, taken));
  };

  const resetOf = (feature: Feature, { slices }: Meter, period: string, now: string): string | undefined => {
    if (feature.reset.kind === 'monthly') return monthEnd(now);
    const window = windowOf(period);
    return window && firstLeaves(within(slices, window, Date.parse(now)), window);
  };

  const chosenFrom = (chain: Chain, grants: readonly Folded<Grants>[], feature: Feature, now: string) => {
    let chosen: { holder: Holder; allowance: Allowance } | undefined;
    let suspended = false;
    for (const [n, holder] of chain.entries()) {
      const { state } = grants[n] as Folded<Grants>;
      suspended ||= state.suspension !== undefined;
      const allowance = allowanceFor(holder, state, feature, now);
      if (allowance.included || !chosen) chosen = chosen?.allowance.included ? chosen : { holder, allowance };
    }
    const { holder, allowance } = chosen as NonNullable<typeof chosen>;
    return { holder, allowance, suspended };
  };

  const allow: Allow = (chain, feature, now) => {
    const counted = countedFeature(plans, feature);
    const loading = chain.map(({ owner }) => granted.load(owner.id));
    return whenThere(allThere(loading), (grants) => {
      const { holder, allowance, suspended } = chosenFrom(chain, grants, counted, now);
      const { owner, workspaceId } = holder;
      const period = periodOf(counted.reset, now);
      const meter = { workspaceId, ownerType: owner.type, ownerId: owner.id, feature: counted.code, period };
      const { included, unlimited, packages: given } = allowance;
      const packages = unlimited ? null : given;
      const limits = included ? limitFor(holder, allowance, counted, now) : 0;
      return whenThere(limits, (limit): Allowed => {
        return { feature, counted, holder, suspended, included, limit, packages, meter };
      });
    });
  };

  const stand: Stand = async (chain, feature, now) => {
    const allowed = await allow(chain, feature, now);
    const { counted, meter } = allowed;
    const { state } = await meters.load(meterId(meter));
    return {
      ...allowed,
      used: usedAt(state, meter.period, now),
      resetAt: () => resetOf(counted, state, meter.period, now),
    };
  };

  return { allow, stand };
};
