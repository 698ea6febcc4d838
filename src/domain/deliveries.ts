// What can happen to a delivery (one event on its way to one endpoint), and why a retry is refused. Pure.
import { z } from 'zod';
import { type Decider, event, Instant, NEVER } from './decider.js';
import { DomainError, notFound } from './errors.js';
import { disablingReasons } from './webhooks.js';

/** The one stream of the fan-out, and the stream of an endpoint's attempts. */
export const FANOUT = 'fanout';
export const deliveriesStream = (endpointId: string): string => `endpointDeliveries-${endpointId}`;

const endpoint = { endpointId: z.uuid(), workspaceId: z.uuid() };
/** Position in the log up to which the fan-out has come, and the number of the last delivery so far: its checkpoint. */
const advanced = { source: z.int(), number: z.int() };

/** Events of the stream `fanout`. */
export const FanoutEvent = z.discriminatedUnion('type', [
  event('DeliveryQueued', {
    deliveryId: z.uuid(),
    ...endpoint,
    ...advanced,
    eventId: z.uuid(),
    /** Name on the wire. */
    eventType: z.string(),
    sourceStream: z.string(),
    sourceRevision: z.int(),
    /** Which of the source's endpoints this is: its deliveries may need two appends. */
    endpointIndex: z.int(),
    /** Absent = at once. */
    dueAt: Instant.optional(),
  }),
  event('FanoutAdvanced', advanced),
  // `endpointRevision`: what the decision knew of the endpoint's own stream.
  event('EndpointDisablingDecided', {
    ...endpoint,
    ...advanced,
    reason: z.enum(disablingReasons),
    endpointRevision: z.int(),
  }),
]);
export type FanoutEvent = z.infer<typeof FanoutEvent>;
export type DeliveryQueued = Extract<FanoutEvent, { type: 'DeliveryQueued' }>;

const target = { deliveryId: z.uuid(), ...endpoint };
const attempted = z.object({
  /** Counts from 1. */
  attempt: z.int().positive(),
  startedAt: Instant,
  durationMs: z.int().nonnegative(),
  /** `retry` = another attempt follows at `nextRetryAt`. */
  outcome: z.enum(['success', 'retry', 'failure']),
  /** Null = no answer. */
  responseCode: z.int().nullable(),
  /** Its first 10,000 characters. */
  responseBody: z.string().nullable(),
  error: z.string().nullable(),
  /** The endpoint answered 410. */
  gone: z.literal(true).optional(),
  nextRetryAt: Instant.nullable(),
});
export type Attempted = z.infer<typeof attempted>;

export const cancelReasons = ['endpoint_deleted', 'endpoint_gone', 'workspace_deleted'] as const;
export type CancelReason = (typeof cancelReasons)[number];

/** Events of the streams `endpointDeliveries-<endpoint>`: each holds the outcomes of many deliveries. */
export const DeliveryEvent = z.discriminatedUnion('type', [
  event('DeliveryAttempted', { ...target, ...attempted.shape }),
  // `attempt` is the one that is now due.
  event('DeliveryRetryRequested', { ...target, attempt: z.int().positive() }),
  event('DeliveryCancelled', { ...target, reason: z.enum(cancelReasons) }),
]);
export type DeliveryEvent = z.infer<typeof DeliveryEvent>;

