// What is sold: features, packages of them, and the package that each tier brings. Read from CATALOGUE_FILE. Pure.
import { z } from 'zod';
import { type Tier, tiers } from '../tiers.js';

/** When a count starts again: never, each calendar month (UTC), or by itself, as what is older than `days` leaves it. */
export type Reset =
  | { readonly kind: 'none' | 'monthly' }
  | { readonly kind: 'rolling'; readonly days: number };

export type Feature = {
  readonly code: string;
  /** What one of it is called, in the singular: `Post`. */
  readonly name: string;
  /** `boolean` is there or not; `limit` is counted against a limit; `unlimited` is counted only. */
  readonly type: 'boolean' | 'limit' | 'unlimited';
  readonly unit?: string;
  readonly reset: Reset;
  /** Feature whose limit and count this one shares. */
  readonly pool?: string;
};

/** What a package gives of a feature: so much more, no limit at all, or that it is there. */
export type Given = number | 'unlimited' | true;
export type Package = {
  readonly code: string;
  readonly name: string;
  /** An owner has one base package at most; others are stacked on it. */
  readonly base: boolean;
  readonly features: Readonly<Record<string, Given>>;
};

export type Plans = {
  readonly features: ReadonlyMap<string, Feature>;
  readonly packages: ReadonlyMap<string, Package>;
  /** The base package of each tier. */
  readonly tiers: Readonly<Record<Tier, Package>>;
};

/** A catalogue that cannot be used; the sentence names the place and what is wrong there. */
export class PlansError extends Error {
  override readonly name = 'PlansError';
}

const code = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits, _ and -, a letter first');
const label = z.string().trim().min(1).max(100);
const MAX_ROLLING_DAYS = 366;

const FeatureEntry = z.strictObject({
  code,
  name: label,
  type: z.enum(['boolean', 'limit', 'unlimited']),
  unit: z.string().min(1).max(32).optional(),
  reset: z.enum(['none', 'monthly', 'rolling']).default('none'),
  days: z.int().min(1).max(MAX_ROLLING_DAYS).optional(),
  pool: code.optional(),
});
const PackageEntry = z.strictObject({
  code,
  name: label,
  base: z.boolean().default(false),
  features: z.record(z.string(), z.union([z.int().min(0), z.literal('unlimited'), z.literal(true)])),
});
const PlansFile = z.strictObject({
  features: z.array(FeatureEntry).min(1),
  packages: z.array(PackageEntry).min(1),
  tiers: z.record(z.string(), z.string()),
});
/** A catalogue as its file says it. */
export type PlansFile = z.input<typeof PlansFile>;
type Entries = z.output<typeof PlansFile>;

const refuse = (place: string, what: string): never => {
  throw new PlansError(`${place} ${what}.`);
};

const sentenceOf = ({ path, code: kind, message, ...issue }: z.core.$ZodIssue): string => {
  const place = path.length === 0 ? 'the file' : path.map(String).join('.');
  if (kind === 'unrecognized_keys')
    return `${place} has the unknown key ${(issue as { keys: string[] }).keys[0]}.`;
  if (kind === 'invalid_format') return `${place} ${message}.`;
  return `${place}: ${message.replace(/^Invalid input: /, '')}.`;
};

const byCode = <E extends { readonly code: string }>(
  entries: readonly E[],
  place: string,
): Map<string, E> => {
  const found = new Map<string, E>();
  entries.forEach((entry, n) => {
    if (found.has(entry.code)) refuse(`${place}.${n}.code`, `says ${entry.code} a second time`);
    found.set(entry.code, entry);
  });
  return found;
};

const featureOf = (
  { reset, days, unit, pool, ...entry }: Entries['features'][number],
  place: string,
): Feature => {
  if (days !== undefined && reset !== 'rolling') refuse(`${place}.days`, 'is for the reset rolling only');
  return {
    ...entry,
    reset: reset === 'rolling' ? { kind: reset, days: days ?? 30 } : { kind: reset },
    ...(unit === undefined ? {} : { unit }),
    ...(pool === undefined ? {} : { pool }),
  };
};

const requirePool = ({ pool, code: own }: Feature, features: ReadonlyMap<string, Feature>, place: string) => {
  if (pool === undefined) return;
  const target = features.get(pool);
  if (!target || pool === own) refuse(`${place}.pool`, `names ${pool}, which is no other feature`);
  else if (target.pool !== undefined) refuse(`${place}.pool`, `names ${pool}, which has a pool itself`);
};

/** A number belongs to a feature with a limit, `true` to one that is there or not. */
const requireFitting = (entry: Package, features: ReadonlyMap<string, Feature>, place: string) => {
  for (const [name, given] of Object.entries(entry.features)) {
    const at = `${place}.features.${name}`;
    const feature = features.get(name);
    if (!feature) throw new PlansError(`${at} is no feature of this file.`);
    if (feature.pool !== undefined) refuse(at, `has its limit in the pool ${feature.pool}`);
    if (feature.type === 'boolean' && given !== true) refuse(at, 'must be true, as the feature is boolean');
    if (feature.type === 'limit' && given === true) refuse(at, 'must be a whole number or "unlimited"');
    if (feature.type === 'unlimited' && typeof given === 'number')
      refuse(at, 'must be true or "unlimited", as the feature is unlimited');
  }
};

const tiersOf = (named: Readonly<Record<string, string>>, packages: ReadonlyMap<string, Package>) => {
  for (const tier of Object.keys(named))
    if (!(tiers as readonly string[]).includes(tier)) refuse(`tiers.${tier}`, 'is no tier');
  return Object.fromEntries(
    tiers.map((tier) => {
      const name = named[tier];
      const found = name === undefined ? undefined : packages.get(name);
      if (name === undefined) refuse(`tiers.${tier}`, 'is missing');
      else if (!found?.base) refuse(`tiers.${tier}`, `names ${name}, which is no base package`);
      return [tier, found];
    }),
  ) as Record<Tier, Package>;
};

/** Checks a catalogue and looks its names up. Throws PlansError. */
export const readPlans = (file: unknown): Plans => {
  const parsed = PlansFile.safeParse(file);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    throw new PlansError(first ? sentenceOf(first) : 'the file cannot be read.');
  }
  const { features: entries, packages: bundles, tiers: named } = parsed.data;
  const features = byCode(
    entries.map((entry, n) => featureOf(entry, `features.${n}`)),
    'features',
  );
  for (const [n, feature] of [...features.values()].entries())
    requirePool(feature, features, `features.${n}`);
  const packages = byCode(bundles, 'packages');
  for (const [n, entry] of bundles.entries()) requireFitting(entry, features, `packages.${n}`);
  return { features, packages, tiers: tiersOf(named, packages) };
};

/** The feature whose limit and count a feature has: its pool, or itself. */
export const countedFeature = ({ features }: Plans, feature: Feature): Feature =>
  (feature.pool === undefined ? undefined : features.get(feature.pool)) ?? feature;
