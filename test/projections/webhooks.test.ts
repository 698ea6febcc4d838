import { describe, expect, test } from 'vitest';
import { catalogue } from '../../src/domain/catalogue.js';
import type { DomainEvent } from '../../src/domain/decider.js';
import { webhooks } from '../../src/projections/webhooks.js';
import { projected } from '../support/projected.js';

const example = (type: string): DomainEvent => ({ type, data: catalogue.get(type)?.example ?? {} });
const created = example('WebhookEndpointCreated');
const { endpointId } = created.data as { endpointId: string };
const row = (...events: DomainEvent[]) =>
  projected(webhooks, `webhookEndpoint-${endpointId}`, [created, ...events]);
const changed = (changes: object): DomainEvent => ({
  type: 'WebhookEndpointUpdated',
  data: { ...created.data, changes },
});

describe('a row of webhooks', () => {
  test('begins with the creation, and is found by its URL in any case', () =>
    expect(row()).toMatchObject({
      id: endpointId,
      number: 1,
      status: 'active',
      search: 'https://your-app.com/webhooks',
      createdAt: '2026-01-15T10:30:00.000Z',
    }));
  test('follows its updates', () =>
    expect(row(changed({ url: 'https://Other.example/X', isActive: false }))).toMatchObject({
      url: 'https://Other.example/X',
      search: 'https://other.example/x',
      isActive: false,
      status: 'inactive',
      updatedAt: '2026-01-15T10:30:01.000Z',
    }));
  test('shows a disabling, and its end, with the revision of the activation', () => {
    expect(row(example('WebhookEndpointDisabled'))).toMatchObject({
      isActive: false,
      status: 'disabled',
      disabledAt: '2026-01-15T10:30:01.000Z',
      disabledReason: 'failures',
    });
    const events = [example('WebhookEndpointDisabled'), changed({ isActive: true })];
    expect(row(...events)).toMatchObject({ isActive: true, status: 'active', disabledAt: null });
  });
  test('keeps both secrets, sealed, over a rotation', () => {
    const { secret } = created.data as { secret: string };
    const rotated = example('WebhookSecretRotated');
    expect(row({ ...rotated, data: { ...rotated.data, secret: 'sealed-2' } })).toMatchObject({
      secret: 'sealed-2',
      previousSecret: secret,
      previousUntil: '2026-01-16T10:30:00.000Z',
    });
  });
  test('ends with the deletion', () => expect(row(example('WebhookEndpointDeleted'))).toBeNull());
});
