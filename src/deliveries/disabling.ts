// When an endpoint is to be disabled: decided in log order from the outcomes of its attempts.
import type { EventLog } from '../adapters/event-log/port.js';
import type { Recorded } from '../domain/decider.js';
import { type DeliveryEvent, deliveriesStream } from '../domain/deliveries.js';
import type { DisablingReason } from '../domain/webhooks.js';
import type { FannedEndpoint } from './endpoints.js';
import { readBack } from './read-back.js';

export type DisablingRules = {
  /** Failed attempts in a row. */
  readonly after: number;
  /** The least age of the first of them when the last one fails. */
  readonly afterSeconds: number;
};

export type Attempt = Recorded<Extract<DeliveryEvent, { type: 'DeliveryAttempted' }>>;

/** Failures in a row since the last success or activation. */
type Streak = { readonly failures: number; readonly since: string; readonly decided?: DisablingReason };

export type Disabling = {
  /** Judges one attempt of an endpoint, in log order; the reason when it is now to be disabled. */
  judge(attempt: Attempt, endpoint: FannedEndpoint): Promise<DisablingReason | undefined>;
  /** Ends the run of an endpoint: it was switched on again, or is no more. */
  reset(endpointId: string): void;
};

/** Counts failures in a row for each endpoint. */
export const disabling = (log: EventLog, rules: DisablingRules): Disabling => {
  const streaks = new Map<string, Streak>();

  const isEnough = ({ failures, since }: Streak, latest: Attempt): boolean =>
    failures >= rules.after &&
    Date.parse(latest.data.startedAt) - Date.parse(since) >= rules.afterSeconds * 1_000;

  /** The run before an attempt that is the first one seen here: read back as far as it matters. */
  const before = async (attempt: Attempt, endpoint: FannedEndpoint): Promise<Streak> => {
    let streak: Streak = { failures: 0, since: attempt.data.startedAt };
    if (attempt.revision === 0) return streak;
    const stream = deliveriesStream(endpoint.id);
    for await (const event of readBack(log, stream, attempt.revision - 1)) {
      if (event.position <= endpoint.activatedAt || isEnough(streak, attempt)) break;
      if (event.type !== 'DeliveryAttempted') continue;
      if (event.data.outcome === 'success') break;
      streak = { failures: streak.failures + 1, since: event.data.startedAt };
    }
    return streak;
  };

  const reasonFor = (
    streak: Streak,
    attempt: Attempt,
    endpoint: FannedEndpoint,
  ): DisablingReason | undefined => {
    const decided = streak.decided ?? endpoint.decided?.data.reason;
    if (attempt.data.gone) return endpoint.gone || decided === 'gone' ? undefined : 'gone';
    return endpoint.active && decided === undefined && isEnough(streak, attempt) ? 'failures' : undefined;
  };

  return {
    async judge(attempt, endpoint) {
      const { data } = attempt;
      if (data.outcome === 'success') {
        streaks.set(endpoint.id, { failures: 0, since: data.startedAt });
        return undefined;
      }
      const earlier = streaks.get(endpoint.id) ?? (await before(attempt, endpoint));
      const streak = {
        ...earlier,
        failures: earlier.failures + 1,
        since: earlier.failures === 0 ? data.startedAt : earlier.since,
      };
      const reason = reasonFor(streak, attempt, endpoint);
      streaks.set(endpoint.id, reason ? { ...streak, decided: reason } : streak);
      return reason;
    },
    reset: (endpointId) => {
      streaks.delete(endpointId);
    },
  };
};
