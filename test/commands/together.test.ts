import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { together } from '../../src/commands/together.js';

/** Work that ends when it is told to; `under` = what has begun and not ended, `most` = how many that were at once. */
const gate = () => {
  const under = new Map<number, () => void>();
  let most = 0;
  return {
    under,
    most: () => most,
    work: (n: number) =>
      new Promise<number>((resolve) => {
        under.set(n, () => {
          under.delete(n);
          resolve(n * 2);
        });
        most = Math.max(most, under.size);
      }),
  };
};

describe('work done together', () => {
  test('is never under way more often than it may be, and comes out in order, in whatever order it ends', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(12), fc.integer({ min: 1, max: 5 }), fc.nat(), async (count, atOnce, pick) => {
        const { work, under, most } = gate();
        const items = Array.from({ length: count }, (_, n) => n);
        const done = together(items, atOnce, work);
        for (let left = count; left > 0; left--) {
          const ends = [...under.values()];
          ends[pick % ends.length]?.();
          await new Promise(setImmediate);
        }
        expect(await done).toEqual(items.map((n) => n * 2));
        expect(most()).toBe(Math.min(count, atOnce));
      }),
    ));

  test('ends with the first failure, and begins nothing after it', async () => {
    const begun: number[] = [];
    const work = async (n: number) => {
      begun.push(n);
      await new Promise(setImmediate);
      if (n === 1) throw new Error('no');
    };
    await expect(together([0, 1, 2, 3, 4, 5], 2, work)).rejects.toThrow('no');
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(begun.length).toBeLessThan(5);
  });
});
