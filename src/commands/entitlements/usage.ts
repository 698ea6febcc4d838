// Usage: what an owner may still do, and what it has done. A record is one append to its meter, decided there.
import type { EventLog } from '../../adapters/event-log/port.js';
import type { Actor, JsonObject, Recorded } from '../../domain/decider.js';
import {
  meter as decider,
  type MeterEvent,
  meterSnapshots,
  type RecordedUsage,
  type RecordUsage,
} from '../../domain/entitlements/meter.js';
import { periodsSince } from '../../domain/entitlements/periods.js';
import { countedFeature, type Feature, type Plans } from '../../domain/entitlements/plans.js';
import { meterId, parseUsageId, type UsagePlace, usageId } from '../../domain/entitlements/usage-id.js';
import { otherDenials } from '../../domain/entitlements/words.js';
import { DomainError, invalid, notFound } from '../../domain/errors.js';
import type { CommandContext } from '../context.js';
import type { Handled } from '../folding.js';
import { streams } from '../handle.js';
import { type Chain, type GrantStreams, type MeterStreams, type Stand, standing } from './standing.js';

export type NewUsage = {
  readonly feature: string;
  readonly quantity: number;
  readonly metadata?: JsonObject | undefined;
};
/** A record as it was decided: the count includes it. */
export type UsageAnswer = {
  readonly id: string;
  readonly feature: string;
  readonly currentUsage: number;
  readonly limit: number | null;
  readonly overLimit: boolean;
};
export type CorrectionAnswer = {
  readonly id: string;
  readonly feature: string;
  readonly quantity: number;
  readonly previous: number;
  readonly currentUsage: number;
  readonly limit: number | null;
};

export type UsageCommands = {
  /**
   * Throws `feature_limit_reached` where it is not allowed, `validation_failed` for a feature that does not exist.
   * `paidSince`: who else (UUIDs) may have been asked since an instant; only a retry wants to know.
   */
  record(
    chain: Chain,
    input: NewUsage,
    command: CommandContext,
    paidSince?: (since: string) => Promise<readonly string[]>,
  ): Promise<UsageAnswer>;
  /**
   * Says what a record should have said. Throws `not_found`, and `feature_limit_reached` when it then exceeds the limit.
   * `mine` holds the owners (UUIDs) whose records are all the caller's to correct; of others only what they recorded.
   */
  correct(
    chain: Chain,
    id: string,
    input: { quantity: number; reason: string; mine: readonly string[] },
    command: CommandContext,
  ): Promise<CorrectionAnswer>;
  readonly stand: Stand;
  readonly meters: MeterStreams;
};

const refuse = (feature: Feature, reason: 'FEATURE_NOT_INCLUDED' | 'WORKSPACE_SUSPENDED'): never => {
  throw new DomainError('feature_limit_reached', otherDenials[reason](feature.name), {
    feature: feature.code,
    reason,
  });
};

/** True when the same user acted twice. */
const isBySame = (one: Actor, other: Actor): boolean =>
  'user' in one && 'user' in other && one.user === other.user;

/** How many meters are kept folded. */
const CACHED = 50_000;
/** Processes that share a hot meter get in each other's way all the time: one of them gets through each time. */
const MAX_TRIES = 100;
/** A command may be repeated for so long, ms, by clocks that may differ so much. */
const DAY_MS = 86_400_000;
const CLOCKS_MS = 60_000;
const nobody = async (): Promise<readonly string[]> => [];

