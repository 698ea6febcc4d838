// Feeds the gauges, and says whether the process can serve.
import type { Config } from '../config.js';
import type { Metrics } from '../http/metrics.js';
import type { Readiness } from '../http/operations.js';
import type { Follower } from '../projections/follower.js';
import { answerOf, unreached, type Writes } from './health.js';
import type { Stores } from './stores.js';

/** So long a scrape waits for a store, ms; then the gauges stay as they were. */
const SCRAPE_MS = 500;
/** So long the read models are given to come as far as the log is, ms. */
const CATCH_UP_MS = 1_500;
/** What was appended so long ago they show, ms, however busy it is. */
const TOLERATED_MS = 5_000;

export type Observed = {
  readonly metrics: Metrics;
  readonly follower: Follower;
  readonly stores: Stores;
  readonly writes: Writes;
  readonly config: Config;
  /** Read models that requests are answered from. */
  readonly models: readonly string[];
  readonly isServing: () => boolean;
};

const feedGauges = ({ metrics, follower, stores }: Observed) => {
  metrics.onScrape(async () => {
    for (const { name, failing } of follower.states())
      metrics.projectionFailing.set({ handler: name }, failing ? 1 : 0);
    const head = await answerOf(stores.log.head(), SCRAPE_MS).catch(() => undefined);
    if (head === undefined) return;
    for (const { name, position } of follower.states())
      metrics.projectionLag.set({ handler: name }, Math.max(0, head - position));
  });
  metrics.onScrape(async () => {
    const depth = await answerOf(stores.queue.depth(), SCRAPE_MS).catch(() => undefined);
    if (depth !== undefined) metrics.queueDepth.set(depth);
  });
};

/** Where the log ended at earlier looks: the newest that is old enough, and all after it. */
const earlierHeads = () => {
  let heads: { readonly at: number; readonly head: number }[] = [];
  return {
    note(head: number) {
      const at = Date.now();
      const old = heads.findLastIndex((one) => one.at <= at - TOLERATED_MS);
      heads = [...heads.slice(Math.max(0, old)), { at, head }];
    },
    /** Position that is to be reached by now, undefined when nothing was looked at long enough ago. */
    due: () => heads.find(({ at }) => at <= Date.now() - TOLERATED_MS)?.head,
  };
};

/**
 * Read models that are behind: they do not come as far as the log is now, nor move, nor have they come as far as it was
 * some seconds ago. None is named when the log does not say how far it is.
 */
const lateness = ({ follower, stores, models }: Observed) => {
  const heads = earlierHeads();
  const positions = () => new Map(models.map((name) => [name, follower.positionOf(name)]));
  return async (): Promise<string[]> => {
    const head = await answerOf(stores.log.head()).catch(() => undefined);
    if (head === undefined) return [];
    heads.note(head);
    const before = positions();
    if (await follower.waitFor(head, models, CATCH_UP_MS)) return [];
    const due = heads.due();
    const late = [...positions()].filter(([name, position]) =>
      due === undefined ? position < head && position === before.get(name) : position < due,
    );
    if (late.length === 0) return [];
    return [`Not caught up with the log: ${late.map(([name]) => name).join(', ')}.`];
  };
};

const lost = ({ follower }: Observed): string[] =>
  follower.isRebuilding() ? ['MONGODB_URL: rows of the read models were lost; they are built again.'] : [];

const failing = ({ follower }: Observed): string[] =>
  follower.states().flatMap(({ name, failing: why }) => {
    if (!why) return [];
    const what = why.stopped ? 'has stopped' : 'fails';
    return [`${name} ${what} at the event at position ${why.eventPosition}: ${why.message}`];
  });

/** Sets the gauges at each scrape; the returned function tells readiness, with a sentence for each thing that is amiss. */
export const watch = (observed: Observed): (() => Promise<Readiness>) => {
  const { stores, writes, config, models, isServing } = observed;
  feedGauges(observed);
  const behind = lateness(observed);

  const look = async (): Promise<Readiness> => {
    if (!isServing()) {
      const why = 'The read models have not caught up with the log yet, or the process is stopping.';
      const reasons = [...(await unreached(stores, config, models[0] ?? '')), ...failing(observed), why];
      return { ready: false, reasons };
    }
    const [away, late] = await Promise.all([unreached(stores, config, models[0] ?? ''), behind()]);
    const refused = writes.refused();
    const reasons = [
      ...away,
      ...lost(observed),
      ...failing(observed),
      ...late,
      ...(refused === undefined ? [] : [refused]),
    ];
    return { ready: reasons.length === 0, reasons };
  };
  let looking: Promise<Readiness> | undefined;
  // Who asks meanwhile gets the same answer: it costs the stores something.
  return () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
};
