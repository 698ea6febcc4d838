// The fan-out: who gets an event becomes a fact in the log. Its own stream is its checkpoint, numbering and fence.
import { type EventLog, type NewEvent, RevisionConflict } from '../adapters/event-log/port.js';
import { StaleCommand } from '../commands/folding.js';
import { deliverableTypes, wireNameOf } from '../domain/catalogue.js';
import type { Recorded } from '../domain/decider.js';
import { FANOUT, type FanoutEvent } from '../domain/deliveries.js';
import { derivedId, newId } from '../domain/ids.js';
import { firstDue, type Schedule } from '../domain/retry-schedule.js';
import type { Handler } from '../projections/handler.js';
import { type Attempt, type DisablingRules, disabling } from './disabling.js';
import {
  type Decided,
  type Endpoints,
  endpointsFold,
  endpointTypes,
  type FannedEndpoint,
} from './endpoints.js';

export type SubscriberDeps = {
  readonly log: EventLog;
  readonly now: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  /** For endpoints without one of their own. */
  readonly schedule: Schedule;
  readonly disabling: DisablingRules;
  /** Carries a decision out; doing it twice does it once. */
  readonly disable: (decision: Decided) => Promise<void>;
  /** Most deliveries in one append. */
  readonly chunk?: number;
  /** Most events handled without a mark in the log, so that a restart has little to do again. */
  readonly advanceEvery?: number;
};

export type Subscriber = {
  readonly handler: Handler;
  /** Marks how far it has come. Call after the follower has stopped. */
  stop(): Promise<void>;
};

type Queued = { readonly event: Recorded; readonly endpoint: FannedEndpoint; readonly endpointIndex: number };
type ToAppend = NewEvent & FanoutEvent;

const MAX_TRIES = 5;
const types: ReadonlySet<string> = new Set([...deliverableTypes, ...endpointTypes, 'DeliveryAttempted']);

/** Metadata of a step of the system itself. `cause` is the event that led to it. */
const metadataOf = (at: string, commandId: string, workspaceId?: string, cause?: Recorded) => ({
  at,
  audience: workspaceId === undefined ? [] : [workspaceId],
  actor: { system: 'fanout' },
  commandId,
  correlationId: cause?.metadata.correlationId ?? commandId,
  ...(cause ? { causationId: cause.id } : {}),
});

