// The whole way of a delivery on embedded stores, without HTTP: events in, requests to a real receiver out.
import { randomUUID } from 'node:crypto';
import { embeddedDeliveryQueue } from '../../src/adapters/delivery-queue/embedded.js';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { Row } from '../../src/adapters/read-models/port.js';
import { systemContext } from '../../src/commands/context.js';
import { deliveryCommands } from '../../src/commands/deliveries.js';
import { webhookCommands } from '../../src/commands/webhooks.js';
import { outcomes } from '../../src/deliveries/outcomes.js';
import { payloads, publishedArea, recordArea } from '../../src/deliveries/payload.js';
import { poster } from '../../src/deliveries/post.js';
import { scheduler } from '../../src/deliveries/scheduler.js';
import { subscriber } from '../../src/deliveries/subscriber.js';
import { worker } from '../../src/deliveries/worker.js';
import { noAttempts, webhookViews } from '../../src/dialects/webhooks.js';
import type { WebhookChanges } from '../../src/domain/webhooks.js';
import { type DeliveryRow, deliveries } from '../../src/projections/deliveries.js';
import { follower } from '../../src/projections/follower.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { webhookCounters } from '../../src/projections/webhook-counters.js';
import { webhooks } from '../../src/projections/webhooks.js';
import { workspaces } from '../../src/projections/workspaces.js';
import { published, put, workspaceDeleted } from './fanned.js';

export const WORKSPACE = '01980000-0000-7000-8000-00000000000a';

export type Settings = {
  readonly schedule: readonly number[];
  readonly disableAfter: number;
  readonly disableAfterSeconds: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly perEndpoint: number;
  readonly mostDue: number;
  /** By default no test runs long enough to see a sweep that it did not ask for. */
  readonly sweepEveryMs: number;
  readonly now: () => Date;
};
const defaults: Settings = {
  schedule: [0, 0.05, 0.1],
  disableAfter: 10,
  disableAfterSeconds: 3_600,
  timeoutMs: 5_000,
  concurrency: 20,
  perEndpoint: 5,
  mostDue: 500,
  sweepEveryMs: 60_000,
  now: () => new Date(),
};

const projections = [workspaces, webhooks, webhookCounters, deliveries];
const silent = { warn: () => undefined };
const tenMinutes = 600_000;
const secrets = { seal: (plain: string) => plain, open: (sealed: string) => sealed };

