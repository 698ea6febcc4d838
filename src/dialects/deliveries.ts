// How each dialect shows a delivery.
import type { Delivery } from '../domain/deliveries.js';
import { publicId } from '../domain/ids.js';
import { seconds, type View, type Views } from './dialect.js';

/** What one attempt was answered, as the record of a single delivery shows it. */
export type AttemptShown = {
  readonly attempt: number;
  readonly at: string;
  readonly duration_ms: number;
  readonly response_code: number | null;
  readonly response_body: string | null;
  readonly error: string | null;
};
/** What was (or will be) sent, without signatures. */
export type RequestShown = { readonly headers: Readonly<Record<string, string>>; readonly body: unknown };
/** A delivery; the single read adds its attempts and its request. */
export type DeliveryShown = Delivery & {
  readonly attempts?: readonly AttemptShown[];
  readonly request?: RequestShown;
};

/** Wire values of `status`: a cancelled delivery shows as failed. */
export const wireStatus = ({ status }: Delivery): string => (status === 'cancelled' ? 'failed' : status);

const event: View<DeliveryShown>['fields'] = {
  event_id: ({ eventId }) => publicId('event', eventId),
  event_type: ({ eventType }) => eventType,
  status: wireStatus,
};
/** Left out where they do not apply. */
const times: View<DeliveryShown>['fields'] = {
  delivered_at: ({ deliveredAt }) => (deliveredAt === null ? undefined : seconds(deliveredAt)),
  next_retry_at: ({ status, nextAt }) => (status === 'retrying' ? seconds(nextAt) : undefined),
  created_at: ({ createdAt }) => seconds(createdAt),
};
const request: View<DeliveryShown>['fields'] = { request: (record) => record.request };

const list2026 = [
  'id',
  'event_id',
  'event_type',
  'status',
  'response_code',
  'attempt',
  'delivered_at',
  'next_retry_at',
  'created_at',
];
const list2024 = ['id', 'event_type', 'status', 'status_code', 'attempts', 'delivered_at'];

export const deliveryViews: Views<DeliveryShown> = {
  2026: {
    fields: {
      id: ({ number }) => number,
      ...event,
      response_code: ({ responseCode }) => responseCode,
      attempt: ({ attempt }) => attempt,
      attempts: ({ attempts }) => attempts,
      ...times,
      ...request,
    },
    list: list2026,
    single: [...list2026, 'attempts', 'request'],
    created: ['id', 'status', 'attempt'],
  },
  2024: {
    fields: {
      id: ({ id }) => publicId('delivery', id),
      ...event,
      status_code: ({ responseCode }) => responseCode,
      attempts: ({ made }) => made,
      attempt_log: ({ attempts }) => attempts,
      ...times,
      ...request,
    },
    list: list2024,
    single: [...list2024, 'event_id', 'next_retry_at', 'created_at', 'attempt_log', 'request'],
    created: ['id', 'status', 'attempts'],
  },
};
