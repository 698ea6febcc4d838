// What every store of rate-limit counters does. A further adapter supplies its set-up only.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Counters, Usage, Window } from '../../src/adapters/counters/port.js';

export type CountersSetup = () => Promise<{ counters: Counters; dispose(): Promise<void> }>;

const minute = 60_000;
const hour = 3_600_000;
const start = Date.UTC(2026, 0, 1);

export const countersContract = (name: string, setup: CountersSetup, { runs }: { runs: number }) =>
  describe(`counters: ${name}`, () => {
    let counters: Counters;
    let dispose: () => Promise<void>;
    let key: string;
    beforeEach(async () => {
      ({ counters, dispose } = await setup());
      key = randomUUID();
    });
    afterEach(() => dispose());

    const windows: Window[] = [
      { windowMs: minute, ceiling: 3 },
      { windowMs: hour, ceiling: 5 },
    ];

    test('admits up to the ceiling, then denies, and denied hits are not counted', async () => {
      const results = [];
      for (let hit = 0; hit < 5; hit++) results.push(await counters.hit(key, windows, 0, start + hit));
      expect(results.map(({ admitted }) => admitted)).toEqual([true, true, true, false, false]);
      expect(results.map(({ usage }) => usage.map(({ used }) => used))).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
        [3, 3],
        [3, 3],
      ]);
    });

    test('an admitted hit counts in every window, and only the judging one denies', async () => {
      for (let hit = 0; hit < 5; hit++)
        expect((await counters.hit(key, windows, 1, start + hit)).admitted).toBe(true);
      expect((await counters.hit(key, windows, 1, start + 5)).admitted).toBe(false);
      const judgedByMinute = await counters.hit(key, windows, 0, start + 6);
      expect(judgedByMinute.admitted).toBe(false);
      expect(judgedByMinute.usage.map(({ used }) => used)).toEqual([5, 5]);
      const later = await counters.hit(key, windows, 0, start + 2 * minute);
      expect(later.admitted).toBe(true);
      expect(later.usage.map(({ used }) => used)).toEqual([1, 6]);
    });

    test('of 50 hits at once exactly as many as the ceiling are admitted', async () => {
      const hits = Array.from({ length: 50 }, () =>
        counters.hit(key, [{ windowMs: minute, ceiling: 20 }], 0, start),
      );
      expect((await Promise.all(hits)).filter(({ admitted }) => admitted)).toHaveLength(20);
    });

    test('an unlimited window counts and never denies; a ceiling of nothing always denies', async () => {
      const unlimited = [{ windowMs: minute, ceiling: Number.POSITIVE_INFINITY }];
      for (let hit = 1; hit <= 100; hit++)
        expect(await counters.hit(key, unlimited, 0, start)).toMatchObject({
          admitted: true,
          usage: [{ used: hit }],
        });
      const none = await counters.hit(randomUUID(), [{ windowMs: minute, ceiling: 0 }], 0, start);
      expect(none).toMatchObject({ admitted: false, usage: [{ used: 0 }] });
    });

    test('keys do not count for each other', async () => {
      const one = [{ windowMs: minute, ceiling: 1 }];
      expect((await counters.hit(key, one, 0, start)).admitted).toBe(true);
      expect((await counters.hit(randomUUID(), one, 0, start)).admitted).toBe(true);
      expect((await counters.hit(key, one, 0, start)).admitted).toBe(false);
    });

    test('a place is free at the time that was given for it, and not before', async () => {
      const two = [{ windowMs: minute, ceiling: 2 }];
      const hit = (now: number) => counters.hit(key, two, 0, now);
      await hit(start + 100);
      await hit(start + 30_000);
      const denied = await hit(start + 31_000);
      expect(denied.admitted).toBe(false);
      const freesAt = denied.usage[0]?.freesAt ?? 0;
      expect(freesAt).toBeGreaterThan(start + 100 + minute);
      expect(freesAt).toBeLessThanOrEqual(start + 100 + (minute * 241) / 240);
      expect((await hit(freesAt - 1)).admitted).toBe(false);
      expect((await hit(freesAt)).admitted).toBe(true);
      expect((await hit(freesAt)).admitted).toBe(false);
    });

    const span = fc.constantFrom(1000, 7777, minute);
    const steps = fc.array(fc.record({ ms: fc.oneof(fc.nat(60), fc.nat(80_000)), judge: fc.nat(1) }), {
      minLength: 20,
      maxLength: 200,
    });

    test('never more than the ceiling in any span, never fewer than a window of one slice more would admit', async () => {
      await fc.assert(
        fc.asyncProperty(
          span,
          span,
          fc.integer({ min: 1, max: 9 }),
          steps,
          async (first, second, ceiling, hits) => {
            const both = [
              { windowMs: first, ceiling },
              { windowMs: 3 * second, ceiling: 2 * ceiling },
            ];
            const log = slidingLog(both);
            const anew = randomUUID();
            let now = start;
            for (const { ms, judge } of hits) {
              now += ms;
              log.check(now, judge, await counters.hit(anew, both, judge, now));
            }
          },
        ),
        { numRuns: runs },
      );
    });
  });

/** Keeps every admitted hit, and says what any answer must hold: the plainest sliding window there is. */
const slidingLog = (windows: readonly Window[]) => {
  const admitted: number[] = [];
  const resets = windows.map(() => 0);
  const within = (now: number, ms: number) => admitted.filter((at) => at > now - ms).length;

  const checkUsage = (now: number, index: number, windowMs: number, { used, freesAt }: Usage) => {
    expect(used).toBeGreaterThanOrEqual(within(now, windowMs));
    expect(used).toBeLessThanOrEqual(within(now, (windowMs * 241) / 240));
    expect(freesAt).toBeGreaterThanOrEqual(resets[index] ?? 0);
    if (used > 0) expect(freesAt).toBeGreaterThan(now);
    resets[index] = freesAt;
  };

  return {
    check(now: number, judge: number, answer: Awaited<ReturnType<Counters['hit']>>) {
      const { windowMs, ceiling } = windows[judge] ?? { windowMs: 0, ceiling: 0 };
      if (answer.admitted) {
        admitted.push(now);
        expect(within(now, windowMs)).toBeLessThanOrEqual(ceiling);
      } else {
        expect(within(now, (windowMs * 241) / 240)).toBeGreaterThanOrEqual(ceiling);
      }
      expect(answer.usage).toHaveLength(windows.length);
      answer.usage.forEach((usage, index) => {
        checkUsage(now, index, windows[index]?.windowMs ?? 0, usage);
      });
    },
  };
};
