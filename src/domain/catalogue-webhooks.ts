// Catalogue of what is sent out: webhook endpoints, deliveries, and the caller's own events.
import { area, type EventType, exampleIds, exampleSealed } from './catalogue-area.js';
import { DeliveryEvent, FanoutEvent } from './deliveries.js';
import { PublishedEvent } from './events.js';
import { WebhookEvent } from './webhooks.js';

const { workspaceId, endpointId, deliveryId, eventId } = exampleIds;

const webhooks = area<WebhookEvent>(WebhookEvent, {
  WebhookEndpointCreated: {
    version: 1,
    category: 'webhookEndpoint',
    wire: 'webhook.created',
    description: 'A webhook endpoint was created.',
    example: {
      endpointId,
      workspaceId,
      number: 1,
      url: 'https://your-app.com/webhooks',
      events: ['post.created', 'post.updated'],
      secret: exampleSealed,
      description: null,
      metadata: {},
      scheme: '2026',
      retrySchedule: null,
    },
  },
  WebhookEndpointUpdated: {
    version: 1,
    category: 'webhookEndpoint',
    wire: 'webhook.updated',
    description:
      'Fields of a webhook endpoint changed; `isActive: true` means that it was switched on again.',
    example: { endpointId, workspaceId, changes: { events: ['post.*'], isActive: false } },
  },
  WebhookSecretRotated: {
    version: 1,
    category: 'webhookEndpoint',
    wire: null,
    description: 'A webhook endpoint got a new secret; the one before counts until `previousUntil`.',
    example: { endpointId, workspaceId, secret: exampleSealed, previousUntil: '2026-01-16T10:30:00.000Z' },
  },
  WebhookEndpointDisabled: {
    version: 1,
    category: 'webhookEndpoint',
    wire: 'webhook.disabled',
    description: 'A webhook endpoint was disabled after failed attempts, or because it answered 410 Gone.',
    example: { endpointId, workspaceId, reason: 'failures', decidedAt: 1024 },
  },
  WebhookEndpointDeleted: {
    version: 1,
    category: 'webhookEndpoint',
    wire: 'webhook.deleted',
    description: 'A webhook endpoint was deleted; what was pending for it was cancelled.',
    example: { endpointId, workspaceId },
  },
});

const fanout = area<FanoutEvent>(FanoutEvent, {
  DeliveryQueued: {
    version: 1,
    category: 'fanout',
    wire: null,
    description: 'An event is to be delivered to an endpoint.',
    example: {
      deliveryId,
      endpointId,
      workspaceId,
      source: 1023,
      number: 1,
      eventId,
      eventType: 'post.created',
      sourceStream: `published-${eventId}`,
      sourceRevision: 0,
      endpointIndex: 0,
    },
  },
  FanoutAdvanced: {
    version: 1,
    category: 'fanout',
    wire: null,
    description: 'The fan-out has come so far without anything to deliver.',
    example: { source: 2048, number: 1 },
  },
  EndpointDisablingDecided: {
    version: 1,
    category: 'fanout',
    wire: null,
    description: 'An endpoint is to be disabled, unless it was switched on again after `endpointRevision`.',
    example: { endpointId, workspaceId, source: 1023, number: 1, reason: 'failures', endpointRevision: 0 },
  },
});

const deliveries = area<DeliveryEvent>(DeliveryEvent, {
  DeliveryAttempted: {
    version: 1,
    category: 'endpointDeliveries',
    wire: null,
    description: 'One attempt of a delivery, and what the endpoint answered.',
    example: {
      deliveryId,
      endpointId,
      workspaceId,
      attempt: 1,
      startedAt: '2026-01-15T10:30:00.000Z',
      durationMs: 145,
      outcome: 'success',
      responseCode: 200,
      responseBody: '{"received": true}',
      error: null,
      nextRetryAt: null,
    },
  },
  DeliveryRetryRequested: {
    version: 1,
    category: 'endpointDeliveries',
    wire: null,
    description: 'Another attempt of a delivery was asked for.',
    example: { deliveryId, endpointId, workspaceId, attempt: 3 },
  },
  DeliveryCancelled: {
    version: 1,
    category: 'endpointDeliveries',
    wire: null,
    description: 'A delivery was given up.',
    example: { deliveryId, endpointId, workspaceId, reason: 'endpoint_deleted' },
  },
});

const published = area<PublishedEvent>(PublishedEvent, {
  EventPublished: {
    version: 1,
    category: 'published',
    wire: { field: 'type' },
    description: 'An event of your own, published through the API under a name of your own.',
    example: { workspaceId, type: 'post.created', data: { id: 42, title: 'Hello' } },
  },
});

export const webhookTypes: readonly EventType[] = [webhooks, fanout, deliveries, published].flat();