export const usageCommands = (deps: {
  readonly log: EventLog;
  readonly plans: Plans;
  readonly granted: GrantStreams;
  readonly now: () => Date;
  /** Counts what exceeds a limit instead of refusing it. */
  readonly admitOver: boolean;
}): UsageCommands => {
  const { log, plans, granted, now, admitOver } = deps;
  const meters: MeterStreams = streams(log, 'usage', decider, {
    now,
    cached: CACHED,
    snapshots: meterSnapshots,
    maxTries: MAX_TRIES,
  });
  const { allow, stand } = standing(plans, granted, meters);

  const answer = ({ events, revision }: Handled<unknown, MeterEvent>): UsageAnswer => {
    const [first] = events;
    if (first?.type !== 'UsageRecorded') throw new Error('a record of usage left no event');
    const { data } = first;
    const { ownerId, feature, period } = data;
    return {
      id: usageId({ ownerId, feature, period, revision: revision - events.length + 1 }),
      feature: data.named ?? feature,
      currentUsage: data.currentUsage,
      limit: data.limit,
      overLimit: data.overLimit === true,
    };
  };

  /** What an earlier run has recorded: on any meter that it may have been counted on. */
  const recordedBefore = async (
    chain: Chain,
    feature: Feature,
    command: CommandContext,
    paidSince: (since: string) => Promise<readonly string[]>,
  ) => {
    const counted = countedFeature(plans, feature);
    const { now: at, since: first } = command;
    const began = first === undefined ? Date.parse(at) - DAY_MS : Date.parse(first);
    const since = new Date(began - CLOCKS_MS).toISOString();
    const owners = new Set([...chain.map(({ owner }) => owner.id), ...(await paidSince(since))]);
    for (const period of periodsSince(counted.reset, since, at))
      for (const ownerId of owners) {
        const found = await meters.found(meterId({ ownerId, feature: counted.code, period }), command);
        if (found) return answer(found);
      }
    return undefined;
  };

  const eventAt = async (place: UsagePlace): Promise<Recorded<{ type: string; data: RecordedUsage }>> => {
    for await (const event of log.read(`usage-${meterId(place)}`, { from: place.revision, limit: 1 }))
      if (event.type === 'UsageRecorded')
        return event as Recorded as Recorded<{ type: string; data: RecordedUsage }>;
    throw notFound();
  };

  /** The limits of a record's meter: today's while its period lasts, else those that it was decided by. */
  const termsFor = async (chain: Chain, data: RecordedUsage, at: string) => {
    const feature = plans.features.get(data.feature);
    const current = feature && (await allow(chain, feature, at));
    const { limit, packages } = current && meterId(current.meter) === meterId(data) ? current : data;
    return { limit, packages, now: at, admitOver };
  };

  return {
    stand,
    meters,

    async record(chain, { feature: code, quantity, metadata }, command, paidSince = nobody) {
      const feature = plans.features.get(code);
      if (!feature) throw invalid({ feature: 'The selected feature is invalid.' });
      const before = command.retry ? await recordedBefore(chain, feature, command, paidSince) : undefined;
      if (before) return before;
      const allowing = allow(chain, feature, command.now);
      const { meter, limit, packages, included, suspended } =
        allowing instanceof Promise ? await allowing : allowing;
      if (suspended) refuse(feature, 'WORKSPACE_SUSPENDED');
      if (!included) refuse(feature, 'FEATURE_NOT_INCLUDED');
      const terms = { limit, packages, now: command.now, admitOver };
      const record: RecordUsage = { type: 'RecordUsage', meter, terms, quantity };
      if (feature.code !== meter.feature) record.named = feature.code;
      if (metadata !== undefined) record.metadata = metadata;
      const options = { subject: meter.workspaceId };
      return answer(await meters.handle(meterId(meter), record, command, options));
    },

    async correct(chain, id, { quantity, reason, mine }, command) {
      const place = parseUsageId(id);
      if (!place || !chain.some(({ owner }) => owner.id === place.ownerId)) throw notFound();
      const { data, metadata } = await eventAt(place);
      const isTheirs = mine.includes(place.ownerId) || isBySame(metadata.actor, command.actor);
      if (!isTheirs) throw notFound();
      const { workspaceId, ownerType, ownerId, feature, period } = data;
      const meter = { workspaceId, ownerType, ownerId, feature, period };
      const correction = {
        type: 'CorrectUsage' as const,
        meter,
        terms: await termsFor(chain, data, command.now),
        record: place.revision,
        recordedAt: metadata.at,
        recorded: data.quantity,
        quantity,
        reason,
      };
      const done = await meters.handle(meterId(meter), correction, command, { subject: workspaceId });
      const [event] = done.events;
      const shown = { id, feature: data.named ?? feature, quantity };
      if (event?.type === 'UsageCorrected') {
        const { previous, currentUsage, limit } = event.data;
        return { ...shown, previous, currentUsage, limit };
      }
      return { ...shown, previous: quantity, currentUsage: done.state.used, limit: correction.terms.limit };
    },
  };
};
