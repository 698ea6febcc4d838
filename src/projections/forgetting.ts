// Drops the rows of deliveries that no answer shows any more, so that neither memory nor MongoDB grows without end.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { DeliveryRow } from './deliveries.js';

const DAY_MS = 86_400_000;
/**
 * Days that a row stays after the API has stopped to show it. A retry that was asked for at the last moment is folded
 * in by then, and an event of a delivery that was forgotten finds no row to change.
 */
const GRACE_DAYS = 1;
const PAGE = 1_000;

export type Forgetting = {
  /** Starts going through the rows from time to time. */
  start(): void;
  /** Goes through them once, a page at a time; the number of rows that were dropped. */
  round(): Promise<number>;
  stop(): Promise<void>;
};

/** `retentionDays` counts from when a delivery came to rest. Any number of processes may do this side by side. */
export const forgetting = (deps: {
  log: Pick<EventLog, 'head'>;
  readModels: ReadModels;
  retentionDays: number;
  now: () => Date;
  report: { warn(message: string, details: object): void };
  everyMs?: number;
}): Forgetting => {
  const { log, readModels, retentionDays, now, report, everyMs = 600_000 } = deps;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let running: Promise<unknown> = Promise.resolve();
  let headBefore: number | undefined;

  /**
   * While rows are built again, one that looks finished may have gone on later in the log: nothing is dropped until
   * they have seen everything that was there a round ago.
   */
  const isCaughtUp = async (): Promise<boolean> => {
    const due = headBefore;
    headBefore = await log.head();
    const checkpoint = await readModels.checkpoint('deliveries');
    return due !== undefined && checkpoint !== undefined && checkpoint.position >= due;
  };

  const round = async (): Promise<number> => {
    if (!(await isCaughtUp())) return 0;
    const oldest = new Date(now().getTime() - (retentionDays + GRACE_DAYS) * DAY_MS).toISOString();
    let dropped = 0;
    for (let after = -1; !stopped; ) {
      const where: Term[] = [{ field: 'number', op: 'gt', value: after }];
      const rows = await readModels.find<DeliveryRow>('deliveries', {
        where,
        sort: [['number', 'asc']],
        limit: PAGE,
      });
      const old = rows.filter(({ finishedAt }) => finishedAt <= oldest);
      if (old.length > 0) await readModels.forget('deliveries', old);
      dropped += old.length;
      const last = rows.at(-1);
      // Numbers are given in the order of time: behind the first young page there are only young ones.
      if (!last || rows.length < PAGE || last.createdAt > oldest) break;
      after = last.number;
      await nextTurn();
    }
    return dropped;
  };

  const roundOrReport = () => {
    running = running.then(round).catch((error: unknown) =>
      report.warn('old deliveries could not be dropped; the next round tries again', {
        error: error instanceof Error ? error.message : String(error),
      }),
    );
  };

  return {
    start() {
      timer = setInterval(roundOrReport, everyMs).unref();
      roundOrReport();
    },
    round,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
};
