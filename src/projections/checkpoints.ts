// The stored checkpoint of a read model: where to go on from, and moved with the rows, or now and then without any.
import type { ReadModels, Row, Standing } from '../adapters/read-models/port.js';
import type { Stored } from './handler.js';

/** Where one handler's work stands in the store. */
export type Kept = {
  /** Where to go on from. What belongs to another log or an older version of the code is dropped: -1. */
  start(): Promise<number>;
  /** What is stored. */
  look(): Promise<Stored>;
  /** Stores rows and the position that they are complete up to. */
  store(rows: readonly Row[], position: number): Promise<void>;
  /** Takes note of a position that no rows came with: it is stored within a second, or with the next rows. */
  skip(position: number): true;
  /** Stores a position that was moved in memory alone. */
  stop(): Promise<void>;
};

/** A position that no rows came with is stored after so long, ms: what waits for rows does not wait for it. */
const LATEST_MS = 1_000;

/** `sparing`: every store is a call to a server. A position without rows then moves in memory first. */
export const keptIn = (
  readModels: ReadModels,
  { name, version }: { readonly name: string; readonly version: number },
  log: string,
  sparing = false,
): Kept => {
  let unstored: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  const apply = (rows: readonly Row[], position: number) =>
    readModels.apply(name, rows, { log, version, position });
  const positionIn = ({ checkpoint }: Standing): number =>
    checkpoint && checkpoint.log === log && checkpoint.version === version ? checkpoint.position : -1;
  const forget = () => {
    clearTimeout(timer);
    timer = undefined;
    unstored = undefined;
  };
  const storeLater = (position: number) => {
    unstored = position;
    timer ??= setTimeout(() => {
      timer = undefined;
      const moved = unstored;
      // What fails is stored with the next rows: until then it is only further back than it need be.
      if (moved !== undefined) apply([], moved).catch(() => undefined);
    }, LATEST_MS).unref();
  };

  return {
    async start() {
      forget();
      const position = positionIn({ checkpoint: await readModels.resume(name) });
      if (position === -1) await readModels.drop(name);
      return position;
    },
    async look() {
      const standing = await readModels.standing(name);
      return { position: positionIn(standing), build: standing.build };
    },
    skip(position) {
      storeLater(position);
      return true;
    },
    async store(rows, position) {
      if (sparing && rows.length === 0) return storeLater(position);
      forget();
      await apply(rows, position);
    },
    async stop() {
      const moved = unstored;
      forget();
      if (moved !== undefined) await apply([], moved);
    },
  };
};