/** The whole record of one delivery. */
export type Delivery = {
  readonly id: string;
  readonly number: number;
  readonly endpointId: string;
  readonly workspaceId: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly sourceStream: string;
  readonly sourceRevision: number;
  readonly status: 'pending' | 'retrying' | 'success' | 'failed' | 'cancelled';
  /** Attempts made. */
  readonly made: number;
  /** The last attempt made; while pending, the next one. */
  readonly attempt: number;
  readonly responseCode: number | null;
  /** When the next attempt is due; NEVER when none is. */
  readonly nextAt: string;
  readonly deliveredAt: string | null;
  /** When it came to rest; NEVER while it is open. */
  readonly finishedAt: string;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type DeliveryCommand =
  | { type: 'RecordAttempt'; attempted: Attempted }
  | { type: 'RequestRetry'; maxAttempts: number; now: string }
  | { type: 'Cancel'; reason: CancelReason };

export const isOpen = ({ status }: Delivery): boolean => status === 'pending' || status === 'retrying';

/** The attempt that is due next (or being made). */
export const nextAttempt = ({ made }: Delivery): number => made + 1;

const later = (instant: string, ms: number): string => new Date(Date.parse(instant) + ms).toISOString();

/** What an answer means. Every 2xx is a success; null = no answer. `retry` holds as long as attempts are left. */
export const verdict = (responseCode: number | null): Attempted['outcome'] => {
  if (responseCode === null || responseCode >= 500) return 'retry';
  if (responseCode >= 200 && responseCode < 300) return 'success';
  return [408, 425, 429].includes(responseCode) ? 'retry' : 'failure';
};

/** A delivery as the fan-out queued it. */
export const queuedDelivery = ({ data }: DeliveryQueued, at: string): Delivery => ({
  id: data.deliveryId,
  number: data.number,
  endpointId: data.endpointId,
  workspaceId: data.workspaceId,
  eventId: data.eventId,
  eventType: data.eventType,
  sourceStream: data.sourceStream,
  sourceRevision: data.sourceRevision,
  status: 'pending',
  made: 0,
  attempt: 1,
  responseCode: null,
  nextAt: data.dueAt ?? at,
  deliveredAt: null,
  finishedAt: NEVER,
  createdAt: at,
  updatedAt: at,
});

const cannotRetry = (message: string) => new DomainError('cannot_retry', message);

const decideRetry = (state: Delivery, maxAttempts: number, now: string): number | undefined => {
  if (state.status === 'success') throw cannotRetry('This delivery has already succeeded.');
  if (state.made >= maxAttempts)
    throw cannotRetry('This delivery has reached its maximum number of attempts.');
  return state.status === 'pending' && state.nextAt <= now ? undefined : nextAttempt(state);
};

const evolveAttempted = (state: Delivery, data: Attempted): Partial<Delivery> => {
  const ended = later(data.startedAt, data.durationMs);
  const made = { made: data.attempt, attempt: data.attempt, responseCode: data.responseCode };
  if (data.outcome === 'retry' && data.nextRetryAt !== null)
    return { ...made, status: 'retrying', nextAt: data.nextRetryAt };
  const closed = { ...made, nextAt: NEVER, finishedAt: ended };
  return data.outcome === 'success'
    ? { ...closed, status: 'success', deliveredAt: ended }
    : { ...closed, status: 'failed', deliveredAt: state.deliveredAt };
};

/**
 * Each attempt is closed once: what comes late for a closed attempt, or for a delivery at rest, changes nothing.
 * The state begins with the delivery as it was queued, on another stream.
 */
export const delivery: Decider<Delivery | undefined, DeliveryCommand, DeliveryEvent> = {
  initialState: undefined,

  decide(command, state) {
    if (!state) throw notFound();
    const { id: deliveryId, endpointId, workspaceId } = state;
    const about = { deliveryId, endpointId, workspaceId };
    switch (command.type) {
      case 'RecordAttempt':
        if (!isOpen(state) || command.attempted.attempt !== nextAttempt(state)) return [];
        return [{ type: 'DeliveryAttempted', data: { ...about, ...command.attempted } }];
      case 'RequestRetry': {
        const attempt = decideRetry(state, command.maxAttempts, command.now);
        return attempt === undefined ? [] : [{ type: 'DeliveryRetryRequested', data: { ...about, attempt } }];
      }
      case 'Cancel':
        return isOpen(state)
          ? [{ type: 'DeliveryCancelled', data: { ...about, reason: command.reason } }]
          : [];
    }
  },

  evolve(state, { type, data, metadata: { at } }) {
    if (!state) return state;
    switch (type) {
      case 'DeliveryAttempted':
        return { ...state, ...evolveAttempted(state, data), updatedAt: at };
      case 'DeliveryRetryRequested':
        return {
          ...state,
          status: 'pending',
          attempt: data.attempt,
          nextAt: at,
          finishedAt: NEVER,
          updatedAt: at,
        };
      case 'DeliveryCancelled':
        return {
          ...state,
          status: 'cancelled',
          attempt: state.made,
          nextAt: NEVER,
          finishedAt: at,
          updatedAt: at,
        };
    }
  },
};
