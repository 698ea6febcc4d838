// The rows of entitlements and meters, event by event.
import { expect, it } from 'vitest';
import type { GrantEvent } from '../../src/domain/entitlements/grants.js';
import type { MeterEvent } from '../../src/domain/entitlements/meter.js';
import { entitlements, meters } from '../../src/projections/entitlements.js';
import { projected, recorded } from '../support/projected.js';

const id = '01980000-0000-7000-8000-000000000001';
const owner = { workspaceId: id, ownerType: 'workspace' as const, ownerId: id };
const LATER = '2027-01-01T00:00:00.000Z';
const given = (...events: GrantEvent[]) => projected(entitlements, `entitlements-${id}`, events);
const assigned: GrantEvent = {
  type: 'PackageChanged',
  data: { ...owner, change: 'assigned', package: 'extra', base: false, expiresAt: LATER, previous: null },
};
const boosted: GrantEvent = {
  type: 'BoostGranted',
  data: {
    ...owner,
    boostId: id,
    feature: 'posts',
    kind: 'add_limit',
    amount: 5,
    duration: 'timed',
    expiresAt: LATER,
  },
};
const suspended: GrantEvent = { type: 'EntitlementsSuspended', data: { ...owner, reason: 'Unpaid' } };

it('an owner’s row has what was given, and since when it is suspended', () => {
  expect(given(assigned, boosted, suspended)).toEqual({
    id,
    ...owner,
    packages: [{ package: 'extra', base: false, assignedAt: '2026-01-15T10:30:00.000Z', expiresAt: LATER }],
    boosts: [
      {
        id,
        feature: 'posts',
        kind: 'add_limit',
        amount: 5,
        duration: 'timed',
        grantedAt: '2026-01-15T10:30:01.000Z',
        expiresAt: LATER,
      },
    ],
    suspendedAt: '2026-01-15T10:30:02.000Z',
    suspensionReason: 'Unpaid',
  });
});

it('what was taken back, resumed or only told of leaves no trace in the row', () => {
  const cancelled = {
    ...assigned,
    data: { ...assigned.data, change: 'cancelled', expiresAt: null },
  } as GrantEvent;
  const told = { ...cancelled, data: { ...cancelled.data, change: 'base_changed' } } as GrantEvent;
  const resumed: GrantEvent = { type: 'EntitlementsResumed', data: owner };
  expect(given(assigned, cancelled, suspended, resumed, told)).toMatchObject({
    packages: [],
    boosts: [],
    suspendedAt: null,
    suspensionReason: null,
  });
});

const about = { ...owner, feature: 'posts', period: 'all' };
const stream = `usage-${id}.posts.all`;
const record = (quantity: number, currentUsage: number): MeterEvent => ({
  type: 'UsageRecorded',
  data: { ...about, quantity, currentUsage, limit: 100, packages: 100 },
});

it('a meter’s row counts records and corrections, and shows the last count', () => {
  const corrected: MeterEvent = {
    type: 'UsageCorrected',
    data: {
      ...about,
      record: 0,
      recordedAt: '2026-01-15T10:30:00.000Z',
      previous: 80,
      quantity: 10,
      reason: 'x',
      currentUsage: 15,
      limit: 200,
      packages: 200,
    },
  };
  expect(projected(meters, stream, [record(80, 80), record(5, 85), corrected])).toEqual({
    id: `${id}.posts.all`,
    ...about,
    used: 15,
    limit: 200,
    records: 2,
    corrections: 1,
    createdAt: '2026-01-15T10:30:00.000Z',
    updatedAt: '2026-01-15T10:30:02.000Z',
  });
});

it('a meter’s row does not change when a threshold is told', () => {
  const warned = {
    type: 'UsageLimitWarned',
    data: { ...about, threshold: 80, currentUsage: 80, limit: 100 },
  };
  expect(meters.events.has('UsageLimitWarned')).toBe(false);
  expect(meters.project(undefined, recorded(warned, stream), 0)).toBeUndefined();
});
