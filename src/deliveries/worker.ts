// One attempt of one delivery: look, sign, post, record. What was sent is recorded once, however long the log is away.
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from '../adapters/delivery-queue/port.js';
import { LogUnavailable, RevisionConflict } from '../adapters/event-log/port.js';
import type { ReadModels } from '../adapters/read-models/port.js';
import { systemContext } from '../commands/context.js';
import { type Outcomes, type Sighting, sight } from '../commands/deliveries.js';
import type { SecretBox } from '../commands/webhooks.js';
import { personalNames } from '../domain/catalogue.js';
import { type Attempted, type Delivery, isOpen, nextAttempt, verdict } from '../domain/deliveries.js';
import { newId, publicId } from '../domain/ids.js';
import { nextDue, type Schedule } from '../domain/retry-schedule.js';
import type { WebhookRecord } from '../domain/webhooks.js';
import type { Payloads } from './payload.js';
import type { Outcome, Poster } from './post.js';
import { announcement, secretsAt, signatures } from './sign.js';
import { standingOf } from './standing.js';

export type WorkerDeps = {
  readonly readModels: ReadModels;
  readonly outcomes: Outcomes;
  readonly payloads: Payloads;
  readonly secrets: Pick<SecretBox, 'open'>;
  readonly poster: Pick<Poster, 'send'>;
  /** For endpoints without one of their own. */
  readonly schedule: Schedule;
  readonly timeoutMs: number;
  readonly now: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told of each recorded attempt. */
  readonly count: (outcome: Attempted['outcome']) => void;
  readonly report: { warn(message: string, details: object): void };
  /** Ends all waiting: for an answer, and for a log or a row that does not come. What was in hand stays open. */
  readonly stopping: AbortSignal;
};

/** How long a row is waited for that the projections have not made yet, in ms. */
const ROW_WAITS = [10, 40, 150, 500, 1_000, 2_000];
const MAX_DELAY = 30_000;
/** Capped exponential back-off, its upper half random, in ms. */
const backOff = (failures: number, random: number) =>
  Math.min(MAX_DELAY, 250 * 2 ** failures) * (0.5 + random / 2);

/** Rejects when the process stops first. */
const unlessStopped = <T>(work: Promise<T>, stopping: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const stop = () => reject(new Error('the process is stopping'));
    if (stopping.aborted) stop();
    stopping.addEventListener('abort', stop);
    work.then(resolve, reject).finally(() => stopping.removeEventListener('abort', stop));
  });

const isPassing = (error: unknown): error is Error =>
  error instanceof LogUnavailable || error instanceof RevisionConflict;

/** The request of one attempt. Its timestamp is that of the attempt, its body and ids those of the event. */
export const announce = ({ eventId, eventType, id }: Delivery, timestamp: number): Record<string, string> =>
  announcement({
    eventId: publicId('event', eventId),
    eventType,
    deliveryId: publicId('delivery', id),
    timestamp,
  });

/** The handler of the delivery queue's jobs. Throws when nothing could be done: the sweep puts the job back. */
export const worker = (deps: WorkerDeps): ((job: Job) => Promise<void>) => {
  const { readModels, outcomes, now, random, stopping } = deps;
  const base = systemContext('deliveries');
  setMaxListeners(0, stopping); // one for each delivery in hand

  /** The delivery of a job while that is its next attempt; undefined when it was made or given up meanwhile. */
  const due = async (job: Job): Promise<{ sighting: Sighting; delivery: Delivery } | undefined> => {
    for (const wait of [...ROW_WAITS, undefined]) {
      const sighting = await sight(readModels, job.deliveryId);
      const delivery = sighting && (await outcomes.current(sighting));
      if (delivery && nextAttempt(delivery) >= job.attempt)
        return isOpen(delivery) && nextAttempt(delivery) === job.attempt ? { sighting, delivery } : undefined;
      if (wait !== undefined) await delay(wait, undefined, { signal: stopping });
    }
    throw new Error('the read model does not show this delivery yet');
  };

  const headersFor = (delivery: Delivery, endpoint: WebhookRecord, at: Date, body: string) => {
    const timestamp = Math.floor(at.getTime() / 1_000);
    const eventId = publicId('event', delivery.eventId);
    const secrets = secretsAt(endpoint, at, deps.secrets);
    return {
      ...announce(delivery, timestamp),
      ...signatures({ scheme: endpoint.scheme, ...secrets, eventId, timestamp, body }),
    };
  };

  const judge = (
    delivery: Delivery,
    endpoint: WebhookRecord,
    startedAt: Date,
    outcome: Outcome,
  ): Attempted => {
    const attempt = nextAttempt(delivery);
    const answered = 'status' in outcome;
    const responseCode = answered ? outcome.status : null;
    const said = verdict(responseCode);
    const ended = {
      attempt,
      createdAt: Date.parse(delivery.createdAt),
      endedAt: startedAt.getTime() + outcome.durationMs,
      retryAfter: answered && outcome.retryAfter !== undefined ? outcome.retryAfter * 1_000 : undefined,
    };
    const next =
      said === 'retry' ? nextDue(endpoint.retrySchedule ?? deps.schedule, ended, random()) : undefined;
    return {
      attempt,
      startedAt: startedAt.toISOString(),
      durationMs: outcome.durationMs,
      outcome: said === 'retry' && next === undefined ? 'failure' : said,
      responseCode,
      // A receiver may send back what it was sent.
      responseBody: answered && !personalNames.has(delivery.eventType) ? outcome.body : null,
      error: answered ? null : outcome.error,
      ...(responseCode === 410 ? { gone: true } : {}),
      nextRetryAt: next === undefined ? null : new Date(next).toISOString(),
    };
  };

  /** Holds on to what came of an attempt until the log has it, or another writer has closed the attempt. */
  const record = async (before: Sighting, attempted: Attempted, correlationId: string) => {
    const { id, eventId } = before.delivery;
    const context = { ...base, commandId: newId(), causationId: eventId, correlationId };
    for (let failures = 0; ; failures++) {
      try {
        // Looked at anew: an attempt takes time, and what has happened meanwhile need not be read back from the log.
        const sighting = (await sight(readModels, id).catch(() => undefined)) ?? before;
        const { events } = await outcomes.handle(sighting, { type: 'RecordAttempt', attempted }, context);
        if (events.length > 0) deps.count(attempted.outcome);
        return;
      } catch (error) {
        if (!isPassing(error)) throw error;
        deps.report.warn('the outcome of a delivery could not be recorded; trying again', {
          delivery: id,
          error: error.message,
        });
        await delay(backOff(failures, random()), undefined, { signal: stopping });
      }
    }
  };

  return async (job) => {
    const found = await due(job);
    const standing = found && (await standingOf(readModels, job.endpointId));
    // Held or gone: the scheduler puts it back, or cancels it.
    if (!found || standing?.state !== 'active') return;
    const { delivery, sighting } = found;
    const { endpoint } = standing;
    const source = { stream: delivery.sourceStream, revision: delivery.sourceRevision };
    const { text: body, correlationId } = await deps.payloads.body(source, endpoint.scheme);
    const startedAt = now();
    const headers = headersFor(delivery, endpoint, startedAt, body);
    const request = { url: endpoint.url, headers, body, timeoutMs: deps.timeoutMs };
    const outcome = await unlessStopped(deps.poster.send(request), stopping);
    await record(sighting, judge(delivery, endpoint, startedAt, outcome), correlationId);
  };
};
