// The read model behind GET /webhooks.
import type { Row } from '../adapters/read-models/port.js';
import { type Webhook, WebhookEvent, type WebhookRecord, webhook } from '../domain/webhooks.js';
import { type Projection, recordProjection, searchText, typesOf } from './projection.js';

export type WebhookRow = Row & WebhookRecord & { readonly search: string };

export const webhooks: Projection<WebhookRow> = recordProjection<Webhook, WebhookRow>({
  name: 'webhooks',
  version: 1,
  indexes: ['number', 'workspaceId'],
  events: typesOf(WebhookEvent),
  evolve: webhook.evolve,
  toState: (row) => ({ ...(row ? { record: row } : {}), deleted: false, revision: row?.revision ?? -1 }),
  toRow: ({ record, deleted }) => {
    if (deleted) return null;
    return record && { ...record, search: searchText(record.url) };
  },
});