/** Asks again and again, until there is an answer. Rejects after 10 s. */
export const until = async <T>(look: () => Promise<T | undefined | false>, what = 'it'): Promise<T> => {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited 10 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

export type Delivering = Awaited<ReturnType<typeof startDelivering>>;

/** Starts everything on a log; `log` may be wrapped to make appends fail. */
export const startDelivering = async (log: EventLog, given: Partial<Settings> = {}) => {
  const settings = { ...defaults, ...given };
  const { schedule, now } = settings;
  const readModels = embeddedReadModels(projections);
  const queue = embeddedDeliveryQueue();
  const written = outcomes(log, now);
  const endpoints = webhookCommands({ log, readModels, secrets, checkTarget: async () => undefined, now });
  const webhookEndpoint = recordArea(
    endpoints.streams,
    ({ record }) => record && { ...record, ...noAttempts },
    webhookViews,
  );
  const areas = { published: publishedArea, webhookEndpoint };
  const told = payloads({ log, areas, workspaceNumber: async () => 1 });
  const post = poster({ allowPrivate: true });
  const stopping = new AbortController();
  const counted: string[] = [];
  const handled: string[] = [];
  let broken = 0;
  const fanout = subscriber({
    log,
    now,
    random: () => 0,
    schedule,
    disabling: { after: settings.disableAfter, afterSeconds: settings.disableAfterSeconds },
    disable: async ({ data, position }) => {
      const { endpointId, reason, endpointRevision } = data;
      await endpoints.disable(
        endpointId,
        { reason, endpointRevision, decidedAt: position },
        systemContext('fanout'),
      );
    },
  });
  const { mostDue, sweepEveryMs } = settings;
  const scheduled = scheduler({
    log,
    readModels,
    queue,
    outcomes: written,
    now,
    report: silent,
    mostDue,
    sweepEveryMs,
  });
  const attempt = worker({
    readModels,
    outcomes: written,
    payloads: told,
    secrets,
    poster: post,
    schedule,
    timeoutMs: settings.timeoutMs,
    now,
    random: () => 0,
    count: (outcome) => counted.push(outcome),
    report: silent,
    stopping: stopping.signal,
  });
  const following = follower(
    log,
    {
      projections: projections.map((one) => projectionHandler(one, readModels, log.id)),
      reactors: [fanout.handler, scheduled.handler],
    },
    silent,
  );
  await following.start();
  queue.work(async (job) => {
    handled.push(job.deliveryId);
    broken -= 1;
    if (broken >= 0) throw new Error('broken');
    await attempt(job);
  }, settings);
  await scheduled.start();

  const asking = () => ({
    command: systemContext('test'),
    workspace: { id: WORKSPACE, tier: 'enterprise' as const },
  });
  const seen = async (position: number) => {
    await following.waitFor(position, undefined, tenMinutes);
  };

  return {
    log,
    readModels,
    queue,
    written,
    scheduled,
    /** The worker itself, for a job of the test's own. */
    attempt,
    /** Lets the next jobs end without an outcome. */
    breakDown(jobs: number) {
      broken = jobs;
    },
    /** What a stop does when deliveries in hand take too long. */
    giveUp: () => stopping.abort(),
    /** Leaves the rows as they are from now on. */
    freeze: () => following.stop(),
    /** Outcomes in the order that they were recorded in, and the deliveries that the queue handed out. */
    counted,
    handled,
    retries: deliveryCommands(readModels, written, now),
    /** Makes an endpoint; resolves to its id when everybody knows it. */
    async endpoint(
      url: string,
      more: { events?: string[]; retrySchedule?: number[]; scheme?: '2026' | '2024' } = {},
    ) {
      const { events = ['post.*'], retrySchedule, scheme = '2026' } = more;
      const { record, position, secret } = await endpoints.create(
        { url, events, scheme, retrySchedule },
        asking(),
      );
      await seen(position);
      return { id: record.id, secret };
    },
    async change(id: string, changes: WebhookChanges) {
      await seen((await endpoints.update(id, changes, asking())).position);
    },
    rotate: (id: string) => endpoints.rotateSecret(id, 3_600, asking()),
    async remove(id: string) {
      await seen((await endpoints.remove(id, asking())).position);
    },
    removeWorkspace: () => put(log, workspaceDeleted(WORKSPACE, randomUUID())),
    publish: (count = 1, type?: string) =>
      put(log, ...Array.from({ length: count }, () => published(WORKSPACE, type))),
    /** Rows of one endpoint, oldest first. */
    rows: (endpointId: string) =>
      readModels.find<DeliveryRow>('deliveries', {
        where: [{ field: 'endpointId', op: 'eq', value: endpointId }],
        sort: [['number', 'asc']],
      }),
    /** The rows of an endpoint, once there are `count` of them and each has one of the statuses. */
    whenAll: (endpointId: string, count: number, ...statuses: DeliveryRow['status'][]) =>
      until(
        async () => {
          const found = await readModels.find<DeliveryRow>('deliveries', {
            where: [{ field: 'endpointId', op: 'eq', value: endpointId }],
            sort: [['number', 'asc']],
          });
          return found.length === count && found.every(({ status }) => statuses.includes(status)) && found;
        },
        `${count} deliveries that are ${statuses.join(' or ')}`,
      ),
    row: <R extends Row>(model: string, id: string) => readModels.get<R>(model, id),
    async stop() {
      await scheduled.stop();
      stopping.abort();
      await queue.close();
      await following.stop();
      await fanout.stop().catch(() => undefined);
      await post.close();
    },
  };
};
