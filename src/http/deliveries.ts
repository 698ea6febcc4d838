// Endpoints of deliveries: what was sent to a webhook endpoint, and sending it again.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { DeliveryCommands } from '../commands/deliveries.js';
import type { Payloads } from '../deliveries/payload.js';
import { announce } from '../deliveries/worker.js';
import {
  type AttemptShown,
  type DeliveryShown,
  deliveryViews,
  type RequestShown,
} from '../dialects/deliveries.js';
import { render, seconds } from '../dialects/dialect.js';
import { told } from '../dialects/envelopes.js';
import type { Recorded } from '../domain/decider.js';
import { type Attempted, deliveriesStream } from '../domain/deliveries.js';
import { DomainError, notFound } from '../domain/errors.js';
import type { Schedule } from '../domain/retry-schedule.js';
import type { DeliveryRow } from '../projections/deliveries.js';
import type { WebhookRow } from '../projections/webhooks.js';
import { deliveryDocs } from './delivery-docs.js';
import { type ListSpec, listAnswer, listQuery, singleAnswer, singleQuery } from './list-query.js';
import { findByReference } from './records.js';
import { type Exchange, type Route, route } from './route.js';
import { shownNames } from './shown-names.js';

export type DeliveryRouteDeps = {
  readonly readModels: ReadModels;
  readonly log: EventLog;
  readonly deliveries: DeliveryCommands;
  readonly payloads: Payloads;
  /** For endpoints without one of their own. */
  readonly schedule: Schedule;
  /** Days that finished deliveries stay in the lists. */
  readonly retentionDays: number;
};

const statusIs =
  (...values: string[]) =>
  (): Term[] => [{ field: 'status', op: 'in', value: values }];

const spec: ListSpec = {
  sort: {
    id: 'number',
    event_type: 'eventType',
    status: 'status',
    attempt: 'attempt',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
  },
  status: {
    pending: statusIs('pending'),
    success: statusIs('success'),
    failed: statusIs('failed', 'cancelled'),
    retrying: statusIs('retrying'),
  },
};

const DAY_MS = 86_400_000;

export const deliveryRoutes = (deps: DeliveryRouteDeps): Route[] => {
  const { readModels, log, deliveries, payloads, schedule, retentionDays } = deps;

  /** The deliveries of an endpoint that are still shown. */
  const shownOf = (endpointId: string, now: Date): Term[] => [
    { field: 'endpointId', op: 'eq', value: endpointId },
    { field: 'finishedAt', op: 'gt', value: new Date(now.getTime() - retentionDays * DAY_MS).toISOString() },
  ];

  const endpointOf = async ({ params, workspace }: Exchange<unknown, unknown>): Promise<WebhookRow> => {
    const where: Term[] = [{ field: 'workspaceId', op: 'eq', value: workspace.id }];
    const row = await findByReference<WebhookRow>(
      readModels,
      'webhooks',
      'webhook',
      params['id'] ?? '',
      where,
    );
    if (!row) throw notFound();
    return row;
  };
  const deliveryOf = async (
    { params, now }: Exchange<unknown, unknown>,
    { id }: WebhookRow,
  ): Promise<DeliveryRow> => {
    const where = shownOf(id, now);
    const reference = params['deliveryId'] ?? '';
    const row = await findByReference<DeliveryRow>(readModels, 'deliveries', 'delivery', reference, where);
    if (!row) throw notFound();
    return row;
  };

  const attemptsOf = async ({ endpointId, attemptRevisions }: DeliveryRow): Promise<AttemptShown[]> => {
    const shown: AttemptShown[] = [];
    for (const from of attemptRevisions)
      for await (const event of log.read(deliveriesStream(endpointId), { from, limit: 1 })) {
        const { data } = event as Recorded as Recorded<{ type: string; data: Attempted }>;
        const { attempt, startedAt, durationMs, responseCode, responseBody, error } = data;
        shown.push({
          attempt,
          at: seconds(startedAt),
          duration_ms: durationMs,
          response_code: responseCode,
          response_body: responseBody,
          error,
        });
      }
    return shown;
  };

  /** The request of the last attempt; before the first one, without its timestamps. */
  const requestOf = async (
    row: DeliveryRow,
    { scheme }: WebhookRow,
    attempts: readonly AttemptShown[],
  ): Promise<RequestShown> => {
    const source = { stream: row.sourceStream, revision: row.sourceRevision };
    const { text } = await payloads.body(source, scheme);
    const last = attempts.at(-1);
    const headers = announce(row, last ? Date.parse(last.at) / 1_000 : 0);
    const known = Object.entries(headers).filter(([name]) => last !== undefined || !/timestamp$/i.test(name));
    return { headers: Object.fromEntries(known), body: JSON.parse(text) };
  };

  return [
    route({
      method: 'GET',
      path: '/webhooks/:id/deliveries',
      scope: 'webhooks:read',
      query: listQuery(spec),
      shows: shownNames(deliveryViews, 'list'),
      doc: deliveryDocs.list,
      handle: async (exchange) => {
        const { id } = await endpointOf(exchange);
        return listAnswer<DeliveryRow, DeliveryShown>(exchange, {
          readModels,
          model: 'deliveries',
          where: shownOf(id, exchange.now),
          spec,
          views: deliveryViews,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/webhooks/:id/deliveries/:deliveryId',
      scope: 'webhooks:read',
      query: singleQuery,
      shows: shownNames(deliveryViews, 'single'),
      doc: deliveryDocs.get,
      handle: async (exchange) => {
        const endpoint = await endpointOf(exchange);
        const row = await deliveryOf(exchange, endpoint);
        const attempts = await attemptsOf(row);
        const record = { ...row, attempts, request: await requestOf(row, endpoint, attempts) };
        return singleAnswer<DeliveryRow, DeliveryShown>(exchange, { row, record, views: deliveryViews });
      },
    }),
    route({
      method: 'POST',
      path: '/webhooks/:id/deliveries/:deliveryId/retry',
      scope: 'webhooks:write',
      doc: deliveryDocs.retry,
      handle: async (exchange) => {
        const endpoint = await endpointOf(exchange);
        const { id } = await deliveryOf(exchange, endpoint);
        if (endpoint.disabledReason === 'gone')
          throw new DomainError(
            'cannot_retry',
            'The receiver has answered 410 Gone: activate the endpoint first.',
          );
        const most = (endpoint.retrySchedule ?? schedule).length;
        const { delivery, position } = await deliveries.retry(id, most, exchange.command);
        const data = render(deliveryViews[exchange.dialect], delivery, 'created');
        return {
          status: 200,
          body: told(exchange.dialect, 'Delivery queued for retry.', data),
          ...(position === undefined ? {} : { position }),
        };
      },
    }),
  ];
};
