// Endpoints of webhook endpoints: where events are sent to.
import { z } from 'zod';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { WebhookCommands } from '../commands/webhooks.js';
import { type TargetOptions, targetFault } from '../deliveries/target-address.js';
import type { TestCall } from '../deliveries/test-call.js';
import { deliveryViews } from '../dialects/deliveries.js';
import { render, seconds } from '../dialects/dialect.js';
import { created, told, updated } from '../dialects/envelopes.js';
import {
  createdWebhookViews,
  noAttempts,
  testAnswer,
  type WebhookCounters,
  type WebhookView,
  webhookViews,
} from '../dialects/webhooks.js';
import { workspaceViews } from '../dialects/workspaces.js';
import { notFound } from '../domain/errors.js';
import type { WebhookRecord } from '../domain/webhooks.js';
import type { DeliveryRow } from '../projections/deliveries.js';
import type { WebhookCountersRow } from '../projections/webhook-counters.js';
import type { WebhookRow } from '../projections/webhooks.js';
import { type Includes, listAnswer, listQuery, singleAnswer, singleQuery } from './list-query.js';
import { findByReference } from './records.js';
import { type Exchange, type Route, route } from './route.js';
import { shownNames } from './shown-names.js';
import {
  createWebhookBody,
  rotateSecretBody,
  updateWebhookBody,
  webhookDocs,
  webhookList,
} from './webhook-forms.js';

export type WebhookRouteDeps = {
  readonly readModels: ReadModels;
  readonly webhooks: WebhookCommands;
  readonly testCall: TestCall;
  readonly targets: TargetOptions;
  /** Days that finished deliveries stay in the lists. */
  readonly retentionDays: number;
};

const LATEST_DELIVERIES = 10;
const DAY_MS = 86_400_000;

type Any = Exchange<unknown, unknown>;
const ofWorkspace = ({ workspace }: Any): Term[] => [{ field: 'workspaceId', op: 'eq', value: workspace.id }];

/** Relations of endpoints: their workspace is that of the request. */
const webhookIncludes = (readModels: ReadModels, retentionDays: number): Includes<WebhookRow> => ({
  async workspace(rows, { dialect, workspace }) {
    const shown = render(workspaceViews[dialect], workspace, 'list');
    return new Map(rows.map(({ id }) => [id, shown]));
  },
  async deliveries(rows, { dialect, now }) {
    const oldest = new Date(now.getTime() - retentionDays * DAY_MS).toISOString();
    const latest = async ({ id }: WebhookRow) => {
      const found = await readModels.find<DeliveryRow>('deliveries', {
        where: [
          { field: 'endpointId', op: 'eq', value: id },
          { field: 'finishedAt', op: 'gt', value: oldest },
        ],
        sort: [['number', 'desc']],
        limit: LATEST_DELIVERIES,
      });
      return [id, found.map((row) => render(deliveryViews[dialect], row, 'list'))] as const;
    };
    return new Map(await Promise.all(rows.map(latest)));
  },
});

