// Jobs that found no place lie parked here, and are called back when there is one.
import type { Places } from './places.js';

export type EndpointGate<J> = {
  /** Takes a place for a job of the endpoint; undefined when there is none. The returned function gives it back. */
  enter(endpointId: string): (() => void) | undefined;
  /** Keeps a job that found no place. */
  park(endpointId: string, jobId: string, job: J): void;
  /** Forgets a parked job that came back by itself. */
  unpark(endpointId: string, jobId: string): void;
  /** Takes out a parked job of the endpoint that may come now; undefined when there is none, or no place. */
  next(endpointId: string): J | undefined;
  /** The same for slow endpoints, which take turns. */
  nextSlow(): J | undefined;
};

/** Makes a gate. Parked jobs of an endpoint come back in the order they were parked. */
export const endpointGate = <J>(places: Places): EndpointGate<J> => {
  /** Endpoints with parked jobs; whoever had a job called back goes to the end. */
  const parked = new Map<string, Map<string, J>>();

  const mayEnter = (endpointId: string): boolean =>
    places.free(endpointId) > 0 && (!places.isSlow(endpointId) || places.freeForSlow());

  const takeOut = (endpointId: string): J | undefined => {
    const jobs = parked.get(endpointId);
    const [first] = jobs ?? [];
    if (!jobs || !first) return undefined;
    parked.delete(endpointId);
    jobs.delete(first[0]);
    if (jobs.size > 0) parked.set(endpointId, jobs);
    return first[1];
  };

  return {
    enter: (endpointId) => (mayEnter(endpointId) ? places.take(endpointId) : undefined),
    park(endpointId, jobId, job) {
      const jobs = parked.get(endpointId) ?? new Map<string, J>();
      parked.set(endpointId, jobs.set(jobId, job));
    },
    unpark(endpointId, jobId) {
      const jobs = parked.get(endpointId);
      jobs?.delete(jobId);
      if (jobs?.size === 0) parked.delete(endpointId);
    },
    next: (endpointId) => (mayEnter(endpointId) ? takeOut(endpointId) : undefined),
    nextSlow() {
      if (!places.freeForSlow()) return undefined;
      for (const endpointId of parked.keys())
        if (places.isSlow(endpointId) && places.free(endpointId) > 0) return takeOut(endpointId);
      return undefined;
    },
  };
};
