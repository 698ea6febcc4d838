// What becomes due: the job of an open delivery, and the job that an event leads to.

import type { Recorded } from '../domain/decider.js';
import { type DeliveryEvent, type FanoutEvent, nextAttempt } from '../domain/deliveries.js';
import type { WebhookEvent } from '../domain/webhooks.js';
import type { WorkspaceEvent } from '../domain/workspaces.js';
import type { DeliveryRow } from '../projections/deliveries.js';
import type { DueJob } from './lanes.js';

/** Events that the scheduler hears of. */
export type Heard = FanoutEvent | DeliveryEvent | WebhookEvent | WorkspaceEvent;

/** The next attempt of an open delivery. */
export const jobOf = (delivery: DeliveryRow): DueJob => ({
  job: { deliveryId: delivery.id, endpointId: delivery.endpointId, attempt: nextAttempt(delivery) },
  at: Date.parse(delivery.nextAt),
});

/** The job that an event makes due. */
export const jobFrom = ({ type, data, metadata: { at } }: Recorded<Heard>): DueJob | undefined => {
  switch (type) {
    case 'DeliveryQueued':
      return { job: { ...idsOf(data), attempt: 1 }, at: Date.parse(data.dueAt ?? at) };
    case 'DeliveryAttempted':
      if (data.nextRetryAt === null) return undefined;
      return { job: { ...idsOf(data), attempt: data.attempt + 1 }, at: Date.parse(data.nextRetryAt) };
    case 'DeliveryRetryRequested':
      return { job: { ...idsOf(data), attempt: data.attempt }, at: Date.parse(at) };
    default:
      return undefined;
  }
};
export const idsOf = ({ deliveryId, endpointId }: { deliveryId: string; endpointId: string }) => ({
  deliveryId,
  endpointId,
});
