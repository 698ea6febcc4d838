// How an account uses the API: requests counted by key, route and minute, and the report that adds them up. Pure.
import { z } from 'zod';
import { event, Instant } from './decider.js';

export const UsageEvent = z.discriminatedUnion('type', [
  /** Requests of one key to one route in one minute, as one process has counted them. */
  event('RequestsCounted', {
    /** The workspace that the key belongs to. */
    workspaceId: z.uuid(),
    keyId: z.uuid(),
    method: z.string(),
    /** The pattern, such as `/api/v1/workspaces/{id}`. */
    route: z.string(),
    minute: Instant,
    /** How many were answered with 2xx or 3xx, and with 4xx or 5xx. */
    success: z.int(),
    errors: z.int(),
    /** Milliseconds until the answer: of all together, the shortest, the longest. */
    durations: z.object({ sum: z.number(), min: z.number(), max: z.number() }),
  }),
]);
export type UsageEvent = z.infer<typeof UsageEvent>;
export type Counted = UsageEvent['data'];

/** Requests of a day, or of any other time: durations in milliseconds. */
export type Counts = {
  readonly requests: number;
  readonly success: number;
  readonly errors: number;
  readonly sumMs: number;
  readonly minMs: number;
  readonly maxMs: number;
};
export const noCounts: Counts = {
  requests: 0,
  success: 0,
  errors: 0,
  sumMs: 0,
  minMs: Number.POSITIVE_INFINITY,
  maxMs: 0,
};

export const countsOf = ({ success, errors, durations }: Counted): Counts => ({
  requests: success + errors,
  success,
  errors,
  sumMs: durations.sum,
  minMs: durations.min,
  maxMs: durations.max,
});

export const plus = (left: Counts, right: Counts): Counts => ({
  requests: left.requests + right.requests,
  success: left.success + right.success,
  errors: left.errors + right.errors,
  sumMs: left.sumMs + right.sumMs,
  minMs: Math.min(left.minMs, right.minMs),
  maxMs: Math.max(left.maxMs, right.maxMs),
});

/** A day's requests as a whole, of one route (`GET /api/v1/…`), or of one key (UUID). */
export type Part = 'day' | 'route' | 'key';
export type Slice = { readonly day: string; readonly part: Part; readonly name: string };

/** The parts of a day that a count is added to. */
export const slicesOf = ({ minute, method, route, keyId }: Counted): readonly Slice[] => {
  const day = minute.slice(0, 10);
  return [
    { day, part: 'day', name: '' },
    { day, part: 'route', name: `${method} ${route}` },
    { day, part: 'key', name: keyId },
  ];
};

/** What was used in some days, first and last included (`2026-01-31`). Busiest routes and keys first. */
export type UsageReport = {
  readonly start: string;
  readonly end: string;
  readonly totals: Counts;
  /** Every day of the period, also one without requests. */
  readonly days: readonly (Counts & { readonly day: string })[];
  readonly routes: readonly (Counts & { readonly method: string; readonly route: string })[];
  readonly keys: readonly (Counts & { readonly keyId: string })[];
};

export const DAY_MS = 86_400_000;
const MAX_ROUTES = 10;
const MAX_KEYS = 100;

/** `2026-01-31` of an instant in Unix ms. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const daysBetween = (start: string, end: string): string[] => {
  const first = Date.parse(start);
  return Array.from({ length: (Date.parse(end) - first) / DAY_MS + 1 }, (_, n) => dayOf(first + n * DAY_MS));
};

const busiest = (sums: ReadonlyMap<string, Counts>, most: number): [string, Counts][] =>
  [...sums]
    .sort(([a, left], [b, right]) => right.requests - left.requests || (a < b ? -1 : 1))
    .slice(0, most);

/** Adds up slices of the days from `start` to `end`; several of one part of one day are added too. */
export const usageReport = (
  start: string,
  end: string,
  slices: Iterable<readonly [Slice, Counts]>,
): UsageReport => {
  const sums: Record<Part, Map<string, Counts>> = { day: new Map(), route: new Map(), key: new Map() };
  for (const [{ day, part, name }, counts] of slices) {
    if (day < start || day > end) continue;
    const key = part === 'day' ? day : name;
    sums[part].set(key, plus(sums[part].get(key) ?? noCounts, counts));
  }
  const split = (name: string) => name.indexOf(' ');
  return {
    start,
    end,
    totals: [...sums.day.values()].reduce(plus, noCounts),
    days: daysBetween(start, end).map((day) => ({ day, ...(sums.day.get(day) ?? noCounts) })),
    routes: busiest(sums.route, MAX_ROUTES).map(([name, counts]) => ({
      method: name.slice(0, split(name)),
      route: name.slice(split(name) + 1),
      ...counts,
    })),
    keys: busiest(sums.key, MAX_KEYS).map(([keyId, counts]) => ({ keyId, ...counts })),
  };
};
