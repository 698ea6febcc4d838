import { describe, expect, test } from 'vitest';
import type { DeliveryEvent } from '../../src/domain/deliveries.js';
import type { WebhookChanges, WebhookEvent } from '../../src/domain/webhooks.js';
import { webhookCounters } from '../../src/projections/webhook-counters.js';
import { projected } from '../support/projected.js';

const endpointId = '01980000-0000-7000-8000-000000000002';
const target = { endpointId, workspaceId: '01980000-0000-7000-8000-000000000003' };
const tried = (outcome: 'success' | 'retry' | 'failure', second = 0): DeliveryEvent => ({
  type: 'DeliveryAttempted',
  data: {
    ...target,
    deliveryId: '01980000-0000-7000-8000-000000000001',
    attempt: 1,
    startedAt: `2026-01-15T10:30:0${second}.000Z`,
    durationMs: 100,
    outcome,
    responseCode: null,
    responseBody: null,
    error: null,
    nextRetryAt: null,
  },
});
const changed = (changes: WebhookChanges): WebhookEvent => ({
  type: 'WebhookEndpointUpdated',
  data: { ...target, changes },
});
const row = (...events: (DeliveryEvent | WebhookEvent)[]) => projected(webhookCounters, 'any', events);

describe('the counters of an endpoint', () => {
  test('count attempts: each success and each failure, whether it is repeated or not', () =>
    expect(
      row(tried('retry'), tried('failure', 1), tried('success', 2), tried('success', 3), tried('retry', 4)),
    ).toEqual({
      id: endpointId,
      successCount: 2,
      failureCount: 3,
      consecutiveFailures: 1,
      lastDeliveryAt: '2026-01-15T10:30:04.000Z',
    }));
  test('start with a success too', () =>
    expect(row(tried('success'))).toMatchObject({
      successCount: 1,
      failureCount: 0,
      consecutiveFailures: 0,
    }));
  test('end a run of failures with a success', () =>
    expect(row(tried('retry'), tried('retry'), tried('success'))).toMatchObject({ consecutiveFailures: 0 }));
  test('end it with an activation, and keep the rest', () =>
    expect(row(tried('retry'), tried('retry'), changed({ isActive: true }))).toMatchObject({
      failureCount: 2,
      consecutiveFailures: 0,
      lastDeliveryAt: '2026-01-15T10:30:00.000Z',
    }));
  test('are left alone by other changes', () => {
    expect(
      row(tried('retry'), changed({ isActive: false }), changed({ url: 'https://x.example/' })),
    ).toMatchObject({
      consecutiveFailures: 1,
    });
    expect(row(changed({ isActive: true }))).toBeUndefined();
  });
});
