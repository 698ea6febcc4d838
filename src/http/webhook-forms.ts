// What requests about webhook endpoints may say, and what the documentation says about them.

import { z } from 'zod';
import { isSubscribable } from '../domain/event-types.js';
import { pageExample, toldExample } from './doc-examples.js';
import { fields } from './fields.js';
import type { ListSpec } from './list-query.js';
import type { RouteDoc } from './route.js';

export const MAX_SUBSCRIPTIONS = 100;
const MAX_ATTEMPTS = 20;
const MAX_SECONDS = 9_999_999;

const statusIs = (value: string) => () => [{ field: 'status', op: 'eq', value } as const];

export const webhookList: ListSpec = {
  sort: {
    id: 'number',
    url: 'url',
    is_active: 'isActive',
    status: 'status',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
  },
  search: true,
  status: { active: statusIs('active'), inactive: statusIs('inactive'), disabled: statusIs('disabled') },
};

const events = z
  .array(
    z
      .string()
      .refine(isSubscribable, 'The :attribute must be an event type such as post.created, or post.* or *.'),
  )
  .min(1)
  .max(MAX_SUBSCRIPTIONS)
  .meta({ examples: [['post.created', 'post.updated']] });

const secret = z
  .string()
  .regex(/^[\x21-\x7e]{12,255}$/, 'The :attribute must be 12 to 255 visible characters, without spaces.')
  .meta({ minLength: 12, maxLength: 255, examples: ['whsec_abc123def456...'] });

const rising = (times: number[]) => times.every((time, n) => n === 0 || time > (times[n - 1] ?? 0));
const retrySchedule = z
  .array(z.int().min(0).max(MAX_SECONDS))
  .min(1)
  .max(MAX_ATTEMPTS)
  .refine(rising, 'The :attribute must be in rising order.')
  .nullable()
  .meta({
    description: 'Seconds after its creation at which a delivery is attempted; null = as the server does it.',
    examples: [[0, 60, 300]],
  });

const description = fields.prose(500).nullable();

export const createWebhookBody = (url: z.ZodType<string>) =>
  z.strictObject({
    url,
    events,
    secret: secret.optional(),
    description: description.optional(),
    metadata: fields.metadata.optional(),
    retry_schedule: retrySchedule.optional(),
  });

export const updateWebhookBody = (url: z.ZodType<string>) =>
  z.strictObject({
    url: url.optional(),
    events: events.optional(),
    is_active: z.boolean().optional(),
    description: description.optional(),
    metadata: fields.metadataPatch.optional(),
    retry_schedule: retrySchedule.optional(),
  });

const WEEK = 604_800;
export const rotateSecretBody = z.strictObject({
  grace_period_seconds: z.int().min(0).max(WEEK).default(86_400),
});

const example = {
  id: 1,
  url: 'https://your-app.com/webhooks',
  events: ['post.created', 'post.updated'],
  is_active: true,
  success_count: 150,
  failure_count: 2,
};
const times = { last_delivery_at: '2026-01-15T10:30:00Z', created_at: '2026-01-01T00:00:00Z' };
const whole = { ...example, consecutive_failures: 0, ...times };
const created = {
  id: 2,
  url: 'https://your-app.com/webhooks',
  events: ['post.created', 'post.updated', 'post.deleted'],
  secret: 'whsec_abc123def456...',
  is_active: true,
  created_at: '2026-01-15T10:30:00Z',
};
const rotated = {
  id: 2,
  url: created.url,
  secret: created.secret,
  grace_period_ends_at: '2026-01-16T10:30:00Z',
};
const tested = { success: true, status_code: 200, response_time_ms: 145 };
const prefixed = 'wh_01kf0d8x2zfyt9hp5g7q3n4c6e';
/** As the older dialect shows it. */
const short = {
  id: prefixed,
  url: whole.url,
  events: whole.events,
  is_active: whole.is_active,
  created_at: whole.created_at,
};
const tag = 'Webhooks';
const params = { id: 'Webhook endpoint id' };

/** What may be null. */
const nullable = ['last_delivery_at'];

export const webhookDocs = {
  list: {
    id: 'listWebhooks',
    tag,
    summary: 'List webhook endpoints',
    success: {
      nullable,
      status: 200,
      description: 'A page of the workspace’s endpoints.',
      ...pageExample('/webhooks', [{ ...example, ...times }], [short]),
    },
  },
  get: {
    id: 'getWebhook',
    tag,
    summary: 'Get a webhook endpoint',
    params,
    success: {
      nullable,
      status: 200,
      description: 'The endpoint, without its secret.',
      example: { data: whole },
      example2024: { data: short },
    },
  },
  create: {
    id: 'createWebhook',
    tag,
    summary: 'Create a webhook endpoint',
    description:
      'Subscribe to event types by name, by resource (`post.*`) or to all (`*`). The URL must be https and lead to a public address. Without a secret one is made up; it is shown only here.',
    requestExample: {
      url: 'https://your-app.com/webhooks',
      events: ['post.created', 'post.updated', 'post.deleted'],
    },
    success: {
      status: 201,
      description: 'The new endpoint, with its secret.',
      example: { message: 'Webhook endpoint created successfully.', data: created },
      example2024: { data: { ...created, id: prefixed } },
    },
    refusals: { 403: 'The workspace has as many endpoints as its tier allows.' },
  },
  update: {
    id: 'updateWebhook',
    tag,
    summary: 'Update a webhook endpoint',
    description:
      '`is_active: true` also enables one that was disabled after failures; what was held back goes on.',
    params,
    requestExample: { url: 'https://new-url.com/webhooks', events: ['post.*'], is_active: true },
    success: {
      nullable,
      status: 200,
      description: 'The endpoint after the change.',
      example: { message: 'Webhook endpoint updated successfully.', data: { ...whole, events: ['post.*'] } },
      example2024: { data: { ...short, events: ['post.*'] } },
    },
  },
  remove: {
    id: 'deleteWebhook',
    tag,
    summary: 'Delete a webhook endpoint',
    params,
    success: { status: 204, description: 'Gone; what was pending for it is cancelled.' },
  },
  rotate: {
    id: 'rotateWebhookSecret',
    tag,
    summary: 'Replace the secret of a webhook endpoint',
    description:
      'Until the grace period ends, requests are signed with both secrets: `X-Webhook-Signature` with the new one, `X-Webhook-Signature-Previous` with the old one, `webhook-signature` with both.',
    params,
    requestExample: { grace_period_seconds: 86_400 },
    success: {
      status: 200,
      description: 'The new secret; it is shown only here.',
      ...toldExample('Webhook secret rotated successfully.', rotated, { ...rotated, id: prefixed }),
    },
  },
  test: {
    id: 'testWebhook',
    tag,
    summary: 'Send a test event to a webhook endpoint',
    description:
      'Sends `webhook.test`, signed like any other event, also to an inactive endpoint. Nothing is recorded. The answer is 200 either way; `success` tells whether the endpoint answered 2xx; where it did not, `error` says why in place of its body.',
    params,
    success: {
      status: 200,
      description: 'What the endpoint answered.',
      example: { ...tested, response_body: '{"received": true}' },
      example2024: tested,
    },
  },
} satisfies Record<string, RouteDoc>;
