// A binary heap: what is due first comes out first.

export type Heap<T> = { push(item: T): void; peek(): T | undefined; pop(): T | undefined; size(): number };

/** `before` says whether one item comes out before another; equal items come in any order. */
export const heap = <T>(before: (a: T, b: T) => boolean): Heap<T> => {
  const items: T[] = [];

  /** Moves the items between a gap and its fitting place, then fills that with `item`. */
  const rise = (item: T, gap: number) => {
    let at = gap;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as T;
      if (!before(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  };

  const sink = (item: T) => {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as T, items[child] as T)) child += 1;
      const below = items[child] as T;
      if (!before(below, item)) break;
      items[at] = below;
      at = child;
    }
    items[at] = item;
  };

  return {
    push: (item) => rise(item, items.length),
    peek: () => items[0],
    pop() {
      const first = items[0];
      const end = items.pop();
      if (items.length > 0) sink(end as T);
      return first;
    },
    size: () => items.length,
  };
};
