// Feeds the gauges, and says whether the process can serve.
import type { Metrics } from '../http/metrics.js';
import type { Readiness } from '../http/operations.js';
import type { Follower } from '../projections/follower.js';
import type { Stores } from './stores.js';

/** Sets the gauges at each scrape; the returned function tells readiness, with a sentence for each thing that is amiss. */
export const watch = (deps: {
  metrics: Metrics;
  follower: Follower;
  stores: Stores;
  isServing: () => boolean;
}): (() => Readiness) => {
  const { metrics, follower, stores, isServing } = deps;
  metrics.onScrape(async () => {
    const head = await stores.log.head();
    for (const { name, position, failing } of follower.states()) {
      metrics.projectionLag.set({ handler: name }, Math.max(0, head - position));
      metrics.projectionFailing.set({ handler: name }, failing ? 1 : 0);
    }
    metrics.queueDepth.set(await stores.queue.depth());
  });
  return () => {
    const reasons = follower
      .states()
      .flatMap(({ name, failing }) =>
        failing
          ? [`${name} fails on the event at position ${failing.eventPosition}: ${failing.message}`]
          : [],
      );
    if (!isServing())
      reasons.push('The read models have not caught up with the log yet, or the process is stopping.');
    return { ready: reasons.length === 0, reasons };
  };
};