export const webhookRoutes = (deps: WebhookRouteDeps): Route[] => {
  const { readModels, webhooks, testCall, targets, retentionDays } = deps;
  const includes = webhookIncludes(readModels, retentionDays);
  const url = z
    .string()
    .superRefine((text, context) => {
      const fault = targetFault(text, targets);
      if (fault !== undefined) context.addIssue(fault);
    })
    .meta({ format: 'uri', maxLength: 2048 });

  /** The endpoint that a path names, among those of the context workspace. A retried change finds a deleted one. */
  const one = async (exchange: Any, deleted = false): Promise<WebhookRow> => {
    const id = exchange.params['id'] ?? '';
    const where = ofWorkspace(exchange);
    const row = await findByReference<WebhookRow>(readModels, 'webhooks', 'webhook', id, where, { deleted });
    if (!row) throw notFound();
    return row;
  };
  const countersOf = async (id: string): Promise<WebhookCounters> =>
    (await readModels.get<WebhookCountersRow>('webhook-counters', id)) ?? noAttempts;
  const counted = <R extends WebhookRecord>(record: R, counters: WebhookCounters): R & WebhookCounters => {
    const { successCount, failureCount, consecutiveFailures, lastDeliveryAt } = counters;
    return { ...record, successCount, failureCount, consecutiveFailures, lastDeliveryAt };
  };
  const view = async (row: WebhookRow): Promise<WebhookView> => counted(row, await countersOf(row.id));
  const viewAll = async (rows: readonly WebhookRow[]): Promise<WebhookView[]> => {
    const ids = rows.map(({ id }) => id);
    const found = await readModels.find<WebhookCountersRow>('webhook-counters', {
      where: [{ field: 'id', op: 'in', value: ids }],
    });
    const byId = new Map(found.map((row) => [row.id, row]));
    return rows.map((row) => counted(row, byId.get(row.id) ?? noAttempts));
  };

  return [
    route({
      method: 'GET',
      path: '/webhooks',
      scope: 'webhooks:read',
      query: listQuery(webhookList),
      shows: shownNames(webhookViews, 'list', includes),
      doc: webhookDocs.list,
      handle: (exchange) =>
        listAnswer<WebhookRow, WebhookView>(exchange, {
          readModels,
          model: 'webhooks',
          where: ofWorkspace(exchange),
          spec: webhookList,
          views: webhookViews,
          join: viewAll,
          includes,
        }),
    }),
    route({
      method: 'GET',
      path: '/webhooks/:id',
      scope: 'webhooks:read',
      query: singleQuery,
      shows: shownNames(webhookViews, 'single', includes),
      doc: webhookDocs.get,
      handle: async (exchange) => {
        const row = await one(exchange);
        const record = await view(row);
        return singleAnswer<WebhookRow, WebhookView>(exchange, {
          row,
          record,
          views: webhookViews,
          includes,
        });
      },
    }),
    route({
      method: 'POST',
      path: '/webhooks',
      scope: 'webhooks:write',
      body: createWebhookBody(url),
      doc: webhookDocs.create,
      handle: async (exchange) => {
        const { retry_schedule: retrySchedule, ...input } = exchange.body;
        const wanted = { ...input, retrySchedule, scheme: exchange.dialect };
        const { record, secret, revision, position } = await webhooks.create(wanted, exchange);
        const shown = { ...counted(record, noAttempts), plainSecret: secret };
        return {
          status: 201,
          body: created(exchange.dialect, 'Webhook endpoint', createdWebhookViews, shown),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'PATCH',
      path: '/webhooks/:id',
      scope: 'webhooks:write',
      body: updateWebhookBody(url),
      doc: webhookDocs.update,
      handle: async (exchange) => {
        const { id } = await one(exchange, exchange.command.retry);
        const { is_active: isActive, retry_schedule: retrySchedule, ...plain } = exchange.body;
        const changes = { ...plain, isActive, retrySchedule };
        const { record, revision, position } = await webhooks.update(id, changes, exchange);
        const counters = await countersOf(id);
        // Switching on ends a run of failures; the counters are told of it only after this.
        const fresh = record.activatedAt === revision ? { ...counters, consecutiveFailures: 0 } : counters;
        const body = updated(exchange.dialect, 'Webhook endpoint', webhookViews, counted(record, fresh));
        return { status: 200, body, revision, position };
      },
    }),
    route({
      method: 'DELETE',
      path: '/webhooks/:id',
      scope: 'webhooks:delete',
      doc: webhookDocs.remove,
      handle: async (exchange) => {
        const { id } = await one(exchange, exchange.command.retry);
        const { position } = await webhooks.remove(id, exchange);
        return { status: 204, position };
      },
    }),
    route({
      method: 'POST',
      path: '/webhooks/:id/secret/rotate',
      scope: 'webhooks:write',
      body: rotateSecretBody,
      changesRecord: true,
      doc: webhookDocs.rotate,
      handle: async (exchange) => {
        const { dialect, body } = exchange;
        const { id } = await one(exchange, exchange.command.retry);
        const rotated = await webhooks.rotateSecret(id, body.grace_period_seconds, exchange);
        const { record, secret, revision, position } = rotated;
        const data = {
          ...render(webhookViews[dialect], counted(record, noAttempts), 'single', ['id', 'url']),
          secret,
          grace_period_ends_at: seconds(record.previousUntil ?? record.updatedAt),
        };
        return {
          status: 200,
          body: told(dialect, 'Webhook secret rotated successfully.', data),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'POST',
      path: '/webhooks/:id/test',
      scope: 'webhooks:write',
      doc: webhookDocs.test,
      handle: async (exchange) => {
        const endpoint = await one(exchange);
        const outcome = await testCall(endpoint, exchange);
        return { status: 200, body: testAnswer(exchange.dialect, outcome) };
      },
    }),
  ];
};
