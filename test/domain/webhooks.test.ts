import { describe, expect, test } from 'vitest';
import { type WebhookCreated, type WebhookEvent, webhook } from '../../src/domain/webhooks.js';
import { AT, given } from '../support/given.js';

const endpointId = '01980000-0000-7000-8000-000000000001';
const workspaceId = '01980000-0000-7000-8000-000000000002';
const target = { endpointId, workspaceId };
const data: WebhookCreated = {
  ...target,
  number: 1,
  url: 'https://your-app.com/webhooks',
  events: ['post.created'],
  secret: 'sealed-1',
  description: null,
  metadata: { team: 'blue', stage: 'live' },
  scheme: '2026',
  retrySchedule: null,
};
const created: WebhookEvent = { type: 'WebhookEndpointCreated', data };
const changed = (
  changes: Extract<WebhookEvent, { type: 'WebhookEndpointUpdated' }>['data']['changes'],
): WebhookEvent => ({
  type: 'WebhookEndpointUpdated',
  data: { ...target, changes },
});
const disabled = (reason: 'failures' | 'gone' = 'failures'): WebhookEvent => ({
  type: 'WebhookEndpointDisabled',
  data: { ...target, reason, decidedAt: 50 },
});
const deleted: WebhookEvent = { type: 'WebhookEndpointDeleted', data: target };
const update = (changes: Parameters<typeof changed>[0]) => ({ type: 'UpdateWebhook', changes }) as const;
const disable = (endpointRevision: number, reason: 'failures' | 'gone' = 'failures') =>
  ({ type: 'DisableWebhook', reason, decidedAt: 60, endpointRevision }) as const;

describe('create', () => {
  test('states everything in one event', () =>
    given(webhook).when({ type: 'CreateWebhook', data }).then(created));
  test('is refused where the endpoint exists', () =>
    given(webhook, created).when({ type: 'CreateWebhook', data }).thenRefused('conflict'));
  test('leaves an active endpoint', () =>
    expect(given(webhook, created).state().record).toMatchObject({
      id: endpointId,
      isActive: true,
      status: 'active',
      activatedAt: 0,
      createdAt: AT,
      updatedAt: AT,
    }));
});

describe('update', () => {
  test('states what differs, and nothing else', () =>
    given(webhook, created)
      .when(
        update({
          url: data.url,
          events: ['post.*'],
          description: null,
          metadata: { team: 'blue', stage: null },
        }),
      )
      .then(changed({ events: ['post.*'], metadata: { stage: null } })));
  test('of what already holds changes nothing', () =>
    given(webhook, created)
      .when(update({ url: data.url, events: ['post.created'], isActive: true, metadata: { none: null } }))
      .then());
  test('merges metadata by key and removes a null one', () =>
    expect(
      given(webhook, created, changed({ metadata: { stage: null, tier: 'a' } })).state().record?.metadata,
    ).toEqual({
      team: 'blue',
      tier: 'a',
    }));
  test('keeps metadata to 50 keys in all', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));
    given(webhook, created)
      .when(update({ metadata: many(49) }))
      .thenRefused('validation_failed');
    given(webhook, created)
      .when(update({ metadata: many(48) }))
      .then(changed({ metadata: many(48) }));
  });
  test('sets and clears description and schedule', () => {
    const set = given(webhook, created, changed({ description: 'Main', retrySchedule: [0, 5] }));
    expect(set.state().record).toMatchObject({ description: 'Main', retrySchedule: [0, 5] });
    set
      .when(update({ description: null, retrySchedule: null }))
      .then(changed({ description: null, retrySchedule: null }));
  });
  test('switching off leaves it inactive, not disabled', () =>
    expect(given(webhook, created, changed({ isActive: false })).state().record).toMatchObject({
      isActive: false,
      status: 'inactive',
      disabledAt: null,
    }));
  test('switching on ends a disabling and marks the revision', () => {
    given(webhook, created, disabled())
      .when(update({ isActive: true }))
      .then(changed({ isActive: true }));
    expect(given(webhook, created, disabled(), changed({ isActive: true })).state().record).toMatchObject({
      isActive: true,
      status: 'active',
      disabledAt: null,
      disabledReason: null,
      activatedAt: 2,
    });
  });
  test('of a deleted or unknown endpoint is refused alike', () => {
    given(webhook, created, deleted)
      .when(update({ isActive: true }))
      .thenRefused('not_found', /^Resource not found\.$/);
    given(webhook)
      .when(update({ isActive: true }))
      .thenRefused('not_found', /^Resource not found\.$/);
  });
});

describe('rotate secret', () => {
  const rotate = {
    type: 'RotateWebhookSecret',
    secret: 'sealed-2',
    previousUntil: '2026-01-16T10:30:00.000Z',
  } as const;
  const rotated: WebhookEvent = {
    type: 'WebhookSecretRotated',
    data: { ...target, secret: 'sealed-2', previousUntil: '2026-01-16T10:30:00.000Z' },
  };
  test('keeps the secret before until the grace ends', () => {
    given(webhook, created).when(rotate).then(rotated);
    expect(given(webhook, created, rotated).state().record).toMatchObject({
      secret: 'sealed-2',
      previousSecret: 'sealed-1',
      previousUntil: '2026-01-16T10:30:00.000Z',
    });
  });
  test('is refused on a deleted endpoint', () =>
    given(webhook, created, deleted).when(rotate).thenRefused('not_found'));
});

describe('disable', () => {
  test('after failures stops an active endpoint', () => {
    const event = {
      type: 'WebhookEndpointDisabled',
      data: { ...target, reason: 'failures', decidedAt: 60 },
    } as const;
    given(webhook, created).when(disable(0)).then(event);
    expect(given(webhook, created, disabled()).state().record).toMatchObject({
      isActive: false,
      status: 'disabled',
      disabledReason: 'failures',
      disabledAt: AT,
    });
  });
  test('does nothing when the endpoint was switched on after the decision', () => {
    const history = [created, changed({ isActive: false }), changed({ isActive: true })] as const;
    given(webhook, ...history)
      .when(disable(1))
      .then();
    given(webhook, ...history)
      .when(disable(2))
      .then({ ...disabled(), data: { ...target, reason: 'failures', decidedAt: 60 } } as WebhookEvent);
  });
  test('does nothing when the endpoint is gone, unknown or off already', () => {
    given(webhook, created, deleted).when(disable(9)).then();
    given(webhook).when(disable(9)).then();
    given(webhook, created, disabled()).when(disable(9)).then();
    given(webhook, created, changed({ isActive: false }))
      .when(disable(9))
      .then();
  });
  test('for 410 Gone also marks one that is off, once', () => {
    given(webhook, created, changed({ isActive: false }))
      .when(disable(9, 'gone'))
      .then({
        type: 'WebhookEndpointDisabled',
        data: { ...target, reason: 'gone', decidedAt: 60 },
      });
    given(webhook, created, disabled('gone')).when(disable(9, 'gone')).then();
  });
});

describe('delete', () => {
  test('happens once', () => {
    given(webhook, created).when({ type: 'DeleteWebhook' }).then(deleted);
    given(webhook, created, deleted).when({ type: 'DeleteWebhook' }).thenRefused('not_found');
  });
  test('keeps the last record, for what is said about the deletion', () =>
    expect(given(webhook, created, deleted).state()).toMatchObject({
      deleted: true,
      revision: 1,
      record: { url: data.url },
    }));
});
