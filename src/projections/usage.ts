// The read model behind GET /usage: what the keys of a workspace have done in a day, as a whole, by route and by key.
// It folds over several streams, one of each process that has counted: sums do not depend on their order.
import type { Row } from '../adapters/read-models/port.js';
import {
  type Counted,
  type Counts,
  countsOf,
  plus,
  type Slice,
  slicesOf,
  UsageEvent,
} from '../domain/usage.js';
import { type Projection, typesOf } from './projection.js';

export type UsageRow = Row & Slice & Counts & { readonly workspaceId: string; readonly month: string };

/** The rows of a workspace and a month (`2026-01`) share this: a report looks at no others. */
export const monthOf = (workspaceId: string, day: string): string => `${workspaceId}.${day.slice(0, 7)}`;

const rowId = (workspaceId: string, { day, part, name }: Slice): string =>
  `${workspaceId}.${day}.${part}${name === '' ? '' : `.${name}`}`;

export const usage: Projection<UsageRow> = {
  name: 'usage',
  version: 1,
  holds:
    'Requests that the API keys of a workspace have made in a day (UTC): all, those to a route, or those of a key.',
  fields: {
    workspaceId: ['uuid', 'The workspace that the keys belong to.'],
    month: ['text', 'The workspace and the month, such as `….2026-01`: what a report finds its days by.'],
    day: ['text', 'The day, such as `2026-01-31`.'],
    part: ['text', '`day` for all of its requests, `route` for those to a route, `key` for those of a key.'],
    name: ['text', 'The route (`GET /api/v1/workspaces`), the key’s id, or nothing for a whole day.'],
    requests: ['integer', 'How many there were.'],
    success: ['integer', 'How many were answered with 2xx or 3xx.'],
    errors: ['integer', 'How many were answered with 4xx or 5xx.'],
    sumMs: ['number', 'Milliseconds until the answer, of all requests together.'],
    minMs: ['number', 'Of the fastest.'],
    maxMs: ['number', 'Of the slowest.'],
  },
  indexes: ['month'],
  events: new Set(typesOf(UsageEvent)),
  idOf({ data }) {
    const counted = data as Counted;
    return slicesOf(counted).map((slice) => rowId(counted.workspaceId, slice));
  },
  project(row, { data }, nth) {
    const counted = data as Counted;
    // Of all events these come in the greatest numbers: most find their row, which only grows.
    if (row) return { ...row, ...plus(row, countsOf(counted)) };
    const { workspaceId } = counted;
    const slice = slicesOf(counted)[nth];
    return (
      slice && {
        id: rowId(workspaceId, slice),
        workspaceId,
        month: monthOf(workspaceId, slice.day),
        ...slice,
        ...countsOf(counted),
      }
    );
  },
};
