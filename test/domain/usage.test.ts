import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  type Counted,
  type Counts,
  countsOf,
  type Slice,
  slicesOf,
  usageReport,
} from '../../src/domain/usage.js';

const workspaceId = '01980000-0000-7000-8000-000000000001';
const key = (n: number) => `01980000-0000-7000-8000-0000000000${String(n).padStart(2, '0')}`;
const counted = (over: Partial<Counted> = {}): Counted => ({
  workspaceId,
  keyId: key(1),
  method: 'GET',
  route: '/api/v1/workspaces',
  minute: '2026-01-15T10:30:00.000Z',
  success: 3,
  errors: 1,
  durations: { sum: 10, min: 1, max: 5 },
  ...over,
});
const slices = (all: readonly Counted[]): [Slice, Counts][] =>
  all.flatMap((one) => slicesOf(one).map((slice): [Slice, Counts] => [slice, countsOf(one)]));

describe('a report of usage', () => {
  it('lists every day of the period, adds up what is in it, and leaves out the rest', () => {
    const all = [
      counted({ minute: '2026-01-13T23:59:00.000Z' }),
      counted({
        minute: '2026-01-14T00:00:00.000Z',
        success: 1,
        errors: 0,
        durations: { sum: 7, min: 7, max: 7 },
      }),
      counted({ minute: '2026-01-16T23:59:00.000Z' }),
      counted({ minute: '2026-01-17T00:00:00.000Z' }),
    ];
    const { totals, days } = usageReport('2026-01-14', '2026-01-16', slices(all));
    expect(totals).toEqual({ requests: 5, success: 4, errors: 1, sumMs: 17, minMs: 1, maxMs: 7 });
    expect(days.map(({ day, requests }) => [day, requests])).toEqual([
      ['2026-01-14', 1],
      ['2026-01-15', 0],
      ['2026-01-16', 4],
    ]);
  });

  it('names at most ten routes and a hundred keys, the busiest first', () => {
    const routes = Array.from({ length: 12 }, (_, n) =>
      counted({ route: `/api/v1/r${n}`, success: n, errors: 0 }),
    );
    const keys = Array.from({ length: 12 }, (_, n) =>
      counted({ keyId: key(n), method: 'POST', success: 50 + n }),
    );
    const report = usageReport('2026-01-15', '2026-01-15', slices([...routes, ...keys]));
    expect(report.routes).toHaveLength(10);
    expect(report.routes.slice(0, 2)).toMatchObject([
      { method: 'POST', route: '/api/v1/workspaces', success: 666 },
      { method: 'GET', route: '/api/v1/r11', requests: 11 },
    ]);
    expect(report.keys.slice(0, 2).map(({ keyId }) => keyId)).toEqual([key(1), key(11)]);
    const many = Array.from({ length: 101 }, (_, n) => counted({ keyId: `key-${n}` }));
    expect(usageReport('2026-01-15', '2026-01-15', slices(many)).keys).toHaveLength(100);
  });

  test('says the same of its days, routes and keys, in whatever order it was counted', () => {
    const one = fc.record({
      keyId: fc.constantFrom(key(1), key(2)),
      method: fc.constantFrom('GET', 'POST'),
      route: fc.constantFrom('/a', '/b'),
      minute: fc.constantFrom('2026-01-14T10:30:00.000Z', '2026-01-15T10:31:00.000Z'),
      success: fc.nat(9),
      errors: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(one), (given) => {
        const all = given.map((over) => counted(over));
        const report = usageReport('2026-01-14', '2026-01-15', slices(all));
        const sum = (some: readonly Counts[]) => some.reduce((total, { requests }) => total + requests, 0);
        const expected = all.reduce((total, { success, errors }) => total + success + errors, 0);
        for (const some of [report.days, report.routes, report.keys, [report.totals]])
          expect(sum(some)).toBe(expected);
        expect(usageReport('2026-01-14', '2026-01-15', slices(all.toReversed()))).toEqual(report);
      }),
    );
  });
});
