// What an owner was given beyond its tier: packages, boosts, and whether all of it is suspended. Pure.
import { z } from 'zod';
import { type Decider, event, Instant } from '../decider.js';
import { DomainError, invalid, notFound } from '../errors.js';

export const ownerTypes = ['workspace', 'namespace', 'user'] as const;
/** Whose allowance and usage something is. `id` is a UUID. */
export type Owner = { readonly type: (typeof ownerTypes)[number]; readonly id: string };

export const boostKinds = ['add_limit', 'enable', 'unlimited'] as const;
export const boostDurations = ['permanent', 'timed', 'cycle'] as const;

/** On every event: the owner, and the workspace that it belongs to (its own, where it is one). */
export const owned = { workspaceId: z.uuid(), ownerType: z.enum(ownerTypes), ownerId: z.uuid() };

export const GrantEvent = z.discriminatedUnion('type', [
  // The base package of a workspace follows its tier: `base_changed` only tells of that, and stands in no state here.
  event('PackageChanged', {
    ...owned,
    change: z.enum(['assigned', 'cancelled', 'base_changed']),
    package: z.string(),
    base: z.boolean(),
    /** Of one that was assigned. */
    expiresAt: Instant.nullable(),
    /** The base package whose place it takes. */
    previous: z.string().nullable(),
  }),
  event('BoostGranted', {
    ...owned,
    boostId: z.uuid(),
    feature: z.string(),
    kind: z.enum(boostKinds),
    /** How much it adds; 0 for the kinds that add nothing countable. */
    amount: z.int(),
    duration: z.enum(boostDurations),
    expiresAt: Instant,
  }),
  event('EntitlementsSuspended', { ...owned, reason: z.string().nullable() }),
  event('EntitlementsResumed', owned),
]);
export type GrantEvent = z.infer<typeof GrantEvent>;
type DataOf<T extends GrantEvent['type']> = Extract<GrantEvent, { type: T }>['data'];
type Owned = DataOf<'EntitlementsResumed'>;
type Assigning = Owned & { package: string; base: boolean; expiresAt: string };

/** Commands carry the instant at which they are judged. */
export type GrantCommand =
  | { type: 'AssignPackage'; data: Assigning; now: string }
  | { type: 'CancelPackage'; data: Owned & { package: string }; now: string }
  | { type: 'GrantBoost'; data: DataOf<'BoostGranted'>; now: string }
  | { type: 'SuspendEntitlements'; data: DataOf<'EntitlementsSuspended'> }
  | { type: 'ResumeEntitlements'; data: Owned }
  | { type: 'TellBaseChange'; data: Owned & { package: string; previous: string } };

export type Assignment = {
  readonly package: string;
  readonly base: boolean;
  readonly assignedAt: string;
  readonly expiresAt: string;
};
export type Boost = {
  readonly id: string;
  readonly feature: string;
  readonly kind: (typeof boostKinds)[number];
  readonly amount: number;
  readonly duration: (typeof boostDurations)[number];
  readonly grantedAt: string;
  readonly expiresAt: string;
};
export type Suspension = { readonly since: string; readonly reason: string | null };

/** Packages and boosts that were not cancelled. What has expired stays for a while: it says what earlier months took. */
export type Grants = {
  readonly packages: readonly Assignment[];
  readonly boosts: readonly Boost[];
  readonly suspension?: Suspension;
};
export const noGrants: Grants = { packages: [], boosts: [] };

/** True while something given counts. */
export const isActive = ({ expiresAt }: { readonly expiresAt: string }, at: string): boolean =>
  expiresAt > at;

/** For so long boosts are remembered after they have ended. */
const REMEMBERED_MS = 400 * 86_400_000;
const MAX_PACKAGES = 100;
const MAX_BOOSTS = 1_000;
const requireFuture = (expiresAt: string, now: string): void => {
  if (expiresAt <= now) throw invalid({ expires_at: 'The expires_at must be in the future.' });
};

/** Another base package takes the place of the one before. */
const assign = (data: Assigning, now: string, { packages }: Grants): GrantEvent[] => {
  requireFuture(data.expiresAt, now);
  const active = packages.filter((one) => isActive(one, now));
  const same = active.find((one) => one.package === data.package);
  if (same?.expiresAt === data.expiresAt) return [];
  if (!same && active.length >= MAX_PACKAGES)
    throw new DomainError('conflict', `An owner can have at most ${MAX_PACKAGES} packages.`);
  const replaced = data.base ? active.find((one) => one.base && one !== same) : undefined;
  const previous = replaced?.package ?? null;
  return [{ type: 'PackageChanged', data: { ...data, change: 'assigned', previous } }];
};

const cancel = (data: Owned & { package: string }, now: string, { packages }: Grants): GrantEvent[] => {
  const held = packages.find((one) => one.package === data.package && isActive(one, now));
  if (!held) throw notFound();
  const rest = { base: held.base, expiresAt: null, previous: null };
  return [{ type: 'PackageChanged', data: { ...data, change: 'cancelled', ...rest } }];
};

/** Packages after a change. */
const changed = (
  packages: readonly Assignment[],
  data: DataOf<'PackageChanged'>,
  at: string,
): readonly Assignment[] => {
  const { change, package: name, base, expiresAt, previous } = data;
  if (change === 'base_changed') return packages;
  const others = packages.filter((one) => one.package !== name && one.package !== previous);
  if (change === 'cancelled' || expiresAt === null) return others;
  return [...others.filter((one) => isActive(one, at)), { package: name, base, assignedAt: at, expiresAt }];
};

export const grants: Decider<Grants, GrantCommand, GrantEvent> = {
  initialState: noGrants,

  decide(command, state) {
    switch (command.type) {
      case 'AssignPackage':
        return assign(command.data, command.now, state);
      case 'CancelPackage':
        return cancel(command.data, command.now, state);
      case 'GrantBoost': {
        const { data, now } = command;
        requireFuture(data.expiresAt, now);
        if (state.boosts.some(({ id }) => id === data.boostId)) return [];
        if (state.boosts.filter((boost) => isActive(boost, now)).length >= MAX_BOOSTS)
          throw new DomainError('conflict', `An owner can have at most ${MAX_BOOSTS} boosts.`);
        return [{ type: 'BoostGranted', data }];
      }
      case 'SuspendEntitlements':
        if (state.suspension && state.suspension.reason === command.data.reason) return [];
        return [{ type: 'EntitlementsSuspended', data: command.data }];
      case 'ResumeEntitlements':
        return state.suspension ? [{ type: 'EntitlementsResumed', data: command.data }] : [];
      case 'TellBaseChange':
        return [
          {
            type: 'PackageChanged',
            data: { ...command.data, change: 'base_changed', base: true, expiresAt: null },
          },
        ];
    }
  },

  evolve(state, { type, data, metadata: { at } }) {
    const { packages, boosts, suspension: _, ...rest } = state;
    switch (type) {
      case 'PackageChanged':
        return { ...state, packages: changed(packages, data, at) };
      case 'BoostGranted': {
        const { boostId: id, feature, kind, amount, duration, expiresAt } = data;
        const boost = { id, feature, kind, amount, duration, grantedAt: at, expiresAt };
        const oldest = new Date(Date.parse(at) - REMEMBERED_MS).toISOString();
        return { ...state, boosts: [...boosts.filter((one) => isActive(one, oldest)), boost] };
      }
      case 'EntitlementsSuspended':
        return { ...state, suspension: { since: at, reason: data.reason } };
      case 'EntitlementsResumed':
        return { ...rest, packages, boosts };
    }
  },
};
