// The read models of entitlements: what owners were given, and what they have used, for analysts and lists.
import type { Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import {
  type Assignment,
  type Boost,
  GrantEvent,
  type Grants,
  grants,
  noGrants,
} from '../domain/entitlements/grants.js';
import type { MeterEvent } from '../domain/entitlements/meter.js';
import { shared } from './fields.js';
import { type Projection, second, typesOf } from './projection.js';

type Owned = { readonly workspaceId: string; readonly ownerType: string; readonly ownerId: string };
const owned = {
  workspaceId: ['uuid', 'The workspace that it is about: the owner, or the one that pays for it.'],
  ownerType: ['text', '`workspace`, `namespace` or `user`.'],
  ownerId: ['uuid', 'Whose it is.'],
} as const;

/** `id` is the owner's. */
export type EntitlementsRow = Row &
  Owned & {
    readonly packages: readonly Assignment[];
    readonly boosts: readonly Boost[];
    readonly suspendedAt: string | null;
    readonly suspensionReason: string | null;
  };

const grantsOf = ({ packages, boosts, suspendedAt, suspensionReason }: EntitlementsRow): Grants => ({
  packages,
  boosts,
  ...(suspendedAt === null ? {} : { suspension: { since: suspendedAt, reason: suspensionReason } }),
});

export const entitlements: Projection<EntitlementsRow> = {
  name: 'entitlements',
  version: 1,
  holds: 'What an owner was given beyond the base package of its tier.',
  fields: {
    ...owned,
    packages: [
      'object[]',
      'Packages that were assigned and not cancelled: code, whether base, when, until when.',
    ],
    boosts: ['object[]', 'Boosts: feature, kind, amount, duration, when, until when.'],
    suspendedAt: ['instant?', 'Since when all of it is suspended.'],
    suspensionReason: ['text?', 'Why it is suspended.'],
  },
  indexes: ['workspaceId'],
  events: new Set(typesOf(GrantEvent)),
  idOf: ({ data }) => (data as Owned).ownerId,
  project(known, recorded) {
    const event = recorded as Recorded as Recorded<GrantEvent>;
    const { workspaceId, ownerType, ownerId } = event.data;
    const { packages, boosts, suspension } = grants.evolve(known ? grantsOf(known) : noGrants, event);
    return {
      id: ownerId,
      workspaceId,
      ownerType,
      ownerId,
      packages,
      boosts,
      suspendedAt: suspension?.since ?? null,
      suspensionReason: suspension?.reason ?? null,
    };
  },
};

/** One owner's count of one feature in one period. `id` is what follows `usage-` in its stream's name. */
export type MeterRow = Row &
  Owned & {
    readonly feature: string;
    readonly period: string;
    readonly used: number;
    readonly limit: number | null;
    readonly records: number;
    readonly corrections: number;
    readonly createdAt: string;
    readonly updatedAt: string;
  };

export const meters: Projection<MeterRow> = {
  name: 'meters',
  version: 1,
  holds: 'One owner’s usage of one feature in one period.',
  fields: {
    ...owned,
    feature: ['text', 'Code of the feature.'],
    period: ['text', '`all`, a month such as `2026-01`, or `rolling30` for the last 30 days.'],
    used: ['integer', 'Usage as the last record or correction left it.'],
    limit: ['integer?', 'The limit that it was decided by; null = none.'],
    records: ['integer', 'How many records there are.'],
    corrections: ['integer', 'How many corrections there are.'],
    createdAt: shared.createdAt,
    updatedAt: shared.updatedAt,
  },
  indexes: ['workspaceId', 'ownerId'],
  events: new Set(['UsageRecorded', 'UsageCorrected']),
  idOf: ({ stream }) => stream.slice(stream.indexOf('-') + 1),
  project(known, recorded) {
    const { type, data, metadata, stream } = recorded as Recorded as Recorded<MeterEvent>;
    if (type !== 'UsageRecorded' && type !== 'UsageCorrected') return undefined;
    const { workspaceId, ownerType, ownerId, feature, period, currentUsage: used, limit } = data;
    const isRecord = type === 'UsageRecorded';
    return {
      id: stream.slice(stream.indexOf('-') + 1),
      workspaceId,
      ownerType,
      ownerId,
      feature,
      period,
      used,
      limit,
      records: (known?.records ?? 0) + (isRecord ? 1 : 0),
      corrections: (known?.corrections ?? 0) + (isRecord ? 0 : 1),
      createdAt: known?.createdAt ?? second(metadata.at),
      updatedAt: second(metadata.at),
    };
  },
};
