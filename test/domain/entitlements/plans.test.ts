// The catalogue file: what it may say, and the sentence for what it may not.
import { describe, expect, it } from 'vitest';
import { builtInPlans } from '../../../src/domain/entitlements/built-in-plans.js';
import {
  countedFeature,
  type Feature,
  type PlansFile,
  readPlans,
} from '../../../src/domain/entitlements/plans.js';

type Draft = { features: object[]; packages: object[]; tiers: Record<string, unknown> };
const broken = (change: (file: Draft) => unknown): string => {
  const file = structuredClone(builtInPlans) as unknown as Draft;
  const other = change(file);
  try {
    readPlans(other ?? file);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};
const first = (list: object[]) => list[0] as Record<string, unknown>;

describe('a catalogue', () => {
  it('knows features, their resets and pools, packages and the base of each tier', () => {
    const file: PlansFile = {
      ...builtInPlans,
      features: [
        ...builtInPlans.features,
        { code: 'images', name: 'Image', type: 'limit', pool: 'storage' },
        { code: 'runs', name: 'Run', type: 'limit', reset: 'rolling', days: 7 },
        { code: 'mails', name: 'Mail', type: 'unlimited', reset: 'rolling' },
      ],
    };
    const plans = readPlans(file);
    expect(plans.features.get('runs')?.reset).toEqual({ kind: 'rolling', days: 7 });
    expect(plans.features.get('mails')?.reset).toEqual({ kind: 'rolling', days: 30 });
    expect(countedFeature(plans, plans.features.get('images') as Feature).code).toBe('storage');
    expect(plans.tiers.agency.code).toBe('business');
  });

  it.each<[string, (file: Draft) => unknown, string]>([
    ['no object', () => [], 'the file: expected object, received array.'],
    ['an unknown key', (file) => ({ ...file, feature: [] }), 'the file has the unknown key feature.'],
    [
      'a bad code',
      ({ features }) => void Object.assign(first(features), { code: 'Posts!' }),
      'features.0.code must be 1 to 64 lower-case letters, digits, _ and -, a letter first.',
    ],
    [
      'a code twice',
      ({ features }) => void features.push(first(features)),
      'features.3.code says posts a second time.',
    ],
    [
      'an unknown reset',
      ({ features }) => void Object.assign(first(features), { reset: 'daily' }),
      'features.0.reset: Invalid option: expected one of "none"|"monthly"|"rolling".',
    ],
    [
      'days without rolling',
      ({ features }) => void Object.assign(first(features), { days: 3 }),
      'features.0.days is for the reset rolling only.',
    ],
    [
      'a pool that is none',
      ({ features }) => void Object.assign(first(features), { pool: 'nope' }),
      'features.0.pool names nope, which is no other feature.',
    ],
    [
      'a limit of nothing',
      ({ packages }) => void Object.assign(first(packages), { features: { nope: 1 } }),
      'packages.0.features.nope is no feature of this file.',
    ],
    [
      'a yes for a limit',
      ({ packages }) => void Object.assign(first(packages), { features: { posts: true } }),
      'packages.0.features.posts must be a whole number or "unlimited".',
    ],
    [
      'a tier that is none',
      ({ tiers }) => void Object.assign(tiers, { gold: 'free' }),
      'tiers.gold is no tier.',
    ],
    ['a tier left out', (file) => ({ ...file, tiers: { free: 'free' } }), 'tiers.starter is missing.'],
    [
      'a tier without a base package',
      ({ tiers }) => void Object.assign(tiers, { pro: 'extra_storage' }),
      'tiers.pro names extra_storage, which is no base package.',
    ],
  ])('is refused with %s', (_, change, sentence) => {
    expect(broken(change)).toBe(sentence);
  });
});
