// Keeps the queue filled with what is due, and cancels what has nowhere to go. The queue may be lost at any time:
// everything in it is found again in the read model.
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { DeliveryQueue } from '../adapters/delivery-queue/port.js';
import type { EventLog } from '../adapters/event-log/port.js';
import { type ReadModels, StoreUnavailable, type Term } from '../adapters/read-models/port.js';
import type { Outcomes } from '../commands/deliveries.js';
import type { Recorded } from '../domain/decider.js';
import type { DeliveryRow } from '../projections/deliveries.js';
import type { Handler } from '../projections/handler.js';
import type { WebhookRow } from '../projections/webhooks.js';
import { cancelling } from './cancelling.js';
import { type Heard, idsOf, jobFrom, jobOf } from './jobs.js';
import { type DueJob, lanes } from './lanes.js';
import { type Standing, standings } from './standing.js';

export type SchedulerDeps = {
  readonly log: EventLog;
  readonly readModels: ReadModels;
  readonly queue: DeliveryQueue;
  readonly outcomes: Outcomes;
  readonly now: () => Date;
  readonly report: { warn(message: string, details: object): void };
  /** Due jobs of one endpoint that are in the queue at once. */
  readonly mostDue?: number;
  readonly sweepEveryMs?: number;
  /** Calls back again and again until the returned function is called. */
  readonly timer?: (run: () => void, everyMs: number) => () => void;
};

