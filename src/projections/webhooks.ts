// The read model behind GET /webhooks.
import type { Row } from '../adapters/read-models/port.js';
import { type Webhook, WebhookEvent, type WebhookRecord, webhook } from '../domain/webhooks.js';
import { shared } from './fields.js';
import { type Projection, recordProjection, searchText, typesOf } from './projection.js';

export type WebhookRow = Row & WebhookRecord & { readonly search: string };

export const webhooks: Projection<WebhookRow> = recordProjection<Webhook, WebhookRow>({
  name: 'webhooks',
  version: 1,
  holds: 'A webhook endpoint.',
  fields: {
    number: shared.number,
    workspaceId: shared.workspaceId,
    url: ['text', 'Where deliveries are posted to.'],
    events: ['text[]', 'Names and patterns of the events that it takes.'],
    isActive: ['boolean', 'Whether it gets deliveries.'],
    status: ['text', '`active`, `inactive` (switched off by its owner) or `disabled` (by the service).'],
    disabledAt: ['instant?', 'When the service disabled it.'],
    disabledReason: ['text?', '`failures` or `gone`.'],
    activatedAt: ['integer', 'Revision of its stream at which it last became active.'],
    description: ['text?', 'Its description.'],
    metadata: shared.metadata,
    scheme: ['text', 'How its deliveries are signed and look: `2026` or `2024`.'],
    retrySchedule: ['integer[]?', 'Seconds after a delivery’s creation; null = the server’s schedule.'],
    secret: ['sealed', 'The secret that deliveries are signed with.'],
    previousSecret: ['sealed?', 'The secret before the last rotation.'],
    previousUntil: ['instant?', 'Until when the previous secret signs too.'],
    search: shared.search,
    createdAt: shared.createdAt,
    updatedAt: shared.updatedAt,
  },
  indexes: ['number', 'workspaceId'],
  events: typesOf(WebhookEvent),
  evolve: webhook.evolve,
  toState: (row) => ({ ...(row ? { record: row } : {}), deleted: false, revision: row?.revision ?? -1 }),
  toRow: ({ record, deleted }) => {
    if (deleted) return null;
    return record && { ...record, search: searchText(record.url) };
  },
});
