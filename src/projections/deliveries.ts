// The read model behind the deliveries of an endpoint, and what the scheduler finds due work by.
// One of the two folds over several streams: a row begins on `fanout` and goes on in its endpoint's outcomes.
import type { Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import {
  type Delivery,
  type DeliveryEvent,
  type DeliveryQueued,
  delivery,
  isOpen,
  queuedDelivery,
} from '../domain/deliveries.js';
import { shared } from './fields.js';
import type { Projection } from './projection.js';

export type DeliveryRow = Row &
  Delivery & {
    readonly open: boolean;
    /** The endpoint while the delivery is open, else null: finds what an endpoint still has to send. */
    readonly openFor: string | null;
    /** Revisions of its attempts in its endpoint's outcomes; what was answered stands in those events only. */
    readonly attemptRevisions: readonly number[];
  };

const row = (state: Delivery, attemptRevisions: readonly number[]) => {
  const open = isOpen(state);
  return { ...state, open, openFor: open ? state.endpointId : null, attemptRevisions };
};

export const deliveries: Projection<DeliveryRow> = {
  name: 'deliveries',
  version: 1,
  holds:
    'A delivery: one event on its way to one webhook endpoint. What was answered stands in the events of its attempts only.',
  fields: {
    number: shared.number,
    endpointId: ['uuid', 'The webhook endpoint that it goes to.'],
    workspaceId: shared.workspaceId,
    eventId: ['uuid', 'The event that it tells of.'],
    eventType: ['text', 'Name of that event on the wire.'],
    sourceStream: ['text', 'The stream that the event stands in.'],
    sourceRevision: ['integer', 'Its revision there.'],
    status: ['text', '`pending`, `retrying`, `success`, `failed` or `cancelled`.'],
    made: ['integer', 'Attempts made.'],
    attempt: ['integer', 'The last attempt made; while `pending`, the next one.'],
    responseCode: ['integer?', 'HTTP status of the last answer; null = there was none.'],
    nextAt: ['instant', 'When the next attempt is due, or never.'],
    deliveredAt: ['instant?', 'When it succeeded.'],
    finishedAt: ['instant', 'When it came to rest; never while it is open.'],
    open: ['boolean', 'Whether an attempt is still to come.'],
    openFor: ['uuid?', '`endpointId` while it is open.'],
    attemptRevisions: [
      'integer[]',
      'Where its attempts stand in the stream `endpointDeliveries-<endpointId>`.',
    ],
    createdAt: ['instant', 'When the fan-out made it: the times of its schedule count from here.'],
    updatedAt: ['instant', 'When it last changed.'],
  },
  indexes: ['endpointId', 'workspaceId', 'number', 'open', 'openFor'],
  events: new Set(['DeliveryQueued', 'DeliveryAttempted', 'DeliveryRetryRequested', 'DeliveryCancelled']),
  idOf: ({ data }) => (data as { deliveryId?: string }).deliveryId,
  project(known, recorded) {
    const { at } = recorded.metadata;
    if (recorded.type === 'DeliveryQueued')
      return known
        ? undefined
        : row(queuedDelivery(recorded as Recorded as Recorded<DeliveryQueued>, at), []);
    if (!known) return undefined;
    const happened = recorded as Recorded as Recorded<DeliveryEvent>;
    const state = delivery.evolve(known, happened) as Delivery;
    const { attemptRevisions } = known;
    return row(
      state,
      happened.type === 'DeliveryAttempted' ? [...attemptRevisions, happened.revision] : attemptRevisions,
    );
  },
};