export type Scheduler = {
  /** Runs after the projections. */
  readonly handler: Handler;
  /** Sweeps, now and from time to time. Call when the projections have caught up. */
  start(): Promise<void>;
  /** Puts everything that is due into the queue, as far as it has room, and cancels what is open for nobody. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
};

const types: ReadonlySet<string> = new Set([
  'DeliveryQueued',
  'DeliveryAttempted',
  'DeliveryRetryRequested',
  'WebhookEndpointUpdated',
  'WebhookEndpointDisabled',
  'WebhookEndpointDeleted',
  'WorkspaceDeleted',
]);

const PAGE = 5_000;
/** A store that was away is tried again after this, ms. */
const AGAIN_MS = 2_000;

const systemTimer = (run: () => void, everyMs: number) => {
  const timer = setInterval(run, everyMs).unref();
  return () => clearInterval(timer);
};

/** Feeds the queue from the log and, in sweeps, from the read model. */
export const scheduler = (deps: SchedulerDeps): Scheduler => {
  const { log, readModels, queue, now, report, mostDue = 500, sweepEveryMs = 60_000 } = deps;
  const { timer = systemTimer } = deps;
  /** What becomes due later than this is left to a later sweep. */
  const horizonMs = 1.5 * sweepEveryMs;
  const inQueue = lanes(mostDue);
  /** Whether the next sweep looks at what is due later, too: there may be something to cancel. */
  let everything = true;
  const cancels = cancelling(readModels, deps.outcomes, {
    warn(message, details) {
      everything = true;
      report.warn(message, details);
    },
  });
  let stopTimer = () => {};
  let sweeping: Promise<void> | undefined;
  let again: NodeJS.Timeout | undefined;

  /** Takes what may go into the queue; cancels for endpoints that are gone; leaves the rest where it is. */
  const sift = async (due: readonly DueJob[], standing: (endpointId: string) => Promise<Standing>) => {
    const at = now().getTime();
    const admitted: DueJob[] = [];
    for (const one of due) {
      const found = await standing(one.job.endpointId);
      if (found.state === 'gone') cancels.cancel(one.job.endpointId, found.reason);
      else if (found.state !== 'held' && one.at <= at + horizonMs && inQueue.admit(one, at))
        admitted.push(one);
    }
    return admitted;
  };

  const add = async (jobs: readonly DueJob[]) => {
    if (jobs.length === 0) return;
    try {
      await queue.add(jobs);
    } catch (error) {
      inQueue.forget();
      throw error;
    }
  };
  /** A queue that is away holds nobody up: what it did not take is put into it by a sweep, as soon as it is back. */
  const addOrSweep = (jobs: readonly DueJob[]) =>
    add(jobs).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) throw error;
      note(error);
      sweepSoon();
    });

  const horizon = () => new Date(now().getTime() + horizonMs).toISOString();

  /** What is due for an endpoint and was left out, oldest first. */
  const leftOut = async (endpointId: string): Promise<DueJob[]> => {
    const limit = mostDue + inQueue.size(endpointId);
    const where: Term[] = [
      { field: 'openFor', op: 'eq', value: endpointId },
      { field: 'nextAt', op: 'lte', value: horizon() },
    ];
    const rows = await readModels.find<DeliveryRow>('deliveries', {
      where,
      sort: [['number', 'asc']],
      limit,
    });
    if (rows.length === limit) inQueue.leaveOut(endpointId);
    return rows.map(jobOf);
  };

  const cancelWorkspace = async (workspaceId: string) => {
    const where: Term[] = [{ field: 'workspaceId', op: 'eq', value: workspaceId }];
    for (const { id } of await readModels.find<WebhookRow>('webhooks', { where }))
      cancels.cancel(id, 'workspace_deleted');
  };

  /** What an event says about an endpoint as a whole; the endpoint when its backlog may go on. */
  const hear = async ({ type, data }: Recorded<Heard>): Promise<string | undefined> => {
    switch (type) {
      case 'DeliveryAttempted':
      case 'DeliveryRetryRequested':
        return inQueue.release({ ...idsOf(data), attempt: data.attempt }) ? data.endpointId : undefined;
      case 'WebhookEndpointUpdated':
        if (data.changes.isActive !== true) return undefined;
        // Jobs that came up while it was off have ended without an outcome.
        inQueue.forget(data.endpointId);
        return data.endpointId;
      case 'WebhookEndpointDisabled':
        if (data.reason === 'gone') cancels.cancel(data.endpointId, 'endpoint_gone');
        return undefined;
      case 'WebhookEndpointDeleted':
        cancels.cancel(data.endpointId, 'endpoint_deleted');
        return undefined;
      case 'WorkspaceDeleted':
        await cancelWorkspace(data.workspaceId);
        return undefined;
      default:
        return undefined;
    }
  };

  const sweepOnce = async () => {
    inQueue.forget();
    const standing = standings(readModels);
    const due: Term[] = everything ? [] : [{ field: 'nextAt', op: 'lte', value: horizon() }];
    everything = false;
    for (let after: number | undefined = 0; after !== undefined; ) {
      const rows: DeliveryRow[] = await readModels.find<DeliveryRow>('deliveries', {
        where: [
          { field: 'open', op: 'eq', value: true },
          ...due,
          { field: 'number', op: 'gt', value: after },
        ],
        sort: [['number', 'asc']],
        limit: PAGE,
      });
      await add(await sift(rows.map(jobOf), standing));
      after = rows.length < PAGE ? undefined : rows.at(-1)?.number;
      // In memory nothing else waits for anything: requests are to be answered between two pages.
      await nextTurn();
    }
  };

  const sweep = () => {
    sweeping ??= sweepOnce()
      .catch((error: unknown) => {
        everything = true;
        throw error;
      })
      .finally(() => {
        sweeping = undefined;
      });
    return sweeping;
  };

  const note = (error: unknown) =>
    report.warn('open deliveries are not all in the queue; the next sweep tries again', {
      error: error instanceof Error ? error.message : String(error),
    });
  const sweepOrReport = () =>
    sweep().catch((error: unknown) => {
      note(error);
      if (error instanceof StoreUnavailable) sweepSoon();
    });
  const sweepSoon = () => {
    again ??= setTimeout(() => {
      again = undefined;
      void sweepOrReport();
    }, AGAIN_MS).unref();
  };

  return {
    handler: {
      name: 'scheduler',
      types,
      // What was before is found in the read model by the first sweep.
      start: () => log.head(),
      skip: () => true,
      async handle({ events }) {
        const due: DueJob[] = [];
        const goOn = new Set<string>();
        for (const event of events) {
          const heard = event as Recorded as Recorded<Heard>;
          const endpointId = await hear(heard);
          if (endpointId !== undefined) goOn.add(endpointId);
          const job = jobFrom(heard);
          if (job) due.push(job);
        }
        const standing = standings(readModels);
        const admitted = await sift(due, standing);
        for (const endpointId of goOn) admitted.push(...(await sift(await leftOut(endpointId), standing)));
        await addOrSweep(admitted);
      },
    },
    async start() {
      stopTimer = timer(() => void sweepOrReport(), sweepEveryMs);
      await sweepOrReport();
    },
    sweep,
    async stop() {
      stopTimer();
      clearTimeout(again);
      again = undefined;
      await sweeping?.catch(() => undefined);
      await cancels.stop();
    },
  };
};
