// One at a time: what must not run side by side waits for its turn.

/** Runs work under a key in the order of the calls, each after the one before has ended, well or not. */
export type Turns = <T>(key: string, run: () => Promise<T>) => Promise<T>;

export const turns = (): Turns => {
  const queues = new Map<string, Promise<unknown>>();
  return async (key, run) => {
    const before = queues.get(key) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(run);
    queues.set(key, turn);
    try {
      return await turn;
    } finally {
      if (queues.get(key) === turn) queues.delete(key);
    }
  };
};

/** Turns that are taken once and kept until `end`. What runs under them in between runs at once, so it must not be two things. */
export type KeptTurns = { readonly turns: Turns; end(): void };

/** `caughtUp` is waited for when a turn has come, and at the end before the next has it. */
export const keptTurns = (live: Turns, caughtUp: () => Promise<unknown>): KeptTurns => {
  const kept = new Map<string, Promise<unknown>>();
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const take = (key: string) =>
    new Promise<void>((resolve, reject) => {
      const turn = async () => {
        await caughtUp();
        resolve();
        await ended;
        await caughtUp();
      };
      live(key, turn).catch(reject); // who has got a turn hears nothing more
    });
  return {
    async turns(key, run) {
      const turn = kept.get(key) ?? take(key);
      kept.set(key, turn);
      await turn;
      return run();
    },
    end: () => end(),
  };
};
