import { describe, expect, test } from 'vitest';
import { NEVER } from '../../src/domain/decider.js';
import {
  type Attempted,
  type DeliveryEvent,
  type DeliveryQueued,
  delivery,
  queuedDelivery,
  verdict,
} from '../../src/domain/deliveries.js';
import { AT, given } from '../support/given.js';

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
    sourceRevision: 0,
    endpointIndex: 0,
  },
};
const LATER = '2026-01-15T10:35:00.000Z';
const attempted = (attempt: number, more: Partial<Attempted> = {}): Attempted => ({
  attempt,
  startedAt: AT,
  durationMs: 250,
  outcome: 'retry',
  responseCode: 500,
  responseBody: 'oops',
  error: null,
  nextRetryAt: LATER,
  ...more,
});
const tried = (attempt: number, more: Partial<Attempted> = {}): DeliveryEvent => ({
  type: 'DeliveryAttempted',
  data: { ...about, ...attempted(attempt, more) },
});
const succeeded = (attempt: number) =>
  tried(attempt, { outcome: 'success', responseCode: 200, nextRetryAt: null });
const failed = (attempt: number, responseCode = 404) =>
  tried(attempt, { outcome: 'failure', responseCode, nextRetryAt: null });
const requested = (attempt: number): DeliveryEvent => ({
  type: 'DeliveryRetryRequested',
  data: { ...about, attempt },
});
const cancelled: DeliveryEvent = {
  type: 'DeliveryCancelled',
  data: { ...about, reason: 'endpoint_deleted' },
};

/** A delivery as it was queued at 10:30, and what happened to it then. */
const history = (...events: DeliveryEvent[]) =>
  given({ ...delivery, initialState: queuedDelivery(queued, AT) }, ...events);
const record = (attempt: number, more: Partial<Attempted> = {}) =>
  ({ type: 'RecordAttempt', attempted: attempted(attempt, more) }) as const;
const retry = (maxAttempts = 6, now = AT) => ({ type: 'RequestRetry', maxAttempts, now }) as const;
const cancel = { type: 'Cancel', reason: 'endpoint_deleted' } as const;

describe('a queued delivery', () => {
  test('is pending, its first attempt due at once', () =>
    expect(history().state()).toMatchObject({
      id: about.deliveryId,
      number: 9,
      status: 'pending',
      made: 0,
      attempt: 1,
      responseCode: null,
      nextAt: AT,
      finishedAt: NEVER,
      deliveredAt: null,
      createdAt: AT,
    }));
  test('may be due later', () =>
    expect(queuedDelivery({ ...queued, data: { ...queued.data, dueAt: LATER } }, AT).nextAt).toBe(LATER));
  test('does not exist for commands that come before it', () =>
    given(delivery).when(cancel).thenRefused('not_found'));
});

describe('an attempt', () => {
  test('is recorded', () => history().when(record(1)).then(tried(1)));
  test('that is to be followed by another leaves the delivery retrying, with the number of the last attempt', () =>
    expect(history(tried(1), tried(2)).state()).toMatchObject({
      status: 'retrying',
      made: 2,
      attempt: 2,
      responseCode: 500,
      nextAt: LATER,
      finishedAt: NEVER,
    }));
  test('that succeeds ends the delivery when it ended', () =>
    expect(history(succeeded(1)).state()).toMatchObject({
      status: 'success',
      attempt: 1,
      responseCode: 200,
      nextAt: NEVER,
      deliveredAt: '2026-01-15T10:30:00.250Z',
      finishedAt: '2026-01-15T10:30:00.250Z',
    }));
  test('that fails for good ends it as failed', () =>
    expect(history(failed(1)).state()).toMatchObject({
      status: 'failed',
      nextAt: NEVER,
      deliveredAt: null,
      finishedAt: '2026-01-15T10:30:00.250Z',
    }));
  test('is closed once', () => history(tried(1)).when(record(1)).then());
  test('does not jump ahead', () => history().when(record(2)).then());
  test('of a delivery at rest changes nothing', () => {
    history(succeeded(1)).when(record(2)).then();
    history(failed(1)).when(record(2)).then();
    history(cancelled).when(record(1)).then();
  });
});

describe('a manual retry', () => {
  test('sends a failed delivery again', () => history(failed(1)).when(retry()).then(requested(2)));
  test('brings a retrying one forward', () => history(tried(1), tried(2)).when(retry()).then(requested(3)));
  test('leaves the delivery pending, with the number of the next attempt, due now', () =>
    expect(history(tried(1), tried(2), requested(3)).state()).toMatchObject({
      status: 'pending',
      made: 2,
      attempt: 3,
      nextAt: AT,
      finishedAt: NEVER,
      responseCode: 500,
    }));
  test('of a pending delivery that is due changes nothing', () => {
    history().when(retry()).then();
    history(failed(1), requested(2)).when(retry()).then();
  });
  test('brings a pending one forward that is not due yet', () => {
    const dueLater = { ...delivery, initialState: { ...queuedDelivery(queued, AT), nextAt: LATER } };
    given(dueLater).when(retry()).then(requested(1));
  });
  test('revives a cancelled one', () => history(cancelled).when(retry()).then(requested(1)));
  test('of a success is refused', () =>
    history(succeeded(1))
      .when(retry())
      .thenRefused('cannot_retry', /succeeded/));
  test('is refused once the attempts have reached their maximum', () => {
    history(tried(1), failed(2, 500))
      .when(retry(2))
      .thenRefused('cannot_retry', /maximum/);
    history(tried(1), failed(2, 500)).when(retry(3)).then(requested(3));
  });
});

describe('cancelling', () => {
  test('ends what is open', () => {
    history().when(cancel).then(cancelled);
    history(tried(1)).when(cancel).then(cancelled);
    expect(history(tried(1), cancelled).state()).toMatchObject({
      status: 'cancelled',
      nextAt: NEVER,
      finishedAt: AT,
      attempt: 1,
    });
  });
  test('counts only attempts that were made', () => {
    expect(history(cancelled).state()).toMatchObject({ attempt: 0, made: 0 });
    expect(history(failed(1), requested(2), cancelled).state()).toMatchObject({ attempt: 1 });
  });
  test('leaves alone what is at rest', () => {
    for (const end of [succeeded(1), failed(1), cancelled]) history(end).when(cancel).then();
  });
});

test.each([
  [200, 'success'],
  [204, 'success'],
  [299, 'success'],
  [301, 'failure'],
  [302, 'failure'],
  [400, 'failure'],
  [404, 'failure'],
  [410, 'failure'],
  [408, 'retry'],
  [425, 'retry'],
  [429, 'retry'],
  [500, 'retry'],
  [503, 'retry'],
  [599, 'retry'],
  [101, 'failure'],
  [null, 'retry'],
] as const)('an answer %s is a %s', (code, expected) => expect(verdict(code)).toBe(expected));
