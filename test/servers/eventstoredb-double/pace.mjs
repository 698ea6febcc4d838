// Helpers of reads and subscriptions: finding a place in the log, and waiting for a slow reader.

/** Index of the first record after a position (exclusive). */
export const indexAfter = (all, position) => {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle].position > position) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** Whether a record begins at the position, or it lies at or past the end: elsewhere the server fails. */
export const isPosition = (store, position) =>
  position >= store.tail() || store.all[indexAfter(store.all, position - 1)]?.position === position;

/** Resolves when the reader has made room, or is gone. */
export const drained = (call) =>
  new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'cancelled', 'close']) call.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'cancelled', 'close']) call.on(event, done);
  });
