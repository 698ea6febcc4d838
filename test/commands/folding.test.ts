// Long streams: what is kept beside them bounds what is read of them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import type { CommandContext } from '../../src/commands/context.js';
import { streams } from '../../src/commands/handle.js';
import { type Decider, event } from '../../src/domain/decider.js';
import type { Snapshots } from '../../src/domain/snapshots.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';
import { command } from '../support/tenancy.js';

const Added = event('Added', { n: z.int() });
type Added = z.infer<typeof Added>;

const sum: Decider<number, number, Added> = {
  initialState: 0,
  decide: (n) => [{ type: 'Added', data: { n } }],
  evolve: (state, { data }) => state + data.n,
};
const kept: Snapshots<number> = {
  version: 1,
  every: 100,
  write: (total) => ({ total }),
  read: ({ total }) => Number(total),
};

/** The log, with a count of the events that were read from it; `shared` = as a log that others may write. */
const counting = (log: EventLog, shared: boolean) => {
  const seen = { events: 0 };
  const counted: EventLog = {
    ...log,
    shared,
    async *read(stream, options) {
      for await (const one of log.read(stream, options)) {
        seen.events += 1;
        yield one;
      }
    },
  };
  return { counted, seen };
};

let files: TestLog;
beforeEach(async () => {
  files = await testLog();
});
afterEach(() => files.stop());

const open = (shared = false) => {
  const { counted, seen } = counting(files.log, shared);
  return { sums: streams(counted, 'sum', sum, { snapshots: kept }), seen };
};
const add = async (sums: ReturnType<typeof open>['sums'], times: number, context?: CommandContext) => {
  for (let n = 0; n < times; n++) await sums.handle('a', 1, context ?? command());
};
/** Resolves when a state has been kept at or after a revision. */
const keptAt = async (revision: number) => {
  for (;;) {
    const [newest] = (await eventsIn(files.log, 'sumSnapshot-a')).reverse();
    if (newest && (newest.data as { at: { revision: number } }).at.revision >= revision) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe('a long stream', () => {
  test('is read from the state that was kept last, not from its start', async () => {
    await add(open().sums, 250);
    await keptAt(199);
    await files.reopen();
    const { sums, seen } = open();
    expect(await sums.load('a')).toMatchObject({ state: 250, revision: 249 });
    expect(seen.events).toBeLessThanOrEqual(1 + 50 + 1);
  });

  test('is read whole where what was kept is of another version, or lost, and is then kept again', async () => {
    await add(open().sums, 250);
    await keptAt(199);
    const { counted, seen } = counting(files.log, false);
    const newer = streams(counted, 'sum', sum, { snapshots: { ...kept, version: 2 } });
    expect(await newer.load('a')).toMatchObject({ state: 250, revision: 249 });
    expect(seen.events).toBeGreaterThanOrEqual(250);
    await keptAt(249);
  });

  test('is never folded to a revision from what was kept after it', async () => {
    await add(open().sums, 150);
    await keptAt(99);
    const { sums } = open();
    expect(await sums.at('a', 120)).toMatchObject({ state: 121, revision: 120 });
    expect(await sums.at('a', 50)).toMatchObject({ state: 51, revision: 50 });
    expect(await sums.at('a', 149)).toMatchObject({ state: 150 });
  });

  test('folded to one revision after another is read once', async () => {
    await add(open().sums, 90);
    const { sums, seen } = open();
    for (let revision = 0; revision < 90; revision++)
      expect(await sums.at('a', revision)).toMatchObject({ state: revision + 1 });
    expect(seen.events).toBe(90);
  });

  test('gives a retry its own event, found from the end', async () => {
    const first = open();
    await add(first.sums, 120);
    const retried = command();
    await first.sums.handle('a', 7, retried);
    await add(first.sums, 120);
    const { sums, seen } = open();
    const done = await sums.handle('a', 7, { ...retried, retry: true });
    expect(done).toMatchObject({ found: true, revision: 120, events: [{ data: { n: 7 } }] });
    expect(await sums.load('a')).toMatchObject({ state: 247, revision: 240 });
    expect(seen.events).toBeLessThan(120 + 2 + 150);
  });

  test('is not searched further back than the first run began', async () => {
    const first = open();
    await add(first.sums, 300);
    const { sums, seen } = open();
    await sums.load('a');
    seen.events = 0;
    const since = new Date(Date.now() + 60_000).toISOString();
    const done = await sums.handle('a', 7, { ...command(), since, retry: true });
    expect(done).toMatchObject({ found: false, revision: 300 });
    expect(seen.events).toBe(1);
  });
});

describe('on a log that other processes write too', () => {
  test('the state has what they have appended', async () => {
    const [ours, theirs] = [open(true), open(true)];
    await add(ours.sums, 3);
    await add(theirs.sums, 4);
    expect(await ours.sums.load('a')).toMatchObject({ state: 7, revision: 6 });
  });

  test('a stream that does not exist yet is looked for each time', async () => {
    const [ours, theirs] = [open(true), open(true)];
    expect(await ours.sums.load('a')).toMatchObject({ state: 0, revision: -1 });
    await add(theirs.sums, 1);
    expect(await ours.sums.load('a')).toMatchObject({ state: 1 });
  });

  test('commands that were overtaken are decided again on what is new, and read no more than that', async () => {
    const [ours, theirs] = [open(true), open(true)];
    await add(ours.sums, 150);
    await theirs.sums.load('a');
    await add(ours.sums, 20);
    theirs.seen.events = 0;
    const done = await theirs.sums.handle('a', 1, { ...command(), since: new Date(0).toISOString() });
    expect(done).toMatchObject({ state: 171, revision: 170 });
    expect(theirs.seen.events).toBeLessThanOrEqual(20 + 21);
  });
});
