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
