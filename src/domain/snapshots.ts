// What is kept of a long stream's state, beside the stream. Pure.
import { z } from 'zod';
import { event, type JsonObject } from './decider.js';

export const SnapshotEvent = z.discriminatedUnion('type', [
  event('StateKept', {
    stream: z.string(),
    /** Of the last event folded in. */
    at: z.object({ revision: z.int(), position: z.int() }),
    /** Of the code that made it: another one does not read it. */
    version: z.int(),
    state: z.record(z.string(), z.json()),
  }),
]);
export type SnapshotEvent = z.infer<typeof SnapshotEvent>;

/** How the states of one area are kept as JSON. `version` is raised when their meaning changes. */
export type Snapshots<S> = {
  readonly version: number;
  /** Events after which a state is kept again: so many are read at most, or a few more. */
  readonly every: number;
  write(state: S): JsonObject;
  read(kept: JsonObject): S;
};
