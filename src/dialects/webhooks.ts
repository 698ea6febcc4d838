// How each dialect shows a webhook endpoint, and the answer to a test call.
import { publicId } from '../domain/ids.js';
import type { WebhookRecord } from '../domain/webhooks.js';
import { type Dialect, seconds, secondsOrNull, type View, type Views } from './dialect.js';

/** Attempts over the endpoint's lifetime; kept beside the record, since they come from another stream. */
export type WebhookCounters = {
  readonly successCount: number;
  readonly failureCount: number;
  readonly consecutiveFailures: number;
  readonly lastDeliveryAt: string | null;
};
export const noAttempts: WebhookCounters = {
  successCount: 0,
  failureCount: 0,
  consecutiveFailures: 0,
  lastDeliveryAt: null,
};

/** `plainSecret` stands in the answers to creation and rotation only. */
export type WebhookView = WebhookRecord & WebhookCounters & { readonly plainSecret?: string };

// What was never set is left out rather than shown empty: then an endpoint looks exactly as the references show it.
const shared: View<WebhookView>['fields'] = {
  url: ({ url }) => url,
  events: ({ events }) => events,
  is_active: ({ isActive }) => isActive,
  success_count: ({ successCount }) => successCount,
  failure_count: ({ failureCount }) => failureCount,
  consecutive_failures: ({ consecutiveFailures }) => consecutiveFailures,
  last_delivery_at: ({ lastDeliveryAt }) => secondsOrNull(lastDeliveryAt),
  created_at: ({ createdAt }) => seconds(createdAt),
  updated_at: ({ updatedAt }) => seconds(updatedAt),
  status: ({ status }) => status,
  description: ({ description }) => description ?? undefined,
  metadata: ({ metadata }) => metadata,
  retry_schedule: ({ retrySchedule }) => retrySchedule ?? undefined,
  disabled_at: ({ disabledAt }) => (disabledAt === null ? undefined : seconds(disabledAt)),
  disabled_reason: ({ disabledReason }) => disabledReason ?? undefined,
};
const whenSet = ['description', 'retry_schedule', 'disabled_at', 'disabled_reason'];
const counted = ['id', 'url', 'events', 'is_active', 'success_count', 'failure_count'];
const short = ['id', 'url', 'events', 'is_active', 'created_at'];
const told = [...short, ...whenSet];
const created = ['id', 'url', 'events', 'secret', 'is_active', 'created_at'];

export const webhookViews: Views<WebhookView> = {
  2026: {
    fields: { id: ({ number }) => number, ...shared },
    list: [...counted, 'last_delivery_at', 'created_at'],
    single: [...counted, 'consecutive_failures', 'last_delivery_at', 'created_at', ...whenSet],
    told,
    created,
  },
  2024: {
    fields: { id: ({ id }) => publicId('webhook', id), ...shared },
    list: short,
    single: told,
    created,
  },
};

/** As `webhookViews`, for the one answer that shows the secret: `secret` cannot be asked for by `fields` anywhere else. */
export const createdWebhookViews: Views<WebhookView> = {
  2026: withSecret(webhookViews[2026]),
  2024: withSecret(webhookViews[2024]),
};

function withSecret(view: View<WebhookView>): View<WebhookView> {
  return { ...view, fields: { ...view.fields, secret: ({ plainSecret }) => plainSecret } };
}

/** What a test call found: an answer, or why there was none. */
export type TestResult =
  | { readonly status: number; readonly body: string; readonly durationMs: number }
  | { readonly error: string; readonly durationMs: number };

/** The answer to a test call. Where there was no answer the status code is 500, as the reference shows for a timeout. */
export const testAnswer = (dialect: Dialect, result: TestResult): object => {
  const { durationMs } = result;
  if ('error' in result)
    return { success: false, status_code: 500, error: result.error, response_time_ms: durationMs };
  const { status, body } = result;
  if (status < 200 || status > 299)
    return {
      success: false,
      status_code: status,
      error: `The endpoint answered with status ${status}.`,
      response_time_ms: durationMs,
    };
  return {
    success: true,
    status_code: status,
    response_time_ms: durationMs,
    ...(dialect === '2026' ? { response_body: body } : {}),
  };
};
