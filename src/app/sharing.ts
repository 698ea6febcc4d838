// Shares the work with other processes on the same servers: by leases, each role where one process at a time does it.
import { randomUUID } from 'node:crypto';
import type { Config } from '../config.js';
import { holding } from '../projections/holding.js';
import type { Deliveries } from './deliveries.js';
import type { Following } from './following.js';
import type { Report } from './report.js';
import type { Stores } from './stores.js';

export type Sharing = {
  /** Follows the log for what this process is to do; resolves when the read models have caught up. */
  start(): Promise<void>;
  /** Leaves the fan-out and the queue to others. */
  stopDeliveries(): Promise<void>;
  /** Leaves the rest to others, and follows no more. */
  stop(): Promise<void>;
};

/** The sweep waits so long for rows that are behind the log, ms; what it misses is found by the next one. */
const ROWS_WAIT_MS = 30_000;

export const wireSharing = (deps: {
  readonly stores: Stores;
  readonly following: Following;
  readonly deliveries: Deliveries;
  readonly config: Config;
  readonly report: Report;
}): Sharing => {
  const { stores, following, deliveries, config, report } = deps;
  const { log, leases, hints, lock } = stores;
  const { follower, works, own } = following;
  const holder = randomUUID();
  const does = (role: 'projections' | 'deliveries') => config.ROLES.includes(role);

  /** Fills the queue, now and from time to time, once the rows show what there is. */
  const schedule = async (isWanted: () => boolean) => {
    const head = await log.head();
    await follower.waitFor(head, works.projections, ROWS_WAIT_MS);
    if (isWanted()) await deliveries.scheduler.start();
  };
  const scheduleOrReport = (isWanted: () => boolean) =>
    schedule(isWanted).catch((error: unknown) =>
      report.warn('open deliveries are not looked for yet', { error: String(error) }),
    );

  const projecting = holding({
    leases,
    name: 'projections',
    holder,
    gained: async () => follower.join(works.projections),
    lost: () => follower.leave(works.projections),
    report,
  });
  const delivering = holding({
    leases,
    name: 'deliveries',
    holder,
    async gained() {
      follower.join(works.deliveries);
      void scheduleOrReport(delivering.isHeld);
    },
    async lost() {
      await follower.leave(works.deliveries);
      await deliveries.scheduler.stop();
    },
    report,
  });
  const note = (error: unknown) => report.warn('not given back at the end', { error: String(error) });

  const startShared = async () => {
    hints.hear((positions) => {
      for (const [name, position] of Object.entries(positions)) follower.heard(name, position);
    });
    if (does('projections')) projecting.start();
    if (does('deliveries')) delivering.start();
    await follower.start(own);
  };

  return {
    // Where something is kept by this process alone there is no other one.
    async start() {
      if (!lock) return startShared();
      await follower.start([...own, ...works.projections, ...(does('deliveries') ? works.deliveries : [])]);
      if (does('deliveries')) await schedule(() => true);
    },
    async stopDeliveries() {
      await delivering.stop().catch(note);
      if (!lock) return;
      await follower.leave(works.deliveries).catch(note);
      await deliveries.scheduler.stop();
    },
    async stop() {
      await projecting.stop().catch(note);
      await follower.stop();
    },
  };
};
