import { describe, expect, it, vi } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { ReadModels } from '../../src/adapters/read-models/port.js';
import { keptIn } from '../../src/projections/checkpoints.js';

const LOG = '01980000-0000-7000-8000-000000000001';
const model = { name: 'totals', version: 2, indexes: [] };

const setUp = (sparing: boolean) => {
  const store = embeddedReadModels([model]);
  const stored: number[] = [];
  const counting: ReadModels = {
    ...store,
    async apply(name, rows, checkpoint) {
      stored.push(checkpoint.position);
      await store.apply(name, rows, checkpoint);
    },
  };
  return { store, stored, kept: keptIn(counting, model, LOG, sparing) };
};

describe('a checkpoint', () => {
  it('is where to go on from; that of another log or version, and its rows, are dropped', async () => {
    const { store, kept } = setUp(false);
    const row = { id: 'a', position: 3 };
    for (const other of [
      { log: 'another', version: 2 },
      { log: LOG, version: 1 },
    ]) {
      await store.apply('totals', [row], { ...other, position: 3 });
      expect(await kept.look()).toEqual({ position: -1 });
      expect(await kept.start()).toBe(-1);
      expect(await store.get('totals', 'a')).toBeUndefined();
    }
    await kept.store([row], 5);
    expect(await kept.start()).toBe(5);
    expect(await store.get('totals', 'a')).toEqual(row);
  });

  it('is stored each time where that costs nothing', async () => {
    const { stored, kept } = setUp(false);
    for (const position of [1, 2, 3]) await kept.store([], position);
    expect(stored).toEqual([1, 2, 3]);
  });

  it('is stored with rows, now and then without, and at the end', async () => {
    vi.useFakeTimers();
    try {
      const { stored, kept } = setUp(true);
      for (const position of [1, 2, 3]) await kept.store([], position);
      expect(stored).toEqual([]);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(stored).toEqual([3]);
      await kept.store([], 4);
      await kept.store([{ id: 'a', position: 5 }], 5);
      expect(stored).toEqual([3, 5]);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(stored).toEqual([3, 5]);
      await kept.store([], 6);
      await kept.stop();
      expect(stored).toEqual([3, 5, 6]);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([true, false])(
    'that is only noted is stored with the next rows, within a second, and at the end',
    async (sparing) => {
      vi.useFakeTimers();
      try {
        const { stored, kept } = setUp(sparing);
        for (const position of [1, 2, 3]) kept.skip(position);
        expect(stored).toEqual([]);
        await vi.advanceTimersByTimeAsync(1_000);
        expect(stored).toEqual([3]);
        kept.skip(4);
        await kept.store([{ id: 'a', position: 5 }], 5);
        await vi.advanceTimersByTimeAsync(5_000);
        expect(stored).toEqual([3, 5]);
        kept.skip(6);
        await kept.stop();
        await vi.advanceTimersByTimeAsync(5_000);
        expect(stored).toEqual([3, 5, 6]);
      } finally {
        vi.useRealTimers();
      }
    },
  );
});
