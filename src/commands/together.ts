// Many pieces of the same work at once, but not all of them: each may be a question to a server.

/**
 * What `work` makes of each item, in their order, with at most `atOnce` under way. Rejects with the first failure, after
 * which nothing more is begun.
 */
export const together = async <T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> => {
  const made: R[] = [];
  const waiting = items.entries();
  // One iterator for all: each takes the next item when it has done its last.
  const take = async () => {
    for (const [n, item] of waiting) made[n] = await work(item);
  };
  const taking = Array.from({ length: Math.min(atOnce, items.length) }, take);
  try {
    await Promise.all(taking);
  } finally {
    for (const _ of waiting);
  }
  return made;
};
