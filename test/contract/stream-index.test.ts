import { expect, test } from 'vitest';
import { createIndex } from '../../src/adapters/event-log/stream-index.js';

test('streams, types and categories keep their numbers, however many there are to a map', () => {
  const index = createIndex(3);
  const streams = Array.from({ length: 20 }, (_, n) => `kind${n % 7}-${n}`);
  for (const round of [0, 1])
    for (const [n, stream] of streams.entries()) {
      const slot = index.slotOf(stream);
      expect(slot).toBe(n);
      expect(index.expectedRevision(slot)).toBe(round - 1);
      index.add(slot, `Type${n % 5}`, 100 * index.next());
      index.commit(index.next(), 100 * index.next());
    }
  expect(streams.map((stream) => index.known(stream))).toEqual(streams.map((_, n) => n));
  expect(index.known('kind0-20')).toBeUndefined();
  expect(streams.map((_, n) => [...index.positionsOf(n, 0, 1)])).toEqual(streams.map((_, n) => [n, n + 20]));
  const matches = index.matcher({ types: new Set(['Type4']), categories: new Set(['kind2']) });
  const positions = Array.from({ length: index.size() }, (_, position) => position);
  expect(positions.filter((position) => matches?.(position))).toEqual(
    positions.filter((position) => (position % 20) % 7 === 2 && (position % 20) % 5 === 4),
  );
});
