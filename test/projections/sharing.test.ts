// Handlers that this process takes over and gives up, that another process feeds, and that have lost what they stored.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { RowsLost, StoreUnavailable } from '../../src/adapters/read-models/port.js';
import { type Follower, type FollowerOptions, follower } from '../../src/projections/follower.js';
import type { Handler } from '../../src/projections/handler.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import { newEvent } from '../support/log-events.js';

const silent = { warn: () => undefined };

/** A store of positions that processes share, and of what they count for; `seen` is what this handler was given. */
const storing = (name: string, types = ['Counted']) => {
  const store: { position: number; build?: string; lost: boolean } = { position: -1, lost: false };
  const seen: number[] = [];
  const handler: Handler = {
    name,
    types: new Set(types),
    async start() {
      store.lost = false;
      return store.position;
    },
    look: async () => ({ position: store.position, build: store.build }),
    async handle({ events, position }) {
      if (store.lost) throw new RowsLost(name);
      for (const event of events) seen.push(event.position);
      store.position = position;
    },
  };
  const empty = () => {
    store.position = -1;
    store.lost = true;
  };
  return { store, seen, handler, empty };
};

/** Comes when `condition` holds; looked at as often as the event loop turns. */
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

describe('the follower of several processes', () => {
  let test: TestLog;
  let log: EventLog;
  const running: Follower[] = [];

  const append = async (count = 1, type = 'Counted') => {
    let position = -1;
    for (let n = 0; n < count; n++)
      ({ position } = await log.append('counter-a', [newEvent(type, { n })], 'any'));
    return position;
  };
  const following = (projections: Handler[], options: FollowerOptions = {}) => {
    const one = follower(log, { projections, reactors: [] }, silent, { shared: true, ...options });
    running.push(one);
    return one;
  };
  const stateOf = (one: Follower, name: string) => one.states().find((state) => state.name === name);

  beforeEach(async () => {
    test = await testLog();
    log = test.log;
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await test.stop();
  });

  it('takes a handler over where its store stands, and gives it up again', async () => {
    const [rows, other] = [storing('rows'), storing('other')];
    rows.store.position = await append(3);
    const one = following([rows.handler, other.handler]);
    await one.start(['other']);
    await append(2);
    one.join(['rows']);
    expect(await one.waitFor(await append(1), ['rows', 'other'])).toBe(true);
    expect([rows.seen, other.seen]).toEqual([
      [3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
    await one.leave(['rows']);
    expect(await one.waitFor(await append(1), ['other'])).toBe(true);
    expect([rows.seen.length, stateOf(one, 'rows')?.held]).toEqual([3, false]);
  });

  it('gives up a handler that fails, says so no longer, and gives up the others as well', async () => {
    const [away, other] = [storing('away'), storing('other')];
    const failing = new StoreUnavailable('MONGODB_URL', new Error('away'));
    const one = following([
      { ...away.handler, handle: () => Promise.reject(failing), stop: () => Promise.reject(failing) },
      other.handler,
    ]);
    await one.start();
    await append();
    await until(() => stateOf(one, 'away')?.failing !== undefined);
    await expect(one.leave(['away', 'other'])).rejects.toThrow(StoreUnavailable);
    expect(stateOf(one, 'away')).toMatchObject({ held: false });
    expect(stateOf(one, 'away')?.failing).toBeUndefined();
    expect(stateOf(one, 'other')).toMatchObject({ held: false });
  });

  it('catches up with a handler that it takes over while the others go on', async () => {
    await append(3);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const [slow, quick] = [storing('slow'), storing('quick')];
    slow.store.position = 0;
    const { handle } = slow.handler;
    const waits: Handler = { ...slow.handler, handle: (batch) => held.then(() => handle(batch)) };
    const one = following([waits, quick.handler]);
    slow.store.position = 2; // as far as the other process has come
    await one.start(['quick']);
    slow.store.position = 0;
    one.join(['slow']);
    const last = await append(1);
    expect(await one.waitFor(last, ['quick'])).toBe(true);
    expect(slow.seen).toEqual([]);
    release();
    expect(await one.waitFor(last, ['slow'])).toBe(true);
    expect(slow.seen).toEqual([1, 2, 3]);
    expect(await one.waitFor(await append(1), ['slow', 'quick'])).toBe(true);
    expect(slow.seen).toEqual([1, 2, 3, 4]);
  });

  it('starts a handler again whose rows are gone, says that they are, and leaves the others alone', async () => {
    const [rows, other] = [storing('rows'), storing('other')];
    const one = following([rows.handler, other.handler], { shared: false });
    await one.start();
    await one.waitFor(await append(3), ['rows', 'other']);
    rows.empty();
    const last = await append(1);
    expect(await one.waitFor(last, ['other'])).toBe(true);
    await until(() => rows.store.position === last);
    expect([rows.seen, other.seen]).toEqual([
      [0, 1, 2, 0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    expect(stateOf(one, 'rows')?.rebuilding).toBe(false);
  });

  it('starts a handler once whose loss is noticed twice: by a look, and by what it was storing meanwhile', async () => {
    const rows = storing('rows');
    let starts = 0;
    let inHand = 0;
    let most = 0;
    let release: () => void = () => undefined;
    let blocked = false;
    const one = following([
      {
        ...rows.handler,
        async start() {
          starts += 1;
          return rows.handler.start();
        },
        async handle(batch) {
          inHand += 1;
          most = Math.max(most, inHand);
          if (blocked)
            await new Promise<void>((resolve) => {
              release = resolve;
            });
          inHand -= 1;
          return rows.handler.handle(batch);
        },
      },
    ]);
    await one.start();
    expect(await one.waitFor(await append(3))).toBe(true);
    await one.lookAt(['rows']);
    blocked = true;
    const last = await append();
    await until(() => inHand === 1);
    rows.empty();
    await one.lookAt(['rows']);
    blocked = false;
    release();
    expect(await one.waitFor(last)).toBe(true);
    expect(await one.waitFor(await append())).toBe(true);
    expect({ starts, most }).toEqual({ starts: 2, most: 1 });
  });

  it('notices that rows are gone although nothing is appended', async () => {
    const rows = storing('rows');
    const one = following([rows.handler]);
    await one.start();
    await one.waitFor(await append(3), ['rows']);
    await one.lookAt(['rows']);
    rows.empty();
    await one.lookAt(['rows']);
    await until(() => rows.store.position === 2);
    expect(rows.seen).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('tells of rows that another process builds again, until it has come as far as they were', async () => {
    const rows = storing('rows');
    rows.store.position = await append(3);
    const one = following([rows.handler]);
    await one.start([]);
    const rebuildingAt = async (position: number) => {
      rows.store.position = position;
      await one.lookAt(['rows']);
      return stateOf(one, 'rows')?.rebuilding;
    };
    expect([
      await rebuildingAt(2),
      await rebuildingAt(-1),
      await rebuildingAt(1),
      await rebuildingAt(2),
    ]).toEqual([false, true, true, false]);
  });

  it('knows rows for others that were lost and built again past where they had been seen', async () => {
    const rows = storing('rows');
    Object.assign(rows.store, { position: await append(3), build: 'first' });
    const one = following([rows.handler]);
    await one.start([]);
    one.heard('rows', await append(2));
    const head = await append(2);
    // The database is dropped; at the next look more is built again than was stored at the last one.
    const seen = async (position: number) => {
      Object.assign(rows.store, { position, build: 'second' });
      await one.lookAt(['rows']);
      return [stateOf(one, 'rows')?.rebuilding, one.positionOf('rows'), one.buildOf('rows')];
    };
    expect(await seen(3)).toEqual([true, 3, 'second']);
    // What was written last may have been shown before, although this process has not heard of it.
    expect(await seen(head - 1)).toEqual([true, head - 1, 'second']);
    expect(await seen(head)).toEqual([false, head, 'second']);
  });

  it('looks at once where another process tells that it goes on from further back', async () => {
    const rows = storing('rows');
    Object.assign(rows.store, { position: await append(3), build: 'first' });
    let looks = 0;
    const look = async () => {
      looks += 1;
      return { position: rows.store.position, build: rows.store.build };
    };
    const one = following([{ ...rows.handler, look }]);
    await one.start([]);
    const told: number[] = [];
    const other = following([{ ...rows.handler, look: async () => ({ position: -1 }) }], {
      onMoved: (_, position) => told.push(position),
    });
    await other.start();
    rows.empty();
    await append();
    await until(() => told.includes(-1));
    Object.assign(rows.store, { position: 2, build: 'second' });
    const before = looks;
    one.heard('rows', -1);
    expect(looks).toBe(before + 1);
    await until(() => stateOf(one, 'rows')?.rebuilding === true);
  });

  it('says at once that rows are gone, also while some are still being stored, or were given up', async () => {
    const rows = storing('rows');
    let release: () => void = () => undefined;
    let blocked = false;
    let failing = false;
    const one = following(
      [
        {
          ...rows.handler,
          async start() {
            if (blocked) await new Promise<void>((resolve) => (release = resolve));
            return rows.handler.start();
          },
          async handle(batch) {
            if (failing) throw new Error('broken');
            await rows.handler.handle(batch);
          },
        },
      ],
      { maxTries: 1 },
    );
    await one.start();
    expect(await one.waitFor(await append(3))).toBe(true);
    await one.lookAt(['rows']);
    blocked = true;
    rows.empty();
    await one.lookAt(['rows']);
    expect(stateOf(one, 'rows')).toMatchObject({ rebuilding: true, position: -1 });
    blocked = false;
    release();
    await until(() => stateOf(one, 'rows')?.rebuilding === false);

    failing = true;
    await append();
    await until(() => stateOf(one, 'rows')?.failing?.stopped === true);
    await one.lookAt(['rows']);
    failing = false;
    rows.empty();
    await one.lookAt(['rows']);
    await until(() => rows.store.position === 3 && stateOf(one, 'rows')?.rebuilding === false);
  });

  it('takes what was being stored when rows were found to be gone for no sign that they are back', async () => {
    const rows = storing('rows');
    rows.store.build = 'first';
    const gates: (() => void)[] = [];
    let blocked = false;
    const gate = async () => {
      if (blocked) await new Promise<void>((resolve) => gates.push(resolve));
    };
    const one = following([
      {
        ...rows.handler,
        start: () => gate().then(() => rows.handler.start()),
        handle: (batch) => gate().then(() => rows.handler.handle(batch)),
      },
    ]);
    await one.start();
    expect(await one.waitFor(await append(3))).toBe(true);
    blocked = true;
    const last = await append();
    await until(() => gates.length === 1);
    rows.store.build = 'second';
    await one.lookAt(['rows']);
    gates[0]?.(); // what was in hand is stored, and the handler asks where to start
    await until(() => gates.length === 2);
    expect(stateOf(one, 'rows')).toMatchObject({ rebuilding: true, position: -1 });
    blocked = false;
    gates[1]?.();
    expect(await one.waitFor(last)).toBe(true);
  });

  it('waits for a handler that another process feeds: until it sees the store, or hears of it', async () => {
    const rows = storing('rows');
    const one = following([rows.handler]);
    await one.start([]);
    const first = await append();
    const stored = one.waitFor(first, ['rows']);
    rows.store.position = first;
    expect(await stored).toBe(true);
    const second = await append();
    const heard = one.waitFor(second, ['rows']);
    one.heard('rows', second);
    expect(await heard).toBe(true);
    expect(rows.seen).toEqual([]);
  });

  it('waits once for a handler that does not move, and then no more until it does', async () => {
    const rows = storing('rows');
    const one = following([rows.handler]);
    await one.start([]);
    const first = await append();
    expect(await one.waitFor(first, ['rows'])).toBe(false);
    const begun = performance.now();
    expect(await one.waitFor(await append(), ['rows'])).toBe(false);
    expect(performance.now() - begun).toBeLessThan(1_000);
    one.heard('rows', first);
    const last = await append();
    const again = one.waitFor(last, ['rows']);
    rows.store.position = last;
    expect(await again).toBe(true);
  });

  it('starts only when what another process feeds has caught up', async () => {
    const rows = storing('rows');
    const head = await append(3);
    const one = following([rows.handler]);
    let started = false;
    const starting = one.start([]).then(() => {
      started = true;
    });
    await one.waitFor(0, ['rows'], 60);
    expect(started).toBe(false);
    rows.store.position = head;
    await starting;
  });

  it('lets nothing hold up a handler that stands apart', async () => {
    const hung: Handler = {
      name: 'hung',
      types: new Set(['Counted']),
      start: async () => -1,
      handle: () => new Promise(() => undefined),
    };
    const alone = storing('alone');
    const one = following([hung], { apart: [alone.handler] });
    void one.start(['hung', 'alone']).catch(() => undefined);
    await append(3);
    await until(() => alone.seen.length === 3);
    running.pop(); // what hangs is never stopped
  });

  it('stores what is only in memory when a handler is given up, and when it stops', async () => {
    const stops: string[] = [];
    const handlers = ['a', 'b'].map(
      (name): Handler => ({ ...storing(name).handler, stop: async () => void stops.push(name) }),
    );
    const one = following(handlers);
    await one.start();
    await one.leave(['a']);
    expect(stops).toEqual(['a']);
    await one.stop();
    expect(stops).toEqual(['a', 'b']);
  });
});
