// Packages, boosts and suspension of an owner.
import { describe, expect, it } from 'vitest';
import { NEVER } from '../../../src/domain/decider.js';
import { type GrantCommand, type GrantEvent, grants } from '../../../src/domain/entitlements/grants.js';
import { AT, given } from '../../support/given.js';

const id = '01980000-0000-7000-8000-000000000001';
const owner = { workspaceId: id, ownerType: 'namespace' as const, ownerId: id };
const LATER = '2026-02-01T00:00:00.000Z';
const assign = (name: string, more: object = {}): GrantCommand => ({
  type: 'AssignPackage',
  data: { ...owner, package: name, base: false, expiresAt: NEVER, ...more },
  now: AT,
});
const changed = (
  change: 'assigned' | 'cancelled' | 'base_changed',
  name: string,
  more: object = {},
): GrantEvent => ({
  type: 'PackageChanged',
  data: {
    ...owner,
    change,
    package: name,
    base: false,
    expiresAt: change === 'assigned' ? NEVER : null,
    previous: null,
    ...more,
  },
});
const boostData = {
  ...owner,
  boostId: '01980000-0000-7000-8000-0000000000b1',
  feature: 'posts',
  kind: 'add_limit' as const,
  amount: 50,
  duration: 'permanent' as const,
  expiresAt: NEVER,
};
const suspended = (reason: string | null): GrantEvent => ({
  type: 'EntitlementsSuspended',
  data: { ...owner, reason },
});
const resumed: GrantEvent = { type: 'EntitlementsResumed', data: owner };

describe('packages', () => {
  it('are assigned once; again only with another end', () => {
    given(grants).when(assign('extra')).then(changed('assigned', 'extra'));
    given(grants, changed('assigned', 'extra')).when(assign('extra')).then();
    given(grants, changed('assigned', 'extra'))
      .when(assign('extra', { expiresAt: LATER }))
      .then(changed('assigned', 'extra', { expiresAt: LATER }));
  });

  it('are not assigned with an end in the past', () => {
    given(grants)
      .when(assign('extra', { expiresAt: AT }))
      .thenRefused('validation_failed');
  });

  it('are stacked, but of base packages the new one takes the place of the old one', () => {
    const starter = changed('assigned', 'starter', { base: true });
    given(grants, starter, changed('assigned', 'extra'))
      .when(assign('pro', { base: true }))
      .then(changed('assigned', 'pro', { base: true, previous: 'starter' }));
    const { packages } = given(
      grants,
      starter,
      changed('assigned', 'extra'),
      changed('assigned', 'pro', { base: true, previous: 'starter' }),
    ).state();
    expect(packages.map((one) => one.package)).toEqual(['extra', 'pro']);
  });

  it('are cancelled only while they are held', () => {
    const cancel = (now = AT): GrantCommand => ({
      type: 'CancelPackage',
      data: { ...owner, package: 'extra' },
      now,
    });
    given(grants, changed('assigned', 'extra')).when(cancel()).then(changed('cancelled', 'extra'));
    given(grants).when(cancel()).thenRefused('not_found');
    given(grants, changed('assigned', 'extra', { expiresAt: LATER }))
      .when(cancel(LATER))
      .thenRefused('not_found');
    expect(
      given(grants, changed('assigned', 'extra'), changed('cancelled', 'extra')).state().packages,
    ).toEqual([]);
  });

  it('tell of another base package of the tier without holding it', () => {
    const told = changed('base_changed', 'pro', { base: true, previous: 'free' });
    given(grants)
      .when({ type: 'TellBaseChange', data: { ...owner, package: 'pro', previous: 'free' } })
      .then(told);
    expect(given(grants, changed('assigned', 'free'), told).state().packages).toHaveLength(1);
  });
});

describe('boosts', () => {
  const granted: GrantEvent = { type: 'BoostGranted', data: boostData };
  it('are granted once each', () => {
    given(grants).when({ type: 'GrantBoost', data: boostData, now: AT }).then(granted);
    given(grants, granted).when({ type: 'GrantBoost', data: boostData, now: AT }).then();
    expect(given(grants, granted).state().boosts).toEqual([
      {
        id: boostData.boostId,
        feature: 'posts',
        kind: 'add_limit',
        amount: 50,
        duration: 'permanent',
        grantedAt: AT,
        expiresAt: NEVER,
      },
    ]);
  });

  it('are not granted with an end in the past', () => {
    given(grants)
      .when({ type: 'GrantBoost', data: { ...boostData, expiresAt: AT }, now: AT })
      .thenRefused('validation_failed');
  });
});

describe('suspension', () => {
  it('is set, explained anew, and lifted; what holds already is not repeated', () => {
    const suspend = (reason: string | null): GrantCommand => ({
      type: 'SuspendEntitlements',
      data: { ...owner, reason },
    });
    given(grants).when(suspend(null)).then(suspended(null));
    given(grants, suspended(null)).when(suspend(null)).then();
    given(grants, suspended(null)).when(suspend('Unpaid')).then(suspended('Unpaid'));
    given(grants, suspended(null)).when({ type: 'ResumeEntitlements', data: owner }).then(resumed);
    given(grants).when({ type: 'ResumeEntitlements', data: owner }).then();
    expect(given(grants, suspended('Unpaid')).state().suspension).toEqual({ since: AT, reason: 'Unpaid' });
    expect(given(grants, suspended(null), resumed).state().suspension).toBeUndefined();
  });
});
