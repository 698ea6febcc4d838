// What may be there at once: a promise costs more than what most of them stand for. Pure.

/** A value, or a promise of it. */
export type Soon<T> = T | Promise<T>;

/** What follows from a value as soon as it is there: at once, where it is. */
export const whenThere = <T, R>(soon: Soon<T>, next: (value: T) => Soon<R>): Soon<R> =>
  soon instanceof Promise ? soon.then(next) : next(soon);

/** All of them, in their order. */
export const allThere = <T>(some: readonly Soon<T>[]): Soon<readonly T[]> =>
  some.some((one) => one instanceof Promise) ? Promise.all(some) : (some as readonly T[]);
