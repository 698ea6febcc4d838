// Who may have a further job worked on: an endpoint has so many places; a slow one has one, of half of all places.

export type Limits = { readonly concurrency: number; readonly perEndpoint: number };

/** An endpoint is slow while a job of it takes this long (ms), and until one takes less. */
export const slowMs = 1_000;

export type Places = {
  /** Whether the endpoint is slow: its last job was, or one in hand already takes that long. */
  isSlow(endpointId: string): boolean;
  /** How many further jobs of the endpoint may be worked on, whatever the other endpoints do. */
  free(endpointId: string): number;
  /** Whether a slow endpoint may have a further job worked on. All slow ones together have at most half of the places. */
  freeForSlow(): boolean;
  /** Jobs of the endpoint that are being worked on. */
  taken(endpointId: string): number;
  /** Takes a place; the returned function gives it back. */
  take(endpointId: string): () => void;
};

/** Counts places. `now` is Unix ms. */
export const places = (
  { concurrency, perEndpoint }: Limits,
  { now = Date.now, slowAfter = slowMs }: { now?: () => number; slowAfter?: number } = {},
): Places => {
  /** When the jobs in hand of each endpoint began, oldest first. */
  const began = new Map<string, Set<{ at: number }>>();
  const slowBefore = new Set<string>();
  const slowPlaces = Math.max(1, Math.floor(concurrency / 2));
  let takenBySlow = 0;

  const taken = (endpointId: string) => began.get(endpointId)?.size ?? 0;
  const isSlow = (endpointId: string): boolean => {
    if (slowBefore.has(endpointId)) return true;
    const [oldest] = began.get(endpointId) ?? [];
    return oldest !== undefined && now() - oldest.at >= slowAfter;
  };

  return {
    isSlow,
    taken,
    free: (endpointId) => Math.max(0, (isSlow(endpointId) ? 1 : perEndpoint) - taken(endpointId)),
    freeForSlow: () => takenBySlow < slowPlaces,
    take(endpointId) {
      const slow = isSlow(endpointId);
      const jobs = began.get(endpointId) ?? new Set();
      const job = { at: now() };
      began.set(endpointId, jobs.add(job));
      if (slow) takenBySlow += 1;
      return () => {
        jobs.delete(job);
        if (jobs.size === 0) began.delete(endpointId);
        if (slow) takenBySlow -= 1;
        if (now() - job.at >= slowAfter) slowBefore.add(endpointId);
        else slowBefore.delete(endpointId);
      };
    },
  };
};
