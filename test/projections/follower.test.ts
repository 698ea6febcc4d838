import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Batch, type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { RowsLost } from '../../src/adapters/read-models/port.js';
import { type Follower, follower } from '../../src/projections/follower.js';
import type { Handler } from '../../src/projections/handler.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import { newEvent } from '../support/log-events.js';

const silent = { warn: () => undefined };

/** Notes what it was given; `before` may hold it up or fail. */
const noting = (
  name: string,
  types: string[],
  before: (batch: Batch) => Promise<void> = async () => undefined,
  from = -1,
) => {
  const seen: number[] = [];
  const handler: Handler = {
    name,
    types: new Set(types),
    start: async () => from,
    async handle(batch) {
      await before(batch);
      for (const { position } of batch.events) seen.push(position);
    },
  };
  return { seen, handler };
};

describe('the follower', () => {
  let test: TestLog;
  let log: EventLog;
  const running: Follower[] = [];

  const append = async (count: number, type = 'Counted') => {
    let position = -1;
    for (let n = 0; n < count; n++)
      ({ position } = await log.append('counter-a', [newEvent(type, { n })], 'any'));
    return position;
  };
  const following = async (
    projections: Handler[],
    reactors: Handler[] = [],
    report: { warn(message: string, details: object): void } = silent,
  ) => {
    const one = follower(log, { projections, reactors }, report);
    running.push(one);
    await one.start();
    return one;
  };

  beforeEach(async () => {
    test = await testLog();
    log = test.log;
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await test.stop();
  });

  it('gives every handler the events of its types, from its own checkpoint, once and in order', async () => {
    await append(3);
    await append(2, 'Other');
    const all = noting('all', ['Counted', 'Other']);
    const late = noting('late', ['Counted'], undefined, 1);
    const one = await following([all.handler], [late.handler]);
    const last = await append(2);
    expect(await one.waitFor(last)).toBe(true);
    expect(all.seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(late.seen).toEqual([2, 5, 6]);
  });

  it('starts when every handler has reached the head, also one that no event concerns', async () => {
    await append(5);
    const idle = noting('idle', ['Never']);
    const one = await following([idle.handler]);
    expect(one.states()).toEqual([{ name: 'idle', position: 4, held: true, rebuilding: false }]);
    expect(idle.seen).toEqual([]);
  });

  it('gives a failing handler the same events again, and says meanwhile which one fails at which event', async () => {
    const warnings: object[] = [];
    let failures = 2;
    const shaky = noting('shaky', ['Counted'], async () => {
      if (failures-- > 0) throw new Error('not now');
    });
    const one = await following([shaky.handler], [], { warn: (_, details) => warnings.push(details) });
    const last = await append(1);
    expect(await one.waitFor(last, ['shaky'])).toBe(true);
    expect(shaky.seen).toEqual([0]);
    expect(warnings).toMatchObject([
      { handler: 'shaky', eventPosition: 0, message: 'not now' },
      { handler: 'shaky', failures: 2 },
    ]);
  });

  it('stops a handler that keeps failing on an event, says where, and goes on with the others', async () => {
    const poisoned = noting('poisoned', ['Counted'], ({ events }) =>
      events.some(({ position }) => position === 1) ? Promise.reject(new Error('poison')) : Promise.resolve(),
    );
    const healthy = noting('healthy', ['Counted']);
    await append(1);
    const one = follower(log, { projections: [poisoned.handler, healthy.handler], reactors: [] }, silent, {
      maxTries: 2,
    });
    running.push(one);
    await one.start();
    await append(1);
    const last = await append(3);
    expect(await one.waitFor(last, ['healthy'])).toBe(true);
    expect(healthy.seen).toEqual([0, 1, 2, 3, 4]);
    expect(poisoned.seen).toEqual([0]);
    expect(one.states()[0]).toMatchObject({
      position: 0,
      failing: { eventPosition: 1, message: 'poison', stopped: true },
    });
    expect(await one.waitFor(last, ['poisoned'])).toBe(false);
  });

  it('goes on trying for as long as a store is away', async () => {
    let away = 5;
    const patient = noting('patient', ['Counted'], () =>
      away-- > 0 ? Promise.reject(new LogUnavailable('away', 'not_written')) : Promise.resolve(),
    );
    const one = follower(log, { projections: [patient.handler], reactors: [] }, silent, { maxTries: 2 });
    running.push(one);
    await one.start();
    expect(await one.waitFor(await append(1), ['patient'], 10_000)).toBe(true);
    expect(patient.seen).toEqual([0]);
  });

  it('passes a handler by where nothing concerns it, as long as that will do for it', async () => {
    const passed: number[] = [];
    const handed: number[] = [];
    let willDo = true;
    const counts = noting('counts', ['Counted']);
    const others: Handler = {
      ...noting('others', ['Other'], async ({ position }) => void handed.push(position)).handler,
      skip(position) {
        if (willDo) passed.push(position);
        return willDo;
      },
    };
    const one = await following([counts.handler], [others]);
    expect(await one.waitFor(await append(1))).toBe(true);
    expect([passed, handed]).toEqual([[0], []]);
    expect(await one.waitFor(await append(1, 'Other'))).toBe(true);
    expect([passed, handed]).toEqual([[0], [1]]);
    willDo = false;
    expect(await one.waitFor(await append(1))).toBe(true);
    expect([passed, handed]).toEqual([[0], [1, 2]]);
    expect(counts.seen).toEqual([0, 2]);
  });

  it('never passes a stopped handler by: it stays before what it failed at', async () => {
    const healthy = noting('healthy', ['Counted', 'Other']);
    const broken = noting('broken', ['Counted'], () => Promise.reject(new Error('never')));
    const one = follower(
      log,
      { projections: [{ ...broken.handler, skip: () => true }, healthy.handler], reactors: [] },
      silent,
      { maxTries: 1 },
    );
    running.push(one);
    await one.start();
    await append(1, 'Other');
    await append(1);
    expect(await one.waitFor(await append(1, 'Other'), ['healthy'])).toBe(true);
    expect(one.states()[0]).toMatchObject({ position: 0, failing: { eventPosition: 1, stopped: true } });
  });

  it('starts although a handler was stopped', async () => {
    const broken = noting('broken', ['Counted'], () => Promise.reject(new Error('never')));
    await append(2);
    const one = follower(log, { projections: [broken.handler], reactors: [] }, silent, { maxTries: 1 });
    running.push(one);
    await one.start();
    expect(one.states()).toMatchObject([{ position: -1, failing: { stopped: true } }]);
  });

  it('asks the log only for what a handler that is behind wants, until the others join', async () => {
    await append(3, 'Wanted');
    await append(3, 'Other');
    const asked: string[][] = [];
    const watched: EventLog = {
      ...log,
      subscribe: (after, filter, signal) => {
        asked.push([...(filter.types ?? [])]);
        return log.subscribe(after, filter, signal);
      },
      read: log.read,
      readAll: log.readAll,
      readAllBackwards: log.readAllBackwards,
      append: log.append,
      head: log.head,
      close: log.close,
      id: log.id,
    };
    const behind = noting('behind', ['Wanted']);
    const ahead = noting('ahead', ['Other'], undefined, 4);
    const one = follower(watched, { projections: [behind.handler], reactors: [ahead.handler] }, silent);
    running.push(one);
    await one.start();
    const last = await append(1, 'Other');
    expect(await one.waitFor(last)).toBe(true);
    expect(asked.slice(0, 2)).toEqual([['Wanted'], expect.arrayContaining(['Other'])]);
    expect([behind.seen, ahead.seen]).toEqual([
      [0, 1, 2],
      [5, 6],
    ]);
  });

  it('does not let a slow reactor hold up the projections', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const rows = noting('rows', ['Counted']);
    const slow = noting('slow', ['Counted'], () => held);
    const one = await following([rows.handler], [slow.handler]);
    const last = await append(4);
    expect(await one.waitFor(last, ['rows'])).toBe(true);
    expect(slow.seen).toEqual([]);
    release();
    expect(await one.waitFor(last)).toBe(true);
    expect(slow.seen).toEqual([0, 1, 2, 3]);
  });

  it('tells no reactor that it has caught up before rows that were lost are there again, and then does', async () => {
    const told: string[] = [];
    let lose = false;
    let isLost = false;
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let act = () => {};
    const acted = new Promise<void>((resolve) => {
      act = resolve;
    });
    const rows = noting('rows', ['Counted'], async () => {
      if (isLost) await opened;
      if (!lose || isLost) return;
      isLost = true;
      throw new RowsLost('rows');
    });
    const reactor: Handler = {
      ...noting('reactor', ['Counted']).handler,
      async handle({ events, position, caughtUp }) {
        told.push(`${events.length} up to ${position}${caughtUp ? ', caught up' : ''}`);
        if (isLost && caughtUp) act();
      },
    };
    await append(2);
    const one = await following([rows.handler], [reactor]);
    lose = true;
    told.length = 0;
    await append(1);
    expect(await one.waitFor(2, ['reactor'])).toBe(true);
    expect(told).toEqual(['1 up to 2']);
    open();
    await acted;
    expect(told).toEqual(['1 up to 2', '0 up to 2, caught up']);
    expect(rows.seen).toEqual([0, 1, 0, 1, 2]);
  });

  it('says no when what is waited for does not come in time', async () => {
    const stuck = noting('stuck', ['Counted'], () => new Promise(() => undefined));
    const one = follower(log, { projections: [stuck.handler], reactors: [] }, silent);
    await one.start();
    const last = await append(1);
    expect(await one.waitFor(last, ['stuck'], 20)).toBe(false);
    expect(await one.waitFor(last, ['another'], 20)).toBe(true);
  });

  it('stops while a handler keeps failing', async () => {
    const broken = noting('broken', ['Counted'], () => Promise.reject(new Error('never')));
    const one = await following([broken.handler]);
    await append(1);
    await one.stop();
    expect(broken.seen).toEqual([]);
  });
});
