import { expect, test } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { Counted } from '../../src/domain/usage.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { monthOf, type UsageRow, usage } from '../../src/projections/usage.js';
import { recorded } from '../support/projected.js';

const workspaceId = '01980000-0000-7000-8000-000000000001';
const keyId = '01980000-0000-7000-8000-000000000002';
const counted = (n: number, over: Partial<Counted> = {}) =>
  recorded(
    {
      type: 'RequestsCounted',
      data: {
        workspaceId,
        keyId,
        method: 'GET',
        route: '/api/v1/workspaces',
        minute: '2026-01-15T10:30:00.000Z',
        success: 3,
        errors: 1,
        durations: { sum: 10, min: 1, max: 5 },
        ...over,
      },
    },
    'requests-x',
    n,
  );

test('a count is added to its day, its route and its key; twice is once', async () => {
  const readModels = embeddedReadModels([usage]);
  const handler = projectionHandler(usage as never, readModels, keyId);
  const events = [
    counted(0),
    counted(1, { method: 'POST', success: 0, errors: 1, durations: { sum: 9, min: 9, max: 9 } }),
    counted(2, { minute: '2026-02-01T00:00:00.000Z' }),
  ];
  for (const batch of [events, events.slice(1)])
    await handler.handle({ events: batch, position: 2, caughtUp: true });
  const where = [{ field: 'month', op: 'eq', value: monthOf(workspaceId, '2026-01-31') }] as const;
  const rows = await readModels.find<UsageRow>('usage', { where });
  const both = { requests: 5, success: 3, errors: 2, sumMs: 19, minMs: 1, maxMs: 9 };
  const day = { workspaceId, month: `${workspaceId}.2026-01`, day: '2026-01-15' };
  expect(rows.map(({ id: _, position: __, revision: ___, ...row }) => row)).toEqual([
    { ...day, part: 'day', name: '', ...both },
    { ...day, part: 'key', name: keyId, ...both },
    {
      ...day,
      part: 'route',
      name: 'GET /api/v1/workspaces',
      requests: 4,
      success: 3,
      errors: 1,
      sumMs: 10,
      minMs: 1,
      maxMs: 5,
    },
    {
      ...day,
      part: 'route',
      name: 'POST /api/v1/workspaces',
      requests: 1,
      success: 0,
      errors: 1,
      sumMs: 9,
      minMs: 9,
      maxMs: 9,
    },
  ]);
  expect(await readModels.count('usage', [])).toBe(7);
});