/** The fan-out of one process. Several at once hinder each other, but queue nothing twice. */
export const subscriber = (deps: SubscriberDeps): Subscriber => {
  const { log, now, chunk = 500, advanceEvery = 5_000 } = deps;
  let endpoints: Endpoints = endpointsFold();
  let streaks = disabling(log, deps.disabling);
  /** Position up to which events are folded and, but for `pending`, recorded. */
  let handled = -1;
  /** Revision of the fan-out's stream, and the number of the last delivery. */
  let revision = -1;
  let number = 0;
  let pending: ToAppend[] = [];
  /** Events handled since the last one that is recorded. */
  let unmarked = 0;
  /** What is in memory may not be what is in the log: read it again. */
  let stale = true;
  const carriedOut = new Set<string>();

  const queued = ({ event, endpoint, endpointIndex }: Queued): ToAppend => {
    const at = now();
    const schedule = endpoint.retrySchedule ?? deps.schedule;
    const due = firstDue(schedule, at.getTime(), deps.random());
    const deliveryId = derivedId(event.id, endpoint.id);
    number += 1;
    return {
      id: newId(),
      type: 'DeliveryQueued',
      data: {
        deliveryId,
        endpointId: endpoint.id,
        workspaceId: endpoint.workspaceId,
        source: event.position,
        number,
        eventId: event.id,
        eventType: wireNameOf(event) ?? '',
        sourceStream: event.stream,
        sourceRevision: event.revision,
        endpointIndex,
        ...(due > at.getTime() ? { dueAt: new Date(due).toISOString() } : {}),
      },
      metadata: metadataOf(at.toISOString(), deliveryId, endpoint.workspaceId, event),
    };
  };

  const fanOut = (event: Recorded, after = -1) => {
    for (const [endpointIndex, endpoint] of endpoints.recipients(event).entries())
      if (endpointIndex > after) pending.push(queued({ event, endpoint, endpointIndex }));
  };

  const judge = async (attempt: Attempt) => {
    const endpoint = endpoints.get(attempt.data.endpointId);
    const reason = endpoint && (await streaks.judge(attempt, endpoint));
    if (!endpoint || !reason) return;
    const { id: endpointId, workspaceId, revision: endpointRevision } = endpoint;
    pending.push({
      id: newId(),
      type: 'EndpointDisablingDecided',
      data: { endpointId, workspaceId, source: attempt.position, number, reason, endpointRevision },
      metadata: metadataOf(now().toISOString(), newId(), workspaceId, attempt),
    });
  };

  const append = async (events: readonly ToAppend[]) => {
    const appended = await log.append(FANOUT, events, revision === -1 ? 'no_stream' : revision);
    revision = appended.revision;
  };

  const flush = async () => {
    while (pending.length > 0) {
      await append(pending.slice(0, chunk));
      pending = pending.slice(chunk);
    }
  };

  const take = async (event: Recorded) => {
    if (event.position <= handled) return;
    const known = endpoints.get((event.data as { endpointId?: string }).endpointId ?? '');
    endpoints.apply(event);
    if (known && endpoints.get(known.id)?.activatedAt !== known.activatedAt) streaks.reset(known.id);
    if (event.type === 'DeliveryAttempted') await judge(event as Recorded as Attempt);
    else fanOut(event);
    handled = event.position;
    unmarked = pending.at(-1)?.data.source === handled ? 0 : unmarked + 1;
    if (pending.length >= chunk) await flush();
  };

  const mark = async () => {
    const metadata = metadataOf(now().toISOString(), newId());
    await append([{ id: newId(), type: 'FanoutAdvanced', data: { source: handled, number }, metadata }]);
    unmarked = 0;
  };

  const carryOut = async () => {
    for (const decision of endpoints.outstanding()) {
      if (carriedOut.has(decision.id)) continue;
      try {
        await deps.disable(decision);
      } catch (error) {
        // Done more than a day ago, before a long stop.
        if (!(error instanceof StaleCommand)) throw error;
      }
      carriedOut.add(decision.id);
    }
  };

  const lastMark = async (): Promise<Recorded<FanoutEvent> | undefined> => {
    for await (const event of log.read(FANOUT, { backwards: true, limit: 1 }))
      return event as Recorded as Recorded<FanoutEvent>;
    return undefined;
  };

  /** Goes back to what the log says: the last mark, the endpoints at that position, and the rest of its event. */
  const reload = async () => {
    const mark = await lastMark();
    endpoints = endpointsFold();
    streaks = disabling(log, deps.disabling);
    pending = [];
    unmarked = 0;
    revision = mark?.revision ?? -1;
    number = mark?.data.number ?? 0;
    handled = mark?.data.source ?? -1;
    if (!mark) return;
    for await (const event of log.readAll(-1, { types: endpointTypes })) {
      if (event.position > handled) break;
      endpoints.apply(event);
    }
    if (mark.type !== 'DeliveryQueued') return;
    const { sourceStream, sourceRevision, endpointIndex } = mark.data;
    for await (const event of log.read(sourceStream, { from: sourceRevision, limit: 1 }))
      fanOut(event, endpointIndex);
  };

  /** Everything up to a position, from the batch or, where that does not begin where the log's own mark is, from the log. */
  const work = async (events: readonly Recorded[], position: number) => {
    const behind = stale;
    if (stale) await reload();
    stale = true;
    await flush();
    if (!behind) for (const event of events) await take(event);
    else
      for await (const event of log.readAll(handled, { types })) {
        if (event.position > position) break;
        await take(event);
      }
    await flush();
    handled = Math.max(handled, position);
    if (unmarked > advanceEvery) await mark();
    stale = false;
    await carryOut();
  };

  const stop = async () => {
    if (!stale && unmarked > 0) await mark();
  };

  return {
    handler: {
      name: 'fanout',
      types,
      stop,
      async start() {
        await reload();
        stale = false;
        return handled;
      },
      async handle({ events, position }) {
        for (let tries = 1; ; tries++) {
          try {
            return await work(events, position);
          } catch (error) {
            // Another subscriber has gone on: so do we, from where it is.
            if (!(error instanceof RevisionConflict) || tries === MAX_TRIES) throw error;
          }
        }
      },
    },
    stop,
  };
};
