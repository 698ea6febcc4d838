// The delivery queue in memory: a heap by due time, and a round of endpoints so that a slow one delays no other.
import { heap } from './heap.js';
import { places, slowMs } from './places.js';
import { type DeliveryQueue, type Job, jobKey } from './port.js';

/** Time as the queue needs it: Unix ms, and a call after some ms that can be taken back. */
export type Clock = { now(): number; setTimer(run: () => void, ms: number): () => void };

const systemClock: Clock = {
  now: Date.now,
  setTimer(run, ms) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

type Entry = { readonly job: Job; readonly key: string; at: number; state: 'waiting' | 'due' | 'running' };

/** Jobs of one endpoint that are due; `queued` = it stands in one of the rounds. */
type Lane = { readonly id: string; readonly due: Fifo<Entry>; queued: boolean };

type Fifo<T> = { push(item: T): void; shift(): T | undefined; size(): number };

/** First in, first out, in constant time however long it gets. */
const fifo = <T>(): Fifo<T> => {
  let incoming: T[] = [];
  let outgoing: T[] = [];
  return {
    push: (item) => incoming.push(item),
    shift() {
      if (outgoing.length === 0) [outgoing, incoming] = [incoming.reverse(), outgoing];
      return outgoing.pop();
    },
    size: () => incoming.length + outgoing.length,
  };
};

// setTimeout takes at most 2^31 ms, and does not notice that the clock was set: look again each minute.
const longestTimer = 60_000;

/**
 * Makes the queue. A slow endpoint gets one place at a time, and all slow ones together at most half of the places, so
 * that however many they are there is room for the others. `onError` hears of handlers that threw.
 */
export const embeddedDeliveryQueue = (
  options: { clock?: Clock; slowAfter?: number; onError?: (error: unknown, job: Job) => void } = {},
): DeliveryQueue => {
  const { clock = systemClock, slowAfter = slowMs, onError = () => undefined } = options;
  const jobs = new Map<string, Entry>();
  /** A job that was moved to an earlier time stands here twice: when the later comes out, it is no longer waiting. */
  const timetable = heap<{ at: number; turn: number; entry: Entry }>(
    (a, b) => a.at < b.at || (a.at === b.at && a.turn < b.turn),
  );
  let turn = 0;
  const lanes = new Map<string, Lane>();
  const quickRound = fifo<Lane>();
  const slowRound = fifo<Lane>();
  let slowTurn = false;
  let concurrency = 0;
  let place = places({ concurrency: 0, perEndpoint: 0 });
  let work: (job: Job) => Promise<void> = async () => undefined;
  let running = 0;
  let closing: Promise<void> | undefined;
  let ended = () => {};
  let cancelTimer = () => {};
  let timerAt = Number.POSITIVE_INFINITY;

  const laneOf = (id: string): Lane => {
    let lane = lanes.get(id);
    if (!lane) {
      lane = { id, due: fifo(), queued: false };
      lanes.set(id, lane);
    }
    return lane;
  };

  /** Puts a lane at the end of its round when one of its jobs may start. */
  const enqueue = (lane: Lane) => {
    if (lane.queued || lane.due.size() === 0 || place.free(lane.id) === 0) return;
    lane.queued = true;
    (place.isSlow(lane.id) ? slowRound : quickRound).push(lane);
  };

  /** The next lane that is still quick; those that became slow meanwhile change over. */
  const nextQuick = (): Lane | undefined => {
    for (let lane = quickRound.shift(); lane; lane = quickRound.shift()) {
      if (!place.isSlow(lane.id)) return lane;
      lane.queued = false;
      enqueue(lane);
    }
    return undefined;
  };

  const nextSlow = (): Lane | undefined => (place.freeForSlow() ? slowRound.shift() : undefined);

  /** The lane that may start a job: quick and slow ones in turn. */
  const nextLane = (): Lane | undefined => {
    slowTurn = !slowTurn;
    return slowTurn ? (nextSlow() ?? nextQuick() ?? nextSlow()) : (nextQuick() ?? nextSlow());
  };

  const collectDue = () => {
    const now = clock.now();
    for (let next = timetable.peek(); next && next.at <= now; next = timetable.peek()) {
      timetable.pop();
      const { entry } = next;
      if (entry.state !== 'waiting') continue;
      entry.state = 'due';
      const lane = laneOf(entry.job.endpointId);
      lane.due.push(entry);
      enqueue(lane);
    }
  };

  const arm = () => {
    const next = timetable.peek();
    if (!next || closing) return;
    const at = Math.min(next.at, clock.now() + longestTimer);
    if (at >= timerAt) return;
    cancelTimer();
    timerAt = at;
    cancelTimer = clock.setTimer(
      () => {
        timerAt = Number.POSITIVE_INFINITY;
        pump();
      },
      Math.max(at - clock.now(), 1),
    );
  };

  const start = async (lane: Lane, entry: Entry) => {
    const giveBack = place.take(lane.id);
    entry.state = 'running';
    running += 1;
    try {
      await work(entry.job);
    } catch (error) {
      onError(error, entry.job);
    }
    jobs.delete(entry.key);
    giveBack();
    running -= 1;
    if (place.taken(lane.id) === 0 && lane.due.size() === 0) lanes.delete(lane.id);
    enqueue(lane);
    pump();
  };

  const pump = () => {
    if (closing) {
      if (running === 0) ended();
      return;
    }
    collectDue();
    while (running < concurrency) {
      const lane = nextLane();
      const entry = lane?.due.shift();
      if (!lane || !entry) break;
      lane.queued = false;
      void start(lane, entry);
      enqueue(lane);
    }
    arm();
  };

  return {
    async add(added) {
      if (closing) return;
      for (const { job, at } of added) {
        const key = jobKey(job);
        const held = jobs.get(key);
        if (held && held.at <= at) continue;
        const entry: Entry = held ?? { job, key, at, state: 'waiting' };
        entry.at = at;
        jobs.set(key, entry);
        timetable.push({ at, turn: turn++, entry });
      }
      pump();
    },

    work(handler, limits) {
      work = handler;
      concurrency = limits.concurrency;
      place = places(limits, { now: clock.now, slowAfter });
      for (const lane of lanes.values()) enqueue(lane);
      pump();
    },

    async depth() {
      return jobs.size;
    },

    close() {
      cancelTimer();
      closing ??= new Promise((resolve) => {
        ended = resolve;
        if (running === 0) resolve();
      });
      return closing;
    },
  };
};
