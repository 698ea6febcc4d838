// What the documentation says about the endpoints of deliveries.
import { pageExample, toldExample } from './doc-examples.js';
import type { RouteDoc } from './route.js';

const [event_id, event_type] = ['evt_01kf0d92j0fgyag8mxvs5w3s0c', 'post.updated'];
const created_at = '2026-01-15T10:30:00Z';
const next_retry_at = '2026-01-15T10:35:00Z';
const prefixed = 'del_01kf0d92j4e0m9p8k2x7w5v3t1';
const item = {
  id: 2,
  event_id,
  event_type,
  status: 'retrying',
  response_code: 500,
  attempt: 2,
  next_retry_at,
  created_at,
};
const item2024 = { id: prefixed, event_type, status: 'retrying', status_code: 500, attempts: 2 };
const attempt = { duration_ms: 145, response_code: 500, response_body: 'Try later', error: null };
const attempts = [
  { attempt: 1, at: created_at, ...attempt },
  { attempt: 2, at: '2026-01-15T10:31:00Z', ...attempt },
];
const headers = {
  'Content-Type': 'application/json',
  'User-Agent': 'core-api-webhooks/1.0',
  'X-Webhook-Id': event_id,
  'X-Webhook-Event': event_type,
  'X-Webhook-Delivery': prefixed,
  'X-Webhook-Timestamp': '1768473060',
  'webhook-id': event_id,
  'webhook-timestamp': '1768473060',
};
const body = {
  id: event_id,
  type: event_type,
  created_at,
  workspace_id: 1,
  data: { id: 42, title: 'Hello' },
};
const params = { id: 'Webhook endpoint id', deliveryId: 'Delivery id' };
const tag = 'Webhooks';

/** What may be null. */
const nullable = ['response_code', 'status_code', 'response_body', 'error'];

export const deliveryDocs = {
  list: {
    id: 'listDeliveries',
    tag,
    summary: 'List the deliveries of a webhook endpoint',
    description:
      '`delivered_at` is there where a delivery succeeded, `next_retry_at` where it is tried again.',
    params: { id: params.id },
    success: {
      nullable,
      status: 200,
      description: 'A page of its deliveries. Finished ones are gone after the retention time.',
      ...pageExample('/webhooks/2/deliveries', [item], [item2024]),
    },
  },
  get: {
    id: 'getDelivery',
    tag,
    summary: 'Get a delivery with its attempts',
    params,
    success: {
      nullable,
      status: 200,
      description:
        'The delivery, every attempt with what was answered, and what was sent, without signatures.',
      example: { data: { ...item, attempts, request: { headers, body } } },
      example2024: {
        data: {
          ...item2024,
          event_id,
          next_retry_at,
          created_at,
          attempt_log: attempts,
          request: { headers, body },
        },
      },
    },
  },
  retry: {
    id: 'retryDelivery',
    tag,
    summary: 'Send a delivery again, or sooner',
    params,
    success: {
      status: 200,
      description: 'The delivery is due at once.',
      ...toldExample(
        'Delivery queued for retry.',
        { id: 2, status: 'pending', attempt: 3 },
        { id: prefixed, status: 'pending', attempts: 2 },
      ),
    },
    refusals: { 400: 'It has already succeeded, or reached its maximum number of attempts.' },
  },
} satisfies Record<string, RouteDoc>;
