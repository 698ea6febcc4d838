import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemContext } from '../../src/commands/context.js';
import { nextNumber, nextNumbers } from '../../src/commands/numbers.js';
import { type TestLog, testLog } from '../support/embedded-log.js';

const now = () => new Date('2026-01-15T10:30:00.000Z');

describe('integer ids', () => {
  let test: TestLog;
  beforeEach(async () => {
    test = await testLog();
  });
  afterEach(() => test.stop());
  const next = (context = systemContext('test')) => nextNumber(test.log, 'workspace', context, now);

  it('count from 1, each sequence for itself', async () => {
    expect([
      await next(),
      await next(),
      await nextNumber(test.log, 'user', systemContext('test'), now),
    ]).toEqual([1, 2, 1]);
  });

  it('are never given to two of many who ask at once', async () => {
    const numbers = await Promise.all(Array.from({ length: 100 }, () => next()));
    expect(new Set(numbers).size).toBe(100);
    expect(Math.max(...numbers)).toBe(100);
  });

  it('go on after a restart', async () => {
    await next();
    await test.reopen();
    expect(await next()).toBe(2);
  });

  it('of a command that stopped after it took one are taken again by its retry', async () => {
    const context = systemContext('test');
    const first = await next(context);
    await next();
    expect(await next({ ...context, retry: true })).toBe(first);
    expect(await next()).toBe(3);
  });

  describe('in rows', () => {
    const many = (count: number, context = systemContext('test')) =>
      nextNumbers(test.log, 'seoIssue', count, context, now);

    it('begin at 1 and never overlap, also beyond one block', async () => {
      const counts = [1, 100, 101, 1_000, 3];
      const firsts = await Promise.all(counts.map((count) => many(count)));
      const given = counts.flatMap((count, n) =>
        Array.from({ length: count }, (_, at) => (firsts[n] ?? 0) + at),
      );
      expect(Math.min(...given)).toBe(1);
      expect(new Set(given).size).toBe(given.length);
    });

    it('of a command that stopped after it took them are taken again by its retry', async () => {
      const context = systemContext('test');
      const first = await many(250, context);
      await many(1);
      expect(await many(250, { ...context, retry: true })).toBe(first);
      expect(await many(1)).toBe(401);
    });
  });
});
