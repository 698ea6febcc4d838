// How a report of usage is shown: the same in both dialects, but for the ids of keys.
import { publicId } from '../domain/ids.js';
import type { Counts, UsageReport } from '../domain/usage.js';
import type { Dialect } from './dialect.js';

/** What is shown of a key; undefined for one that nobody knows any more. */
export type NamedKey =
  | { readonly number: number; readonly name: string; readonly prefix: string }
  | undefined;

const hundredths = (value: number): number => Math.round(value * 100) / 100;
const average = ({ requests, sumMs }: Counts): number => (requests === 0 ? 0 : hundredths(sumMs / requests));
/** Per cent; where nothing was asked, nothing failed. */
const successRate = ({ requests, success }: Counts): number =>
  requests === 0 ? 100 : hundredths((100 * success) / requests);

const numbers = (counts: Counts) => ({
  requests: counts.requests,
  success: counts.success,
  errors: counts.errors,
});
const rated = (counts: Counts) => ({
  ...numbers(counts),
  success_rate: successRate(counts),
  average_ms: average(counts),
});

/** Body of `GET /usage`. `keyOf` names a key by its UUID. */
export const usageBody = (
  dialect: Dialect,
  { start, end, totals, days, routes, keys }: UsageReport,
  keyOf: (keyId: string) => NamedKey,
): object => ({
  data: {
    period: { start: `${start}T00:00:00Z`, end: `${end}T23:59:59Z` },
    totals: { ...numbers(totals), success_rate: successRate(totals) },
    response_time: {
      average_ms: average(totals),
      min_ms: totals.requests === 0 ? 0 : hundredths(totals.minMs),
      max_ms: hundredths(totals.maxMs),
    },
    by_day: days.map(({ day, ...counts }) => ({
      date: day,
      ...numbers(counts),
      average_ms: average(counts),
    })),
    top_endpoints: routes.map(({ method, route, ...counts }) => ({
      endpoint: route,
      method,
      ...rated(counts),
    })),
    by_key: keys.map(({ keyId, ...counts }) => {
      const key = keyOf(keyId);
      return {
        id: dialect === '2026' ? (key?.number ?? null) : publicId('apiKey', keyId),
        name: key?.name ?? null,
        prefix: key ? (dialect === '2026' ? key.prefix : key.prefix.slice(0, 8)) : null,
        ...rated(counts),
      };
    }),
  },
});
