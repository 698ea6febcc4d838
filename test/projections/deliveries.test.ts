import { describe, expect, test } from 'vitest';
import { NEVER } from '../../src/domain/decider.js';
import type { Attempted, DeliveryEvent, DeliveryQueued } from '../../src/domain/deliveries.js';
import { deliveries } from '../../src/projections/deliveries.js';
import { projected } from '../support/projected.js';

const about = {
  deliveryId: '01980000-0000-7000-8000-000000000001',
  endpointId: '01980000-0000-7000-8000-000000000002',
  workspaceId: '01980000-0000-7000-8000-000000000003',
};
const queued: DeliveryQueued = {
  type: 'DeliveryQueued',
  data: {
    ...about,
    source: 40,
    number: 9,
    eventId: '01980000-0000-7000-8000-000000000004',
    eventType: 'post.created',
    sourceStream: 'published-01980000-0000-7000-8000-000000000004',
    sourceRevision: 3,
    endpointIndex: 0,
  },
};
const tried = (attempt: number, more: Partial<Attempted> = {}): DeliveryEvent => ({
  type: 'DeliveryAttempted',
  data: {
    ...about,
    attempt,
    startedAt: '2026-01-15T10:30:05.000Z',
    durationMs: 100,
    outcome: 'retry',
    responseCode: 500,
    responseBody: 'oops',
    error: null,
    nextRetryAt: '2026-01-15T10:35:00.000Z',
    ...more,
  },
});
const requested: DeliveryEvent = { type: 'DeliveryRetryRequested', data: { ...about, attempt: 2 } };
const cancelled: DeliveryEvent = { type: 'DeliveryCancelled', data: { ...about, reason: 'endpoint_gone' } };
const row = (...events: (DeliveryQueued | DeliveryEvent)[]) => projected(deliveries, 'any', events);

describe('the deliveries read model', () => {
  test('has an open row for what was queued', () =>
    expect(row(queued)).toEqual({
      id: about.deliveryId,
      number: 9,
      endpointId: about.endpointId,
      workspaceId: about.workspaceId,
      eventId: queued.data.eventId,
      eventType: 'post.created',
      sourceStream: queued.data.sourceStream,
      sourceRevision: 3,
      status: 'pending',
      made: 0,
      attempt: 1,
      responseCode: null,
      nextAt: '2026-01-15T10:30:00.000Z',
      deliveredAt: null,
      finishedAt: NEVER,
      createdAt: '2026-01-15T10:30:00.000Z',
      updatedAt: '2026-01-15T10:30:00.000Z',
      open: true,
      openFor: about.endpointId,
      attemptRevisions: [],
    }));

  test('follows an attempt that is to be repeated, and knows where it is recorded, but not what was answered', () => {
    const after = row(queued, tried(1));
    expect(after).toMatchObject({ status: 'retrying', attempt: 1, open: true, attemptRevisions: [1] });
    expect(JSON.stringify(after)).not.toContain('oops');
  });

  test('follows success and failure: the row is then at rest', () => {
    const end = { nextRetryAt: null, responseCode: 200 };
    expect(row(queued, tried(1), tried(2, { ...end, outcome: 'success' }))).toMatchObject({
      status: 'success',
      open: false,
      openFor: null,
      attemptRevisions: [1, 2],
      deliveredAt: '2026-01-15T10:30:05.100Z',
    });
    expect(row(queued, tried(1, { ...end, outcome: 'failure' }))).toMatchObject({
      status: 'failed',
      open: false,
      openFor: null,
    });
  });

  test('is open again after a manual retry', () =>
    expect(row(queued, tried(1, { outcome: 'failure', nextRetryAt: null }), requested)).toMatchObject({
      status: 'pending',
      attempt: 2,
      open: true,
      openFor: about.endpointId,
      nextAt: '2026-01-15T10:30:02.000Z',
    }));

  test('follows a cancellation', () =>
    expect(row(queued, cancelled)).toMatchObject({ status: 'cancelled', open: false, openFor: null }));

  test('begins a row once, and none without a beginning', () => {
    expect(row(queued, tried(1), queued)).toMatchObject({ status: 'retrying' });
    expect(row(tried(1))).toBeUndefined();
  });
});
