// When the attempts of a delivery are due. Pure: the clock and the random number are passed in.

/** Seconds after a delivery's creation at which its attempts are due, ascending; its length is the most attempts made. */
export type Schedule = readonly number[];

export const defaultSchedule: Schedule = [0, 60, 300, 1_800, 7_200, 86_400];

/** Each wait is stretched by up to this part of it, so that what failed together does not come back together. */
const JITTER = 0.1;
/** After an attempt that ended late the next one waits no longer than this, in ms, unless the schedule says so. */
const LATE_WAIT = 60_000;
/** The longest that a `Retry-After` is heeded, in ms. */
const MAX_RETRY_AFTER = 86_400_000;

/** Due time of an attempt on the schedule, without jitter (ms after creation); undefined past the last attempt. */
const offset = (schedule: Schedule, attempt: number): number | undefined => {
  const seconds = schedule[attempt - 1];
  return seconds === undefined ? undefined : seconds * 1_000;
};

/** Unix ms at which the first attempt is due. `random` is in [0, 1). */
export const firstDue = (schedule: Schedule, createdAt: number, random: number): number => {
  const wait = offset(schedule, 1) ?? 0;
  return createdAt + Math.floor(wait * (1 + JITTER * random));
};

/** An attempt that failed. Times are Unix ms; `retryAfter` is what the receiver asked for, in ms from the end. */
export type Ended = {
  readonly attempt: number;
  readonly createdAt: number;
  readonly endedAt: number;
  readonly retryAfter?: number | undefined;
};

/**
 * Unix ms at which the attempt after a failed one is due; undefined when that was the last. Times count from the
 * delivery's creation, so a slow attempt moves nothing; but one that ended late (by more than the next wait, or a
 * minute) is followed no earlier than that after its end: an outage of ours must not use up the attempts at once.
 */
export const nextDue = (schedule: Schedule, ended: Ended, random: number): number | undefined => {
  const { attempt, createdAt, endedAt, retryAfter = 0 } = ended;
  const before = offset(schedule, attempt);
  const after = offset(schedule, attempt + 1);
  if (after === undefined) return undefined;
  const wait = after - (before ?? 0);
  const lateWait = Math.min(wait, LATE_WAIT);
  const scheduled = createdAt + after + wait * JITTER * random;
  const late = endedAt > createdAt + (before ?? 0) + lateWait;
  const due = late ? Math.max(scheduled, endedAt + lateWait * (1 + JITTER * random)) : scheduled;
  return Math.floor(Math.max(due, endedAt + Math.min(retryAfter, MAX_RETRY_AFTER)));
};
