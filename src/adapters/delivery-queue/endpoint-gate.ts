// How many jobs of one endpoint are worked on at once, and which of its jobs come next when one ends.

export type EndpointGate<J> = {
  /** Takes a place for the endpoint; false when it has none left. */
  enter(endpointId: string): boolean;
  /** Gives a place back. */
  leave(endpointId: string): void;
  /** Keeps a job that found no place. */
  park(endpointId: string, jobId: string, job: J): void;
  /** Forgets a parked job that came back by itself. */
  unpark(endpointId: string, jobId: string): void;
  /** Takes out the parked job that may come next; undefined when there is none or no place is free. */
  next(endpointId: string): J | undefined;
};

type Lane<J> = { running: number; readonly parked: Map<string, J> };

/** Makes a gate with `perEndpoint` places for each endpoint. Parked jobs come back in the order they were parked. */
export const endpointGate = <J>(perEndpoint: number): EndpointGate<J> => {
  const lanes = new Map<string, Lane<J>>();
  /** Changes an endpoint's lane, which exists only while it holds something. */
  const inLane = <T>(endpointId: string, change: (lane: Lane<J>) => T): T => {
    const lane = lanes.get(endpointId) ?? { running: 0, parked: new Map() };
    const result = change(lane);
    if (lane.running === 0 && lane.parked.size === 0) lanes.delete(endpointId);
    else lanes.set(endpointId, lane);
    return result;
  };

  return {
    enter: (endpointId) =>
      inLane(endpointId, (lane) => {
        if (lane.running >= perEndpoint) return false;
        lane.running += 1;
        return true;
      }),
    leave: (endpointId) =>
      inLane(endpointId, (lane) => {
        lane.running -= 1;
      }),
    park: (endpointId, jobId, job) => inLane(endpointId, ({ parked }) => void parked.set(jobId, job)),
    unpark: (endpointId, jobId) => inLane(endpointId, ({ parked }) => void parked.delete(jobId)),
    next: (endpointId) =>
      inLane(endpointId, ({ running, parked }) => {
        const [first] = running < perEndpoint ? parked : [];
        if (!first) return undefined;
        parked.delete(first[0]);
        return first[1];
      }),
  };
};
