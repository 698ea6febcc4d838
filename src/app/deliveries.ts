// Wires deliveries: what is told about an event, the fan-out, the schedule, the worker.
import { setTimeout as delay } from 'node:timers/promises';

import { systemContext } from '../commands/context.js';
import type { Config } from '../config.js';
import { type Areas, type Payloads, payloads, publishedArea, recordArea } from '../deliveries/payload.js';
import { type Poster, poster } from '../deliveries/post.js';
import { type Scheduler, scheduler } from '../deliveries/scheduler.js';
import { type Subscriber, subscriber } from '../deliveries/subscriber.js';
import { worker } from '../deliveries/worker.js';
import { apiKeyTold } from '../dialects/api-keys.js';
import { render } from '../dialects/dialect.js';
import { packageTold, usageTold } from '../dialects/entitlements.js';
import { toolCallTold } from '../dialects/mcp.js';
import { namespaceViews } from '../dialects/namespaces.js';
import { pixelTold } from '../dialects/pixel.js';
import { seoReportViews } from '../dialects/seo.js';
import { userViews } from '../dialects/users.js';
import { noAttempts, webhookViews } from '../dialects/webhooks.js';
import { workspaceViews } from '../dialects/workspaces.js';
import type { ApiKeyEvent } from '../domain/api-key-events.js';
import type { Recorded } from '../domain/decider.js';
import type { Attempted } from '../domain/deliveries.js';
import type { GrantEvent } from '../domain/entitlements/grants.js';
import type { MeterEvent } from '../domain/entitlements/meter.js';
import { derivedId } from '../domain/ids.js';
import type { ToolCalled } from '../domain/mcp.js';
import type { Hit } from '../domain/pixel.js';
import type { Commands } from './commands.js';
import type { Report } from './report.js';
import type { Stores } from './stores.js';

const CLOSING_MS = 500;

export type Deliveries = {
  readonly payloads: Payloads;
  readonly poster: Poster;
  readonly subscriber: Subscriber;
  readonly scheduler: Scheduler;
  /** Starts sending what is in the queue. */
  work(): void;
  /** Takes no further work and waits up to `graceMs` for the deliveries in hand. */
  stop(graceMs: number): Promise<void>;
};

/** Records as webhooks show them. Values that come from other streams are left out: a retry must send the same bytes. */
const areasOf = ({ workspaces, namespaces, users, apiKeys, webhooks, seo }: Commands): Areas => ({
  workspace: recordArea(workspaces.streams, ({ record }) => record, workspaceViews),
  namespace: recordArea(namespaces.streams, ({ record }) => record, namespaceViews),
  user: async ({ stream, revision }) => {
    const { state } = await users.streams.at(stream.slice(stream.indexOf('-') + 1), revision);
    if (!state.record) throw new Error(`no record in ${stream} at revision ${revision}`);
    const [record = state.record] = await users.revealAll([state.record]);
    return (dialect) => render(userViews[dialect], record, 'told');
  },
  apiKey: async ({ stream, type, revision, metadata }) => {
    const { state } = await apiKeys.streams.at(stream.slice(stream.indexOf('-') + 1), revision);
    const { record } = state;
    if (!record) throw new Error(`no record in ${stream} at revision ${revision}`);
    return (dialect) => apiKeyTold(dialect, type as ApiKeyEvent['type'], record, metadata.at);
  },
  webhookEndpoint: recordArea(
    webhooks.streams,
    ({ record }) => record && { ...record, ...noAttempts },
    webhookViews,
  ),
  seoReport: recordArea(seo.streams, (report) => report, seoReportViews),
  toolCall: async ({ data }) => {
    const told = toolCallTold(data as ToolCalled);
    return () => told;
  },
  usage: async (event) => () => usageTold(event as Recorded as Recorded<MeterEvent>, event.revision),
  entitlements: async (event) => () => packageTold(event as Recorded as Recorded<GrantEvent>),
  pixel:
    async ({ data }) =>
    () =>
      pixelTold(data as Hit),
  published: publishedArea,
});

export const wireDeliveries = (
  stores: Stores,
  commands: Commands,
  config: Config,
  now: () => Date,
  report: Report,
  count: (outcome: Attempted['outcome']) => void,
): Deliveries => {
  const { log, readModels, queue } = stores;
  const { outcomes, webhooks, workspaces, secrets } = commands;
  const schedule = config.WEBHOOK_RETRY_SCHEDULE;
  const stopping = new AbortController();
  const told = payloads({
    log,
    areas: areasOf(commands),
    workspaceNumber: async (id) => (await workspaces.streams.load(id)).state.record?.number,
  });
  const post = poster({ allowPrivate: config.WEBHOOK_ALLOW_PRIVATE_TARGETS });
  const fanout = subscriber({
    log,
    now,
    random: Math.random,
    schedule,
    disabling: { after: config.WEBHOOK_DISABLE_AFTER, afterSeconds: config.WEBHOOK_DISABLE_AFTER_SECONDS },
    disable: async ({ id, position, data, metadata }) => {
      const context = systemContext('fanout', {
        commandId: derivedId(id, 'disable'),
        causationId: id,
        correlationId: metadata.correlationId,
      });
      await webhooks.disable(
        data.endpointId,
        { reason: data.reason, decidedAt: position, endpointRevision: data.endpointRevision },
        context,
      );
    },
  });
  const scheduled = scheduler({ log, readModels, queue, outcomes, now, report });
  const work = worker({
    readModels,
    outcomes,
    payloads: told,
    secrets,
    poster: post,
    schedule,
    timeoutMs: config.WEBHOOK_TIMEOUT_MS,
    now,
    random: Math.random,
    count,
    report,
    stopping: stopping.signal,
  });
  return {
    payloads: told,
    poster: post,
    subscriber: fanout,
    scheduler: scheduled,
    work: () =>
      queue.work(work, {
        concurrency: config.WEBHOOK_CONCURRENCY,
        perEndpoint: config.WEBHOOK_ENDPOINT_CONCURRENCY,
      }),
    async stop(graceMs) {
      const timer = setTimeout(() => stopping.abort(), graceMs);
      await queue.close();
      clearTimeout(timer);
      stopping.abort();
      // An attempt that was given up may still hold its connection: the process does not wait for the receiver.
      await Promise.race([post.close(), delay(CLOSING_MS, undefined, { ref: false })]);
    },
  };
};
