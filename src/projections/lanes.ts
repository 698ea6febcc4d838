// Lanes: each follows the log for some handlers, from where they are. One that was behind ends in an older one.
import { setTimeout as delay } from 'node:timers/promises';
import type { Batch, EventLog } from '../adapters/event-log/port.js';
import { askStart, backOff, type Feed, lose, messageOf, started, type Tracked } from './feeding.js';

type Lane = {
  readonly members: Set<Tracked>;
  /** It ends in no other lane, and none ends in it. */
  readonly apart: boolean;
  /** Position up to which batches were handed out. */
  fed: number;
  /** Ends a subscription when what it is for has changed. */
  turn: AbortController;
  /** Batches that reactors have not handled yet. */
  readonly behind: Promise<void>[];
  reacted: Promise<void>;
};

export type Lanes = {
  /** Follows for these in a lane of their own. */
  add(some: readonly Tracked[], apart?: boolean): void;
  /** Follows for it no longer; resolves when what was in hand is done. */
  remove(one: Tracked): Promise<void>;
  /** Has it start again from what its store says, in a lane of its own. */
  setBack(one: Tracked): void;
  /** Waits for what is in hand. Call when stopping. */
  end(): Promise<void>;
};

/** Batches that reactors may be behind the projections before reading waits for them. */
const MAX_BEHIND = 8;

const live = ({ members }: Lane): Tracked[] => [...members].filter(({ failing }) => !failing?.stopped);

/** Where to follow on from, for whom, and how far until others join, who have seen everything up to there. */
const nextStretch = (those: readonly Tracked[]) => {
  const from = Math.min(...those.map(({ position }) => position));
  const first = those.filter(({ position }) => position === from);
  const ahead = those.filter(({ position }) => position > from).map(({ position }) => position);
  const types = new Set(first.flatMap(({ handler }) => [...handler.types]));
  return { from, first, types, until: Math.min(...ahead) };
};

export const lanes = (deps: {
  readonly log: EventLog;
  readonly feed: Feed;
  /** Told when a handler has moved or was stopped. */
  readonly moved: (one: Tracked) => void;
  readonly stopping: AbortSignal;
  readonly report: { warn(message: string, details: object): void };
}): Lanes => {
  const { log, feed, moved, stopping, report } = deps;
  const all: Lane[] = [];
  const running = new Set<Promise<void>>();

  const leave = (lane: Lane, one: Tracked) => {
    lane.members.delete(one);
    lane.turn.abort();
  };

  const feedAll = async (lane: Lane, some: readonly Tracked[], batch: Batch) => {
    for (const one of some) {
      if (!lane.members.has(one)) continue;
      const feeding = feed(one, batch);
      if (feeding instanceof Promise) one.busy = feeding.catch(() => undefined);
      // It may have been set back or left meanwhile: twice in lanes, it would undo its own work.
      const fed = feeding instanceof Promise ? await feeding : feeding;
      if (fed === 'lost' && lane.members.has(one)) startAgain(one);
      moved(one);
    }
  };

  /** Hands a batch to reactors; resolves when they are not too far behind. Rejects only when stopping. */
  const react = async (lane: Lane, some: readonly Tracked[], batch: Batch) => {
    lane.reacted = lane.reacted.then(() => feedAll(lane, some, batch));
    lane.reacted.catch(() => undefined); // told to whoever waits for it
    lane.behind.push(lane.reacted);
    if (lane.behind.length > MAX_BEHIND) await lane.behind.shift();
  };

  const startThose = async (lane: Lane) => {
    for (const one of lane.members) {
      if (!one.toStart) continue;
      await one.busy;
      const start = await askStart(one);
      if (!lane.members.has(one)) continue; // it was set back once more, or left
      started(one, start);
    }
  };

  /** An older lane that this one is level with. */
  const older = (lane: Lane): Lane | undefined =>
    lane.apart
      ? undefined
      : all
          .slice(0, all.indexOf(lane))
          .find(({ apart, fed }) => !apart && Number.isFinite(fed) && fed <= lane.fed);

  /** Follows until the end of a stretch; then the handlers that were ahead join in. */
  const followStretch = async (lane: Lane, begun: () => void) => {
    lane.turn = new AbortController();
    const { from, first, types, until } = nextStretch(live(lane));
    lane.fed = from;
    const rows = first.filter(({ isReactor }) => !isReactor);
    const acts = first.filter(({ isReactor }) => isReactor);
    const signal = AbortSignal.any([stopping, lane.turn.signal]);
    for await (const batch of log.subscribe(from, { types }, signal)) {
      begun();
      lane.fed = batch.position;
      await feedAll(lane, rows, batch);
      await react(lane, acts, batch);
      if (batch.position >= until || older(lane)) return;
    }
    if (!signal.aborted) throw new Error('The subscription ended.');
  };

  /** From now on nobody may join it. */
  const close = (lane: Lane) => {
    const at = all.indexOf(lane);
    if (at !== -1) all.splice(at, 1);
  };

  /** Moves everybody into an older lane, where there is one; true when this one is over. */
  const joined = async (lane: Lane): Promise<boolean> => {
    await lane.reacted;
    const into = older(lane);
    if (!into) return false;
    close(lane);
    for (const one of lane.members) into.members.add(one);
    lane.members.clear();
    into.turn.abort();
    return true;
  };

  const followAll = async (lane: Lane) => {
    let failures = 0;
    const begun = () => {
      failures = 0;
    };
    while (!stopping.aborted && live(lane).length > 0) {
      try {
        await lane.reacted;
        await startThose(lane);
        if (live(lane).length > 0) await followStretch(lane, begun);
        if (await joined(lane)) return;
      } catch (error) {
        if (stopping.aborted) return;
        report.warn('following again from the last handled position', { error: messageOf(error) });
        await delay(backOff(failures++), undefined, { signal: stopping }).catch(() => undefined);
      }
    }
    close(lane); // at once: between two turns somebody might join it
  };

  const follow = async (lane: Lane) => {
    await followAll(lane);
    await lane.reacted.catch(() => undefined);
  };

  const add = (some: readonly Tracked[], apart = false) => {
    const fed = Number.NEGATIVE_INFINITY;
    const turn = new AbortController();
    const lane: Lane = { members: new Set(some), apart, fed, turn, behind: [], reacted: Promise.resolve() };
    all.push(lane);
    const following = follow(lane).finally(() => running.delete(following));
    running.add(following);
  };

  const laneOf = (one: Tracked) => all.find(({ members }) => members.has(one));
  const startAgain = (one: Tracked) => {
    const lane = laneOf(one);
    if (lane) leave(lane, one);
    one.toStart = true;
    delete one.failing; // what it failed at may go well on new rows
    if (one.handler.look) lose(one); // at once: nobody may take what is there now for all
    add([one]);
  };

  return {
    add,
    async remove(one) {
      const lane = laneOf(one);
      if (!lane) return;
      leave(lane, one);
      await one.busy;
    },
    setBack(one) {
      startAgain(one);
      moved(one);
    },
    async end() {
      await Promise.all(running);
    },
  };
};
