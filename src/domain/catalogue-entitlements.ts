// Catalogue of what may be used and what was: packages, boosts, usage.
import { area, type EventType, exampleIds } from './catalogue-area.js';
import { GrantEvent } from './entitlements/grants.js';
import { MeterEvent } from './entitlements/meter.js';
import { SnapshotEvent } from './snapshots.js';

const { workspaceId } = exampleIds;
const owner = { workspaceId, ownerType: 'workspace', ownerId: workspaceId } as const;
const meter = { ...owner, feature: 'api_calls', period: '2026-01' };

const grants = area<GrantEvent>(GrantEvent, {
  PackageChanged: {
    version: 1,
    category: 'entitlements',
    wire: 'entitlement.package_changed',
    description:
      'A package was assigned or cancelled, or the base package of a workspace changed with its tier (`base_changed`).',
    example: {
      ...owner,
      change: 'assigned',
      package: 'extra_storage',
      base: false,
      expiresAt: '2027-01-15T10:30:00.000Z',
      previous: null,
    },
  },
  BoostGranted: {
    version: 1,
    category: 'entitlements',
    wire: null,
    description: 'A boost was granted: more of a feature, a feature, or a feature without limit.',
    example: {
      ...owner,
      boostId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c008',
      feature: 'api_calls',
      kind: 'add_limit',
      amount: 5_000,
      duration: 'cycle',
      expiresAt: '2026-02-01T00:00:00.000Z',
    },
  },
  EntitlementsSuspended: {
    version: 1,
    category: 'entitlements',
    wire: null,
    description: 'All entitlements of an owner were suspended.',
    example: { ...owner, reason: 'Payment failed' },
  },
  EntitlementsResumed: {
    version: 1,
    category: 'entitlements',
    wire: null,
    description: 'The entitlements of an owner count again.',
    example: owner,
  },
});

const counts = { currentUsage: 5_001, limit: 10_000, packages: 10_000 };

const usage = area<MeterEvent>(MeterEvent, {
  UsageRecorded: {
    version: 1,
    category: 'usage',
    wire: 'usage.recorded',
    highVolume: true,
    description: 'Usage of a feature was recorded; the current usage beside it includes it.',
    example: { ...meter, quantity: 1, metadata: { endpoint: '/api/v1/posts' }, ...counts },
  },
  UsageCorrected: {
    version: 1,
    category: 'usage',
    wire: null,
    description:
      'A record of usage, by its revision in this stream, was corrected; both stay in the history.',
    example: {
      ...meter,
      record: 5_000,
      recordedAt: '2026-01-15T10:30:00.000Z',
      previous: 10,
      quantity: 1,
      reason: 'Counted twice',
      ...counts,
    },
  },
  UsageLimitWarned: {
    version: 1,
    category: 'usage',
    wire: 'entitlement.limit_warning',
    description: 'Usage has reached 80 or 90 per cent of its limit; told once until it falls below.',
    example: { ...meter, threshold: 80, currentUsage: 8_000, limit: 10_000 },
  },
  UsageLimitReached: {
    version: 1,
    category: 'usage',
    wire: 'entitlement.limit_reached',
    description: 'Usage has reached its limit; told once until it falls below.',
    example: { ...meter, threshold: 100, currentUsage: 10_000, limit: 10_000 },
  },
});

const snapshots = area<SnapshotEvent>(SnapshotEvent, {
  StateKept: {
    version: 1,
    category: 'usageSnapshot',
    wire: null,
    description: 'What a long stream folds to at a revision, so that reading it again takes few events.',
    example: {
      stream: `usage-${workspaceId}.api_calls.2026-01`,
      at: { revision: 5_000, position: 81_234 },
      version: 1,
      state: { used: 5_001, level: 0, overflow: 0, slices: [], corrected: [] },
    },
  },
});

export const entitlementTypes: readonly EventType[] = [grants, usage, snapshots].flat();
