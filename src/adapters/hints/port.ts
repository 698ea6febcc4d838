// Hints from process to process: how far handlers have come.

/** Positions by handler. */
export type Positions = Readonly<Record<string, number>>;

/** A hint saves waiting, nothing rests on it: it may be lost, and none comes while the store is away. */
export interface Hints {
  /** Tells all other processes, soon; never throws. */
  tell(positions: Positions): void;
  /** Calls back with what others tell. Call once. */
  hear(listener: (positions: Positions) => void): void;
  close(): Promise<void>;
}
