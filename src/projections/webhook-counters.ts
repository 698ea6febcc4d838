// What an endpoint has seen over its lifetime. One of the two folds over several streams: the outcomes of its attempts,
// and its own stream, whose activations end a run of failures.
import type { Row } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import type { DeliveryEvent } from '../domain/deliveries.js';
import type { WebhookEvent } from '../domain/webhooks.js';
import type { Projection } from './projection.js';

/** `id` is the endpoint's. Counts are of attempts; an endpoint without a row has had none. */
export type WebhookCountersRow = Row & {
  readonly successCount: number;
  readonly failureCount: number;
  readonly consecutiveFailures: number;
  /** When its last attempt began, whatever came of it. */
  readonly lastDeliveryAt: string | null;
};

const none = { successCount: 0, failureCount: 0, consecutiveFailures: 0, lastDeliveryAt: null };

export const webhookCounters: Projection<WebhookCountersRow> = {
  name: 'webhook-counters',
  version: 1,
  holds:
    'What a webhook endpoint (same `_id`) has seen over its lifetime. One without a row has seen nothing yet.',
  fields: {
    successCount: ['integer', 'Attempts that succeeded.'],
    failureCount: ['integer', 'Attempts that failed.'],
    consecutiveFailures: ['integer', 'Failed attempts since the last success or activation.'],
    lastDeliveryAt: ['instant?', 'When its last attempt began.'],
  },
  indexes: [],
  events: new Set(['DeliveryAttempted', 'WebhookEndpointUpdated']),
  idOf: ({ data }) => (data as { endpointId?: string }).endpointId,
  project(known, recorded) {
    const { type, data } = recorded as Recorded as Recorded<DeliveryEvent | WebhookEvent>;
    if (type === 'WebhookEndpointUpdated')
      return known && data.changes.isActive === true ? { ...known, consecutiveFailures: 0 } : undefined;
    if (type !== 'DeliveryAttempted') return undefined;
    const { id, successCount, failureCount, consecutiveFailures } = {
      ...none,
      ...known,
      id: data.endpointId,
    };
    return data.outcome === 'success'
      ? {
          id,
          successCount: successCount + 1,
          failureCount,
          consecutiveFailures: 0,
          lastDeliveryAt: data.startedAt,
        }
      : {
          id,
          successCount,
          failureCount: failureCount + 1,
          consecutiveFailures: consecutiveFailures + 1,
          lastDeliveryAt: data.startedAt,
        };
  },
};
