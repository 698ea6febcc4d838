// How far a reactor has come: a checkpoint in the read models, without rows.

/** The stored checkpoint of one reactor; `keptIn` of the projections makes it. */
export type Progress = {
  /** Position to go on from; -1 = the beginning. */
  start(): Promise<number>;
  /** Position that is stored, -1 = none, and what it counts for. */
  look(): Promise<{ readonly position: number; readonly build?: string | undefined }>;
  store(rows: readonly [], position: number): Promise<void>;
  /** Takes note of a position: it is stored within a second. */
  skip(position: number): true;
  /** Stores a position that was moved in memory alone. */
  stop(): Promise<void>;
};
