import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { type CommandContext, systemContext } from '../../src/commands/context.js';
import { StaleCommand } from '../../src/commands/folding.js';
import { type Streams, streams } from '../../src/commands/handle.js';
import { type Decider, event } from '../../src/domain/decider.js';
import { DomainError } from '../../src/domain/errors.js';
import { newId } from '../../src/domain/ids.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const Added = event('Added', { amount: z.int(), note: z.string().optional() });
type Added = z.infer<typeof Added>;
type Command = { readonly add: number; readonly max?: number; readonly note?: string };

/** A meter: adds up to a maximum; adding nothing changes nothing. */
const meter: Decider<number, Command, Added> = {
  initialState: 0,
  decide({ add, max = Infinity, note }, total) {
    if (total + add > max) throw new DomainError('feature_limit_reached', 'Too much.');
    return add === 0
      ? []
      : [{ type: 'Added', data: { amount: add, ...(note === undefined ? {} : { note }) } }];
  },
  evolve: (total, { data }) => total + data.amount,
};

describe('a command on a stream', () => {
  let test: TestLog;
  let log: EventLog;
  let meters: Streams<number, Command, Added>;
  let clock: Date;
  const now = () => clock;
  const retryOf = (context: CommandContext): CommandContext => ({ ...context, retry: true });

  beforeEach(async () => {
    test = await testLog();
    log = test.log;
    clock = new Date('2026-01-15T10:30:00.000Z');
    meters = streams(log, 'meter', meter, { now });
  });
  afterEach(() => test.stop());

  it('appends what was decided and answers the state right after it', async () => {
    const first = await meters.handle('a', { add: 2 }, systemContext('test'));
    const second = await meters.handle('a', { add: 3 }, systemContext('test'));
    expect([first, second]).toMatchObject([
      { state: 2, revision: 0, position: 0, found: false },
      { state: 5, revision: 1, position: 1, found: false },
    ]);
    expect((await eventsIn(log, 'meter-a')).map(({ data }) => data)).toEqual([{ amount: 2 }, { amount: 3 }]);
  });

  it('appends nothing when nothing changes or when it is refused', async () => {
    await meters.handle('a', { add: 2 }, systemContext('test'));
    expect(await meters.handle('a', { add: 0 }, systemContext('test'))).toMatchObject({
      state: 2,
      revision: 0,
      events: [],
    });
    await expect(meters.handle('a', { add: 9, max: 10 }, systemContext('test'))).rejects.toMatchObject({
      code: 'feature_limit_reached',
    });
    expect(await eventsIn(log)).toHaveLength(1);
  });

  it('waits while somebody holds the stream, and then sees what they appended', async () => {
    const before = meters.handle('a', { add: 2 }, systemContext('test'));
    const release = await meters.hold('a');
    expect(await before).toMatchObject({ state: 2, revision: 0 });
    const next = [1, 2].map((add) => meters.handle('a', { add, max: 13 }, systemContext('test')));
    const second = meters.hold('a');
    const last = meters.handle('a', { add: 0 }, systemContext('test'));
    const other = await meters.handle('b', { add: 7 }, systemContext('test'));
    expect(other).toMatchObject({ state: 7 });
    const metadata = {
      at: clock.toISOString(),
      audience: [],
      actor: { system: 'test' },
      commandId: newId(),
      correlationId: 'c',
    };
    const foreign = (amount: number) => [{ id: newId(), type: 'Added', data: { amount }, metadata }];
    await log.append('meter-a', foreign(10), 0);
    release();
    const results = await Promise.allSettled(next);
    expect(results).toMatchObject([
      { status: 'fulfilled', value: { state: 13, revision: 2 } },
      { status: 'rejected', reason: { code: 'feature_limit_reached' } },
    ]);
    const releaseAgain = await second;
    await log.append('meter-a', foreign(5), 2);
    releaseAgain();
    expect(await last).toMatchObject({ state: 18 });
  });

  it('says who, when and why in the metadata', async () => {
    const context: CommandContext = {
      ...systemContext('test', { audience: ['w2'] }),
      actor: { key: 'k', user: 'u' },
      requestId: 'req_1',
      fingerprint: 'f',
      ip: 'sealed',
      causationId: 'cause',
    };
    await meters.handle('a', { add: 1 }, context, { subject: 'w1' });
    const [stored] = await eventsIn(log, 'meter-a');
    expect(stored?.metadata).toEqual({
      at: '2026-01-15T10:30:00.000Z',
      audience: ['w1', 'w2'],
      actor: { key: 'k', user: 'u' },
      commandId: context.commandId,
      correlationId: 'req_1',
      causationId: 'cause',
      requestId: 'req_1',
      fingerprint: 'f',
      ip: 'sealed',
    });
  });

  it('of 200 racing commands of 10 against 955 admits exactly 95, in few appends', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, () => meters.handle('a', { add: 10, max: 955 }, systemContext('test'))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(95);
    expect((await meters.load('a')).state).toBe(950);
    const totals = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.state] : []));
    expect(totals).toEqual(Array.from({ length: 95 }, (_, index) => (index + 1) * 10));
  });

  it('is not held up by its neighbours when together they are more than one append takes', async () => {
    const note = 'x'.repeat(300_000);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => meters.handle('a', { add: 1, note }, systemContext('test'))),
    );
    expect(results.map(({ state }) => state)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await eventsIn(log, 'meter-a')).toHaveLength(8);
  });

  it('that is too large by itself is refused alone', async () => {
    const results = await Promise.allSettled(
      [1, 2_000_000, 1].map((length) =>
        meters.handle('a', { add: 1, note: 'x'.repeat(length) }, systemContext('test')),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: expect.any(RangeError) });
    expect((await meters.load('a')).state).toBe(2);
  });

  it('that another process overtook is decided again on the newer state', async () => {
    const other = streams(log, 'meter', meter, { now });
    await meters.handle('a', { add: 5 }, systemContext('test'));
    await other.handle('a', { add: 4 }, systemContext('test'));
    expect(await meters.handle('a', { add: 1, max: 10 }, systemContext('test'))).toMatchObject({
      state: 10,
      revision: 2,
    });
    await other.handle('a', { add: 0 }, systemContext('test'));
    await expect(other.handle('a', { add: 1, max: 10 }, systemContext('test'))).rejects.toMatchObject({
      code: 'feature_limit_reached',
    });
  });

  it('that an earlier run had appended is found, with the answer of that run', async () => {
    const context = systemContext('test');
    const first = await meters.handle('a', { add: 2 }, context);
    await meters.handle('a', { add: 3 }, systemContext('test'));
    const restarted = streams(await test.reopen(), 'meter', meter, { now });
    expect(await restarted.handle('a', { add: 2 }, retryOf(context))).toMatchObject({
      ...first,
      events: [{ data: { amount: 2 } }],
      found: true,
    });
    expect(await eventsIn(test.log, 'meter-a')).toHaveLength(2);
  });

  it('that an earlier run had not appended is run by its retry', async () => {
    expect(await meters.handle('a', { add: 2 }, retryOf(systemContext('test')))).toMatchObject({
      state: 2,
      found: false,
    });
  });

  it('with the id of a command of more than a day ago is told so', async () => {
    const context = systemContext('test');
    await meters.handle('a', { add: 2 }, context);
    clock = new Date(clock.getTime() + 86_400_001);
    await expect(meters.handle('a', { add: 2 }, retryOf(context))).rejects.toThrow(StaleCommand);
  });

  it('is refused when the record is not at the revision that the caller saw', async () => {
    await meters.handle('a', { add: 2 }, systemContext('test'));
    await expect(meters.handle('a', { add: 1 }, systemContext('test'), { ifMatch: 7 })).rejects.toMatchObject(
      { code: 'precondition_failed' },
    );
    expect(await meters.handle('a', { add: 1 }, systemContext('test'), { ifMatch: 0 })).toMatchObject({
      revision: 1,
    });
  });

  it('fails with its whole group when the log refuses the append, and the next one starts from what is stored', async () => {
    await meters.handle('a', { add: 2 }, systemContext('test'));
    await log.close();
    const results = await Promise.allSettled(
      [1, 2, 3].map((add) => meters.handle('a', { add }, systemContext('test'))),
    );
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    const restarted = streams(await test.reopen(), 'meter', meter, { now });
    expect(await restarted.handle('a', { add: 1 }, systemContext('test'))).toMatchObject({
      state: 3,
      revision: 1,
    });
  });

  it('folds a stream to any revision', async () => {
    for (const add of [1, 2, 3]) await meters.handle('a', { add }, systemContext('test'));
    expect(await meters.at('a', 1)).toMatchObject({ state: 3, revision: 1 });
    expect(await meters.at('b', 1)).toMatchObject({ state: 0, revision: -1 });
  });

  describe('on a log that other processes write too', () => {
    let reads: { stream: string; from: number | undefined }[];
    let here: Streams<number, Command, Added>;
    let elsewhere: Streams<number, Command, Added>;

    beforeEach(() => {
      reads = [];
      const shared: EventLog = {
        ...log,
        shared: true,
        read(stream, options) {
          reads.push({ stream, from: options?.from });
          return log.read(stream, options);
        },
      };
      here = streams(shared, 'meter', meter, { now });
      elsewhere = streams(shared, 'meter', meter, { now });
    });
    const add = (meters: Streams<number, Command, Added>, command: Command) =>
      meters.handle('a', command, systemContext('test'));

    it('decides again what was refused for a state that is not so any more', async () => {
      await add(here, { add: 9 });
      await add(elsewhere, { add: -8 });
      expect(await add(here, { add: 5, max: 10 })).toMatchObject({ state: 6, revision: 2 });
      await add(elsewhere, { add: 4 });
      await expect(add(here, { add: 1, max: 10 })).rejects.toMatchObject({ code: 'feature_limit_reached' });
    });

    it('answers what came to nothing from the state as it is, reading only what is new', async () => {
      await add(here, { add: 1 });
      await add(elsewhere, { add: 1 });
      reads = [];
      expect(await add(here, { add: 0 })).toMatchObject({ state: 2, revision: 1, events: [] });
      expect(reads.every(({ from }) => (from ?? 0) > 0)).toBe(true);
      expect(reads.length).toBeGreaterThan(0);
    });

    it('reads nothing where the append itself shows that the state was right', async () => {
      await add(here, { add: 1 });
      reads = [];
      await add(here, { add: 1 });
      expect(reads).toEqual([]);
    });

    it('loads what others have appended', async () => {
      await add(here, { add: 1 });
      await add(elsewhere, { add: 2 });
      expect(await here.load('a')).toMatchObject({ state: 3, revision: 1 });
    });

    it('takes what a precondition names for what it is now', async () => {
      await add(here, { add: 1 });
      await add(elsewhere, { add: 1 });
      const matching = here.handle('a', { add: 1 }, systemContext('test'), { ifMatch: 1 });
      expect(await matching).toMatchObject({ state: 3, revision: 2 });
    });
  });
});
