// Endpoint that reports how an account uses the API.
import { z } from 'zod';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { RequestCounts } from '../commands/usage.js';
import { type NamedKey, usageBody } from '../dialects/usage.js';
import { invalid } from '../domain/errors.js';
import { type Counts, countsOf, DAY_MS, dayOf, type Slice, slicesOf, usageReport } from '../domain/usage.js';
import type { ApiKeyRow } from '../projections/api-keys.js';
import { monthOf, type UsageRow } from '../projections/usage.js';
import { parseInstant } from './fields.js';
import { type Route, type RouteDoc, route } from './route.js';

/** Most days of one report, and how many it has when nothing is said. */
const MAX_DAYS = 366;
const USUAL_DAYS = 30;

const day = z
  .string()
  .transform((text, context): number => {
    const parsed = parseInstant(text);
    if (parsed) return Math.floor(parsed.ms / DAY_MS) * DAY_MS;
    context.addIssue('The :attribute is not a valid date. Use 2026-01-31 or 2026-01-31T10:30:00Z.');
    return z.NEVER;
  })
  .meta({
    format: 'date-time',
    description: 'ISO 8601 date or timestamp; the whole day (UTC) that it is in.',
  });
const UsageQuery = z.object({ start: day, end: day }).partial();

/** First and last day. Throws 422. */
const periodOf = ({ start, end }: z.output<typeof UsageQuery>, now: Date) => {
  const last = end ?? Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const first = start ?? last - (USUAL_DAYS - 1) * DAY_MS;
  if (last < first) throw invalid({ end: 'The end may not be before the start.' });
  if ((last - first) / DAY_MS >= MAX_DAYS)
    throw invalid({ start: `The period may not be longer than ${MAX_DAYS} days.` });
  return { start: dayOf(first), end: dayOf(last) };
};

/** The rows of a period: those of all months that it touches. */
const rowsOf = (workspaceId: string, start: string, end: string): Term[] => {
  const months = new Set<string>();
  for (let ms = Date.parse(start); ms <= Date.parse(end); ms += DAY_MS)
    months.add(monthOf(workspaceId, dayOf(ms)));
  return [
    { field: 'month', op: 'in', value: [...months] },
    { field: 'day', op: 'gte', value: start },
    { field: 'day', op: 'lte', value: end },
  ];
};

const counts = { requests: 1_250, success: 1_226, errors: 24 };
const rated = { ...counts, success_rate: 98.08, average_ms: 4.21 };
const example = (id: number | string, prefix: string) => ({
  data: {
    period: { start: '2026-01-15T00:00:00Z', end: '2026-01-15T23:59:59Z' },
    totals: { ...counts, success_rate: 98.08 },
    response_time: { average_ms: 4.21, min_ms: 0.71, max_ms: 130.4 },
    by_day: [{ date: '2026-01-15', ...counts, average_ms: 4.21 }],
    top_endpoints: [{ endpoint: '/api/v1/workspaces/{id}', method: 'GET', ...rated }],
    by_key: [{ id, name: 'Production API Key', prefix, ...rated }],
  },
});
/** What may be null. */
const nullable = ['id', 'name', 'prefix'];

const doc: RouteDoc = {
  id: 'getUsage',
  tag: 'Usage',
  summary: 'See how the API is used',
  description:
    'Counts the requests that were made with the keys of the context workspace, whatever workspace they were made in; refused ones (4xx, 5xx) are errors. Days are in UTC; every day of the period is listed, up to 10 endpoints and 100 keys, busiest first. Without parameters it tells of the last 30 days; at most 366. What other processes of the server have counted is included a minute or two later.',
  success: {
    nullable,
    status: 200,
    description: 'Totals, and the same by day, endpoint and key. `success_rate` is in per cent.',
    example: example(1, 'sk_live_abc'),
    example2024: example('key_01kf0d92j0fgyag8mxvs5w3s0c', 'sk_live_'),
  },
};

export const usageRoutes = (deps: {
  readModels: ReadModels;
  requests: RequestCounts;
  /** Resolves when the read models have seen a position, or it took too long. */
  waitFor: (position: number) => Promise<unknown>;
}): Route[] => {
  const { readModels, requests, waitFor } = deps;

  /** What is in the read model and, each count once, what is only counted so far. */
  const slices = async (workspaceId: string, start: string, end: string) => {
    const where = rowsOf(workspaceId, start, end);
    for (let position = await requests.settled(); ; ) {
      await waitFor(position);
      const rows = await readModels.find<UsageRow>('usage', { where });
      const after = await requests.settled();
      if (after !== position) {
        position = after; // written down meanwhile: look again
        continue;
      }
      const fresh = requests
        .unwritten(workspaceId)
        .flatMap((counted) => slicesOf(counted).map((slice): [Slice, Counts] => [slice, countsOf(counted)]));
      return [...rows.map((row): [Slice, Counts] => [row, row]), ...fresh];
    }
  };

  const keysNamed = async (ids: readonly string[]): Promise<(id: string) => NamedKey> => {
    const where: Term[] = [{ field: 'id', op: 'in', value: ids }];
    const rows = await readModels.find<ApiKeyRow>('api-keys', { where });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return (id) => byId.get(id);
  };

  return [
    route({
      method: 'GET',
      path: '/usage',
      scope: 'usage:read',
      query: UsageQuery,
      doc,
      handle: async ({ query, workspace, dialect, now }) => {
        const { start, end } = periodOf(query, now);
        const report = usageReport(start, end, await slices(workspace.id, start, end));
        const keyOf = await keysNamed(report.keys.map(({ keyId }) => keyId));
        return { status: 200, body: usageBody(dialect, report, keyOf) };
      },
    }),
  ];
};
