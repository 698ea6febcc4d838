// The counters in memory: the common contract, and what is forgotten when.
import { describe, expect, test } from 'vitest';
import { embeddedCounters } from '../../src/adapters/counters/embedded.js';
import { countersContract } from './counters.js';

countersContract(
  'embedded',
  async () => {
    const counters = embeddedCounters();
    return { counters, dispose: () => counters.close() };
  },
  { runs: 100 },
);

describe('counters: embedded, memory and clock', () => {
  const start = Date.UTC(2026, 0, 1);
  const windows = [
    { windowMs: 60_000, ceiling: 2 },
    { windowMs: 3_600_000, ceiling: 4 },
  ];

  test('keys that are not used for two windows are forgotten, however many there were', async () => {
    const counters = embeddedCounters();
    for (let index = 0; index < 20_000; index++)
      await counters.hit(`address-${index}`, windows, 0, start + index);
    expect(counters.size()).toBe(20_000);
    for (let hour = 1; hour <= 3; hour++) await counters.hit('one', windows, 0, start + hour * 3_700_000);
    expect(counters.size()).toBeLessThanOrEqual(2);
  });

  test('a key with short windows does not stay for as long as those with long ones', async () => {
    const counters = embeddedCounters();
    const address = [{ windowMs: 60_000, ceiling: 60 }];
    await counters.hit('key', windows, 0, start);
    for (let second = 0; second < 600; second++)
      await counters.hit(`address-${second}`, address, 0, start + second * 1_000);
    expect(counters.size()).toBeLessThan(130);
    expect((await counters.hit('key', windows, 1, start + 600_000)).usage[1]?.used).toBe(2);
  });

  test('a key in use is never forgotten while one of its hits counts', async () => {
    const counters = embeddedCounters();
    const hits: boolean[] = [];
    for (let time = 0; time <= 12; time++) {
      const { admitted } = await counters.hit('key', windows, 1, start + time * 600_000);
      hits.push(admitted);
      await counters.hit(`other-${time}`, windows, 1, start + time * 600_000);
    }
    // Four an hour: the first place is free again after 61 minutes.
    expect(hits).toEqual([1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0].map(Boolean));
  });

  test('a clock set back a little frees no place; one set back by more than a window blocks nobody', async () => {
    const counters = embeddedCounters();
    const hit = async (now: number) => (await counters.hit('key', windows, 0, now)).admitted;
    expect([await hit(start), await hit(start)]).toEqual([true, true]);
    expect(await hit(start - 30_000)).toBe(false);
    expect(await hit(start - 86_400_000)).toBe(true);
  });
});
