import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { type RequestCounts, requestCounts } from '../../src/commands/usage.js';
import type { Counted } from '../../src/domain/usage.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const workspaceId = '01980000-0000-7000-8000-000000000001';
const keyOf = (n: number) => ({ id: `01980000-0000-7000-8000-${String(n).padStart(12, '0')}`, workspaceId });
const silent = { warn: () => undefined };
const START = Date.parse('2026-01-15T10:30:20.000Z');
const MINUTE = 60_000;

let test: TestLog;
let clock: number;
let works: boolean;
beforeEach(async () => {
  test = await testLog();
  clock = START;
  works = true;
});
afterEach(() => test.stop());

const counting = (): RequestCounts => {
  const log: EventLog = {
    ...test.log,
    append: (stream, events, expected) =>
      works
        ? test.log.append(stream, events, expected)
        : Promise.reject(new LogUnavailable('away', 'not_written')),
  };
  return requestCounts({ log, now: () => new Date(clock), report: silent });
};
const get = (counts: RequestCounts, status = 200, ms = 2, key = keyOf(1)) =>
  counts.count(key, 'GET', '/api/v1/workspaces', status, clock, ms);
const written = async () => (await eventsIn(test.log)).map(({ data }) => data as Counted);
const total = (all: readonly Counted[]) =>
  all.reduce((sum, { success, errors }) => sum + success + errors, 0);

describe('counts of requests', () => {
  it('become one event for each key, route and minute, when the minute is over', async () => {
    const counts = counting();
    for (const [status, ms] of [
      [200, 2],
      [304, 1.5],
      [404, 9],
      [500, 3],
    ] as const)
      get(counts, status, ms);
    counts.count(keyOf(1), 'POST', '/api/v1/workspaces', 201, clock, 4);
    get(counts, 200, 2, keyOf(2));
    await counts.flush();
    expect(await written()).toEqual([]);
    clock += MINUTE;
    get(counts, 200, 7);
    await counts.flush();
    const first = {
      workspaceId,
      keyId: keyOf(1).id,
      method: 'GET',
      route: '/api/v1/workspaces',
      minute: '2026-01-15T10:30:00.000Z',
      success: 2,
      errors: 2,
      durations: { sum: 15.5, min: 1.5, max: 9 },
    };
    expect(await written()).toEqual([
      first,
      { ...first, method: 'POST', success: 1, errors: 0, durations: { sum: 4, min: 4, max: 4 } },
      { ...first, keyId: keyOf(2).id, success: 1, errors: 0, durations: { sum: 2, min: 2, max: 2 } },
    ]);
    expect(counts.unwritten(workspaceId)).toMatchObject([{ minute: '2026-01-15T10:31:00.000Z', success: 1 }]);
    expect(counts.unwritten(keyOf(9).id)).toEqual([]);
  });

  it('are about the workspace of the key, in the name of the system', async () => {
    const counts = counting();
    get(counts);
    await counts.flush({ all: true });
    const [event] = await eventsIn(test.log);
    expect(event?.metadata).toMatchObject({ audience: [workspaceId], actor: { system: 'usage' } });
  });

  it('are written down whole by a clean stop, the minute under way too', async () => {
    const counts = counting();
    get(counts);
    clock += MINUTE;
    get(counts);
    await counts.stop();
    expect((await written()).map(({ minute, success }) => [minute, success])).toEqual([
      ['2026-01-15T10:30:00.000Z', 1],
      ['2026-01-15T10:31:00.000Z', 1],
    ]);
    expect(counts.unwritten(workspaceId)).toEqual([]);
    await counts.stop();
    expect(await written()).toHaveLength(2);
  });

  it('stay counted while the log cannot be written, and are written once', async () => {
    const counts = counting();
    works = false;
    for (let minute = 0; minute < 3; minute++) {
      get(counts);
      await expect(counts.flush({ all: true })).rejects.toThrow('away');
      expect(total(counts.unwritten(workspaceId))).toBe(minute + 1);
      clock += MINUTE;
    }
    works = true;
    await counts.flush();
    expect([total(await written()), counts.unwritten(workspaceId)]).toEqual([3, []]);
  });

  it('of a long outage are kept in bounds: late minutes are counted together, each day for itself', async () => {
    const counts = counting();
    works = false;
    const day = 24 * 60;
    for (let minute = 0; minute < day; minute++) {
      get(counts);
      await counts.flush().catch(() => undefined);
      clock += MINUTE;
    }
    expect(counts.unwritten(workspaceId).length).toBeLessThan(25);
    works = true;
    await counts.flush();
    const days = new Map<string, number>();
    for (const one of await written())
      days.set(one.minute.slice(0, 10), (days.get(one.minute.slice(0, 10)) ?? 0) + total([one]));
    expect(Object.fromEntries(days)).toEqual({ '2026-01-15': 810, '2026-01-16': 630 });
  });

  it('of very many keys fit into appends, however many', async () => {
    const counts = counting();
    for (let n = 0; n < 2_500; n++) get(counts, 200, 1, keyOf(n));
    await counts.flush({ all: true });
    expect(total(await written())).toBe(2_500);
  });

  it('of one request cost next to nothing', () => {
    const counts = counting();
    const keys = Array.from({ length: 100 }, (_, n) => keyOf(n));
    const run = () => {
      const started = performance.now();
      for (let n = 0; n < 100_000; n++) get(counts, 200, 1, keys[n % keys.length]);
      return ((performance.now() - started) / 100_000) * 1_000;
    };
    expect(Math.min(run(), run(), run())).toBeLessThan(5); // µs; a request takes 60 at least
  });
});
