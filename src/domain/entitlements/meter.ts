// Counts usage of one feature by one owner in one period, against the limit that holds at each record. Pure.
import { z } from 'zod';
import { type Decider, event, type JsonObject } from '../decider.js';
import { DomainError, invalid } from '../errors.js';
import type { Snapshots } from '../snapshots.js';
import { owned } from './grants.js';
import { added, type Slice, windowOf, within } from './periods.js';

/** Per cent of the limit that are told of, once each until usage falls below. */
export const thresholds = [80, 90, 100] as const;

const metered = { ...owned, feature: z.string(), period: z.string() };
/** Count and limit right after the event. `packages` is the limit of the packages alone; null = no limit. */
const counted = { currentUsage: z.int(), limit: z.int().nullable(), packages: z.int().nullable() };
const crossed = { ...metered, threshold: z.int(), currentUsage: z.int(), limit: z.int() };

export const MeterEvent = z.discriminatedUnion('type', [
  event('UsageRecorded', {
    ...metered,
    ...counted,
    quantity: z.int(),
    /** The feature that was named, where it shares the pool of `feature`. */
    named: z.string().optional(),
    metadata: z.record(z.string(), z.json()).optional(),
    overLimit: z.literal(true).optional(),
  }),
  /** `record` is the revision of the event that is corrected, `recordedAt` its time. */
  event('UsageCorrected', {
    ...metered,
    ...counted,
    record: z.int(),
    recordedAt: z.string(),
    previous: z.int(),
    quantity: z.int(),
    reason: z.string(),
    overLimit: z.literal(true).optional(),
  }),
  event('UsageLimitWarned', crossed),
  event('UsageLimitReached', crossed),
]);
export type MeterEvent = z.infer<typeof MeterEvent>;
type DataOf<T extends MeterEvent['type']> = Extract<MeterEvent, { type: T }>['data'];
export type RecordedUsage = DataOf<'UsageRecorded'>;
export type Metered = Pick<RecordedUsage, 'workspaceId' | 'ownerType' | 'ownerId' | 'feature' | 'period'>;

/** The limits that hold, when it is judged, and whether what exceeds them is counted all the same. */
export type Terms = {
  readonly limit: number | null;
  readonly packages: number | null;
  /** ISO instant. */
  readonly now: string;
  readonly admitOver: boolean;
};
type About = { readonly meter: Metered; readonly terms: Terms };
/** A record that is to be decided; `named` = the feature that was named, where it shares the pool of another. */
export type RecordUsage = About & {
  type: 'RecordUsage';
  quantity: number;
  named?: string;
  metadata?: JsonObject;
};
export type MeterCommand =
  | RecordUsage
  | (About & {
      type: 'CorrectUsage';
      record: number;
      recordedAt: string;
      recorded: number;
      quantity: number;
      reason: string;
    });

export type Meter = {
  readonly used: number;
  /** Highest threshold that the last count had reached; 0 = none. */
  readonly level: number;
  /** What the last count had beyond the packages' own limit. */
  readonly overflow: number;
  /** Of a rolling window: what was used when. */
  readonly slices: readonly Slice[];
  /** Records that were corrected, by revision: what they say now. */
  readonly corrected: ReadonlyMap<number, number>;
};
export const emptyMeter: Meter = { used: 0, level: 0, overflow: 0, slices: [], corrected: new Map() };

/** Records of one meter that can be corrected: each is remembered for as long as the meter. */
const MAX_CORRECTED = 10_000;

/** What counts at an instant (ISO). Only a rolling window changes by time alone. */
export const usedAt = ({ used, slices }: Meter, period: string, now: string): number => {
  const window = slices.length === 0 ? undefined : windowOf(period);
  if (!window) return used;
  return within(slices, window, Date.parse(now)).reduce((sum, slice) => sum + slice.used, 0);
};

const levelOf = (used: number, limit: number | null): number => {
  if (limit === null) return 0;
  // Numbers up to 2^53 times a hundred: BigInt keeps them exact where a product would not.
  const reached = (per: number) =>
    used < 90_000_000_000_000
      ? used * 100 >= limit * per
      : BigInt(used) * 100n >= BigInt(limit) * BigInt(per);
  return thresholds.findLast(reached) ?? 0;
};

const limitReached = (feature: string) =>
  new DomainError('feature_limit_reached', 'You have reached your limit for this feature.', { feature });

/** Checks a new count against the limit; true when it is over it and admitted all the same. */
const admit = (total: number, more: number, { meter, terms }: MeterCommand): boolean => {
  const over = terms.limit !== null && more > 0 && total > terms.limit;
  if (over && !terms.admitOver) throw limitReached(meter.feature);
  if (!Number.isSafeInteger(total))
    throw invalid({ quantity: `The quantity would make the usage greater than ${Number.MAX_SAFE_INTEGER}.` });
  return over;
};

