// Which jobs of each endpoint are in the queue: a bounded number of due ones, so that a backlog stays in the read model.
import { type Job, jobKey } from '../adapters/delivery-queue/port.js';

export type DueJob = { readonly job: Job; readonly at: number };

/** `more` = something due was left in the read model. */
type Lane = { readonly keys: Map<string, number>; more: boolean };

export type Lanes = {
  /** True when the job is to be added to the queue: there is room, or it is there and due earlier now. */
  admit(due: DueJob, now: number): boolean;
  /** The job is done. True when the lane has room for what was left out. */
  release(job: Job): boolean;
  /** Says that there is more in the read model than the lane could take. */
  leaveOut(endpointId: string): void;
  /** How many jobs an endpoint has in the queue. */
  size(endpointId: string): number;
  /** Forgets what is in the queue for one endpoint, or for all: what is added twice is there once. */
  forget(endpointId?: string): void;
};

/** `most` = due jobs of one endpoint; as many again may be about to become due. */
export const lanes = (most: number): Lanes => {
  const byEndpoint = new Map<string, Lane>();

  const hasRoom = ({ keys }: Lane, at: number, now: number): boolean => {
    if (keys.size < most) return true;
    if (at > now || keys.size >= 2 * most) return false;
    let due = 0;
    for (const other of keys.values()) if (other <= now) due += 1;
    return due < most;
  };

  const laneOf = (endpointId: string): Lane => {
    const lane = byEndpoint.get(endpointId) ?? { keys: new Map(), more: false };
    byEndpoint.set(endpointId, lane);
    return lane;
  };

  return {
    admit({ job, at }, now) {
      const lane = laneOf(job.endpointId);
      const key = jobKey(job);
      const known = lane.keys.get(key);
      if (known !== undefined && known <= at) return false;
      if (known === undefined && !hasRoom(lane, at, now)) {
        lane.more = true;
        return false;
      }
      lane.keys.set(key, at);
      return true;
    },
    release(job) {
      const lane = byEndpoint.get(job.endpointId);
      if (!lane) return false;
      lane.keys.delete(jobKey(job));
      if (lane.more && lane.keys.size <= most / 2) {
        lane.more = false;
        return true;
      }
      if (lane.keys.size === 0 && !lane.more) byEndpoint.delete(job.endpointId);
      return false;
    },
    leaveOut: (endpointId) => {
      laneOf(endpointId).more = true;
    },
    size: (endpointId) => byEndpoint.get(endpointId)?.keys.size ?? 0,
    forget(endpointId) {
      if (endpointId === undefined) byEndpoint.clear();
      else byEndpoint.delete(endpointId);
    },
  };
};
