import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultSchedule, firstDue, nextDue, type Schedule } from '../../src/domain/retry-schedule.js';

const CREATED = Date.parse('2026-01-15T10:30:00.000Z');
const MINUTE = 60_000;
const DAY = 86_400_000;
const due = (attempt: number, endedAt: number, random = 0, retryAfter?: number) =>
  nextDue(defaultSchedule, { attempt, createdAt: CREATED, endedAt, retryAfter }, random);

const schedules = fc
  .array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 8 })
  .map((seconds): Schedule => seconds.sort((left, right) => left - right));
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the default schedule', () => {
  test('makes six attempts: at once and 1 min, 5 min, 30 min, 2 h, 24 h after the creation', () => {
    expect(firstDue(defaultSchedule, CREATED, 0.99)).toBe(CREATED);
    const minutes = [1, 2, 3, 4, 5].map((attempt) => {
      const onTime = CREATED + (defaultSchedule[attempt - 1] ?? 0) * 1_000;
      return ((due(attempt, onTime) ?? 0) - CREATED) / MINUTE;
    });
    expect(minutes).toEqual([1, 5, 30, 120, 1_440]);
    expect(due(6, CREATED + DAY)).toBeUndefined();
  });

  test('does not move when an attempt is slow', () => {
    expect(due(1, CREATED + 30_000)).toBe(CREATED + MINUTE);
    expect(due(2, CREATED + MINUTE + 30_000)).toBe(CREATED + 5 * MINUTE);
  });

  test('waits a minute after an attempt that an outage made late', () => {
    expect(due(1, CREATED + 3 * DAY)).toBe(CREATED + 3 * DAY + MINUTE);
    expect(due(4, CREATED + 3 * DAY)).toBe(CREATED + 3 * DAY + MINUTE);
  });

  test('comes later when the receiver asks for it, by a day at most', () => {
    expect(due(1, CREATED + 100, 0, 10 * MINUTE)).toBe(CREATED + 100 + 10 * MINUTE);
    expect(due(1, CREATED + 100, 0, 10)).toBe(CREATED + MINUTE);
    expect(due(1, CREATED + 100, 0, 40 * DAY)).toBe(CREATED + 100 + DAY);
  });
});

test('a first attempt may be due later than the creation', () => {
  expect(firstDue([10, 20], CREATED, 0)).toBe(CREATED + 10_000);
  expect(firstDue([10, 20], CREATED, 0.5)).toBe(CREATED + 10_500);
});

test('after a late attempt the wait is the normal one where that is shorter than a minute', () => {
  const ended = { attempt: 2, createdAt: CREATED, endedAt: CREATED + DAY };
  expect(nextDue([0, 5, 12], ended, 0)).toBe(CREATED + DAY + 7_000);
});

describe('for any schedule', () => {
  const cases = {
    schedule: schedules,
    attempt: fc.integer({ min: 1, max: 9 }),
    late: fc.integer({ min: 0, max: 3 * DAY }),
  };

  test('attempts are as many as it has entries', () =>
    fc.assert(
      fc.property(fc.record({ ...cases, random: randoms }), ({ schedule, attempt, late, random }) => {
        const due = nextDue(schedule, { attempt, createdAt: CREATED, endedAt: CREATED + late }, random);
        expect(due === undefined).toBe(attempt >= schedule.length);
      }),
    ));

  test('the next attempt is never before its time on the schedule, and on time at most a tenth of its wait after it', () =>
    fc.assert(
      fc.property(fc.record({ ...cases, random: randoms }), ({ schedule, attempt, random }) => {
        const [before = 0, next] = schedule.slice(attempt - 1, attempt + 1);
        fc.pre(next !== undefined && attempt < schedule.length);
        const createdAt = CREATED;
        const due =
          nextDue(schedule, { attempt, createdAt, endedAt: createdAt + before * 1_000 }, random) ?? 0;
        expect(due).toBeGreaterThanOrEqual(createdAt + next * 1_000);
        expect(due).toBeLessThanOrEqual(createdAt + next * 1_000 + (next - before) * 100);
      }),
    ));

  test('after a long outage the next attempt comes no sooner than its wait or a minute, whichever is shorter', () =>
    fc.assert(
      fc.property(fc.record({ ...cases, random: randoms }), ({ schedule, attempt, late, random }) => {
        const [before = 0, next] = schedule.slice(attempt - 1, attempt + 1);
        fc.pre(next !== undefined && attempt < schedule.length);
        const endedAt = CREATED + next * 1_000 + MINUTE + late;
        const due = nextDue(schedule, { attempt, createdAt: CREATED, endedAt }, random) ?? 0;
        expect(due - endedAt).toBeGreaterThanOrEqual(Math.min((next - before) * 1_000, MINUTE));
      }),
    ));

  test('what the receiver asks for is kept to, up to a day', () =>
    fc.assert(
      fc.property(
        fc.record({ ...cases, random: randoms, retryAfter: fc.integer({ min: 0, max: 3 * DAY }) }),
        ({ schedule, attempt, late, random, retryAfter }) => {
          fc.pre(attempt < schedule.length);
          const ended = { attempt, createdAt: CREATED, endedAt: CREATED + late };
          const due = nextDue(schedule, { ...ended, retryAfter }, random) ?? 0;
          expect(due).toBeGreaterThanOrEqual(nextDue(schedule, ended, random) ?? 0);
          expect(due - ended.endedAt).toBeGreaterThanOrEqual(Math.min(retryAfter, DAY));
        },
      ),
    ));
});