/** Thresholds that were not reached before and are now. */
const crossings = (
  state: Meter,
  used: number,
  total: number,
  { meter, terms }: MeterCommand,
): MeterEvent[] => {
  const { limit } = terms;
  const level = levelOf(total, limit);
  if (limit === null || level === 0 || total <= used) return [];
  const before = Math.min(state.level, levelOf(used, limit));
  const data = { ...meter, currentUsage: total, limit };
  return thresholds
    .filter((threshold) => threshold > before && threshold <= level)
    .map((threshold) =>
      threshold === 100
        ? { type: 'UsageLimitReached', data: { ...data, threshold } }
        : { type: 'UsageLimitWarned', data: { ...data, threshold } },
    );
};

export const meter: Decider<Meter, MeterCommand, MeterEvent> = {
  initialState: emptyMeter,

  decide(command, state) {
    const { meter: about, terms } = command;
    const { limit, packages, now } = terms;
    const used = usedAt(state, about.period, now);
    if (command.type === 'RecordUsage') {
      const { quantity, named, metadata } = command;
      const currentUsage = used + quantity;
      const over = admit(currentUsage, quantity, command);
      const { workspaceId, ownerType, ownerId, feature, period } = about;
      // Field by field: spreads cost several times as much, and this is the hottest write of all.
      const data: RecordedUsage = {
        workspaceId,
        ownerType,
        ownerId,
        feature,
        period,
        quantity,
        currentUsage,
        limit,
        packages,
      };
      if (named !== undefined) data.named = named;
      if (metadata !== undefined) data.metadata = metadata;
      if (over) data.overLimit = true;
      return [{ type: 'UsageRecorded', data }, ...crossings(state, used, currentUsage, command)];
    }
    const { record, recordedAt, quantity, reason } = command;
    const previous = state.corrected.get(record) ?? command.recorded;
    if (quantity === previous) return [];
    if (!state.corrected.has(record) && state.corrected.size >= MAX_CORRECTED)
      throw new DomainError('conflict', `At most ${MAX_CORRECTED} records of one period can be corrected.`);
    // A record may have left a rolling window: then correcting it changes what it says, not the count.
    const window = windowOf(about.period);
    const at = Date.parse(recordedAt);
    const counts = !window || within([{ start: at, used: 0 }], window, Date.parse(now)).length > 0;
    const currentUsage = Math.max(0, counts ? used + quantity - previous : used);
    const over = admit(currentUsage, counts ? quantity - previous : 0, command);
    const data = {
      ...about,
      record,
      recordedAt,
      previous,
      quantity,
      reason,
      currentUsage,
      limit,
      packages,
      ...(over ? { overLimit: true as const } : {}),
    };
    return [{ type: 'UsageCorrected', data }, ...crossings(state, used, currentUsage, command)];
  },

  evolve(state, { type, data, metadata: { at } }) {
    if (type !== 'UsageRecorded' && type !== 'UsageCorrected') return state;
    const { currentUsage, limit, packages } = data;
    const level = levelOf(currentUsage, limit);
    // What only falls has told nothing.
    const falls = type === 'UsageCorrected' && data.quantity <= data.previous;
    const overflow = packages === null ? 0 : Math.max(0, currentUsage - packages);
    const window = windowOf(data.period);
    const sliced = (when: string, quantity: number) =>
      window
        ? added(within(state.slices, window, Date.parse(at)), window, Date.parse(when), quantity)
        : state.slices;
    const { corrected } = state;
    if (type === 'UsageRecorded')
      return { used: currentUsage, level, overflow, slices: sliced(at, data.quantity), corrected };
    return {
      used: currentUsage,
      level: falls ? Math.min(state.level, level) : level,
      overflow,
      slices: sliced(data.recordedAt, data.quantity - data.previous),
      corrected: new Map(corrected).set(data.record, data.quantity),
    };
  },
};

/** A meter is a long stream: a month of a busy feature has a million records. */
export const meterSnapshots: Snapshots<Meter> = {
  version: 1,
  every: 1_000,
  write: ({ used, level, overflow, slices, corrected }) => ({
    used,
    level,
    overflow,
    slices: slices.map(({ start, used: count }) => [start, count]),
    corrected: [...corrected].map(([record, quantity]) => [record, quantity]),
  }),
  read(kept: JsonObject) {
    // Written by the function above, of the same version.
    const { used, level, overflow, slices, corrected } = kept as unknown as Pick<
      Meter,
      'used' | 'level' | 'overflow'
    > & { slices: [number, number][]; corrected: [number, number][] };
    return {
      used,
      level,
      overflow,
      slices: slices.map(([start, count]) => ({ start, used: count })),
      corrected: new Map(corrected),
    };
  },
};
