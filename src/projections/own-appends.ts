// What this process has appended, so that a writer waits only for the read models that it concerns.
import type { EventLog } from '../adapters/event-log/port.js';

export type OwnAppends = {
  /** The same log; what is appended through it is noted. */
  readonly log: EventLog;
  /**
   * Position that handlers of these types must have reached to show a write at `position` and everything that it
   * rests on; undefined when nothing in it concerns them.
   */
  concerns(types: ReadonlySet<string>, position: number): number | undefined;
};

/** At least so many appends are remembered. What was appended earlier, or by another process, may concern everybody. */
const REMEMBERED = 10_000;

/** Told how each append went. */
export type Heard = { appended(): void; failed(error: unknown): void };
const nobody: Heard = { appended: () => undefined, failed: () => undefined };

export const ownAppends = (log: EventLog, heard = nobody): OwnAppends => {
  /** Positions of the last appends, and of those before. */
  let own = new Set<number>();
  let older = new Set<number>();
  /** Position of the last append with an event of a type. */
  const last = new Map<string, number>();

  const note = (position: number): void => {
    if (own.size === REMEMBERED) {
      older = own;
      own = new Set();
    }
    own.add(position);
  };

  const failed = (error: unknown) => {
    heard.failed(error);
    throw error;
  };

  return {
    log: {
      ...log,
      append: (stream, events, expected) =>
        log.append(stream, events, expected).then((appended) => {
          heard.appended();
          note(appended.position);
          for (const { type } of events)
            if (appended.position > (last.get(type) ?? -1)) last.set(type, appended.position);
          return appended;
        }, failed),
    },
    concerns(types, position) {
      if (!own.has(position) && !older.has(position)) return position;
      let wanted: number | undefined;
      for (const type of types) {
        const at = last.get(type);
        // A later one of this type than ours: whoever shows that shows ours, too.
        if (at !== undefined) wanted = Math.max(wanted ?? -1, Math.min(at, position));
      }
      return wanted;
    },
  };
};
