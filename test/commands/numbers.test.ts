import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemContext } from '../../src/commands/context.js';
import { nextNumber } from '../../src/commands/numbers.js';
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
});
