import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EventLog, LogUnavailable, type NewEvent } from '../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { type BatchCommands, batchCommands } from '../../src/commands/batch.js';
import type { Staged } from '../../src/commands/batch-parts.js';
import { batchesFinished, batchReactor } from '../../src/commands/batch-reactor.js';
import { type CommandContext, metadataFor, systemContext } from '../../src/commands/context.js';
import { StaleCommand } from '../../src/commands/folding.js';
import { type Streams, streams } from '../../src/commands/handle.js';
import type { BatchAccepted } from '../../src/domain/batch.js';
import { type Decider, event, type Recorded } from '../../src/domain/decider.js';
import { newId } from '../../src/domain/ids.js';
import { keptIn } from '../../src/projections/checkpoints.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const Noted = event('Noted', { text: z.string() });
type Noted = z.infer<typeof Noted>;
/** A list of texts; nothing is refused. */
const notes: Decider<readonly string[], string, Noted> = {
  initialState: [],
  decide: (text, state) => (state.at(-1) === text ? [] : [{ type: 'Noted', data: { text } }]),
  evolve: (state, { data }) => [...state, data.text],
};

const WORKSPACE = newId();
const [ONE, TWO, ANN, BEN] = [newId(), newId(), newId(), newId()];
const NAME = `slug-${newId()}`;

let test: TestLog;
let log: EventLog;
let clock: Date;
let handled: Streams<readonly string[], string, Noted>;
let batches: BatchCommands;
/** Appends to these streams fail. */
let broken: (stream: string) => boolean;
/** Called before an append reaches the log. */
let beforeAppend: (stream: string) => Promise<void>;
const now = () => clock;

beforeEach(async () => {
  test = await testLog();
  clock = new Date('2026-01-15T10:30:00.000Z');
  broken = () => false;
  beforeAppend = async () => undefined;
  log = {
    ...test.log,
    async append(stream, events, expected) {
      await beforeAppend(stream);
      if (broken(stream)) throw new LogUnavailable('stopped by the test', 'not_written');
      return test.log.append(stream, events, expected);
    },
  };
  handled = streams(log, 'note', notes, { now });
  batches = batchCommands(log, new Map([['note', handled]]), now);
});
afterEach(() => test.stop());

const context = (over: Partial<CommandContext> = {}): CommandContext => ({
  ...systemContext('test', { commandId: newId(), audience: [WORKSPACE] }),
  actor: { key: newId(), user: newId() },
  requestId: 'req_1',
  retry: false,
  ...over,
});
const eventOf = (type: string, data: object): NewEvent => ({
  id: newId(),
  type,
  data,
  metadata: metadataFor(context(), undefined, new Date('2026-01-15T10:29:59.000Z')),
});
const note = (id: string, after: number, ...texts: string[]): Staged => ({
  stream: `note-${id}`,
  after,
  events: texts.map((text) => eventOf('Noted', { text })),
});
const name = (after: number, ...events: (readonly ['NameReserved' | 'NameReleased', string])[]): Staged => ({
  stream: NAME,
  after,
  events: events.map(([type, owner]) => eventOf(type, { owner })),
});
const accept = (staged: Staged[], command = context()) =>
  batches.accept({ command, workspaceId: WORKSPACE, resource: 'notes' }, async () => ({
    outcome: 'done',
    staged,
  }));
const textsIn = async (id: string) =>
  (await eventsIn(test.log, `note-${id}`)).map(({ data }) => (data as { text: string }).text);
const namesIn = async () =>
  (await eventsIn(test.log, NAME)).map(({ type, data }) => [type, (data as { owner: string }).owner]);
const types = async () => (await eventsIn(test.log)).map(({ type }) => type);
const acceptedIn = async () =>
  (await eventsIn(test.log)).find(
    ({ type }) => type === 'BatchAccepted',
  ) as Recorded as Recorded<BatchAccepted>;

describe('a batch that is accepted', () => {
  it('is one event, and then the events on their streams, caused by it', async () => {
    const command = context();
    const staged = [note(ONE, -1, 'a', 'b'), note(TWO, -1, 'c')];
    const { outcome, position } = await accept(staged, command);
    const events = await eventsIn(test.log);
    const [accepted, ...others] = events;
    expect(outcome).toBe('done');
    expect(accepted).toMatchObject({
      stream: `batch-${command.commandId}`,
      type: 'BatchAccepted',
      data: { workspaceId: WORKSPACE, resource: 'notes' },
      metadata: { audience: [WORKSPACE], commandId: command.commandId, requestId: 'req_1' },
    });
    const spread = others.filter(({ type }) => type === 'Noted');
    expect(spread.map(({ stream, data }) => [stream, data])).toEqual([
      [`note-${ONE}`, { text: 'a' }],
      [`note-${ONE}`, { text: 'b' }],
      [`note-${TWO}`, { text: 'c' }],
    ]);
    for (const [n, { id, metadata }] of spread.entries()) {
      const decided = staged.flatMap((one) => one.events)[n];
      expect(id).toBe(decided?.id);
      const { at, commandId, audience } = decided?.metadata ?? {};
      expect(metadata).toEqual({ ...accepted?.metadata, at, commandId, audience, causationId: accepted?.id });
    }
    expect(position).toBe(spread.at(-1)?.position);
    await expect.poll(types).toContain('BatchDistributed');
  });

  it('writes nothing when there is nothing to write', async () => {
    expect(await accept([])).toEqual({ outcome: 'done', position: -1 });
    expect(await eventsIn(test.log)).toEqual([]);
  });

  it('is decided again when a stream has changed since', async () => {
    await handled.handle(ONE, 'first', context());
    let tries = 0;
    const { outcome } = await batches.accept(
      { command: context(), workspaceId: WORKSPACE, resource: 'notes' },
      async (again) => {
        tries += 1;
        const { revision } = await handled.load(ONE);
        if (tries === 1) await handled.handle(ONE, 'second', context());
        return { outcome: again, staged: [note(ONE, revision, `on ${revision}`)] };
      },
    );
    expect(outcome).toBe(true);
    expect(await textsIn(ONE)).toEqual(['first', 'second', 'on 1']);
  });

  it('gives up after some tries, with nothing written', async () => {
    await handled.handle(ONE, 'first', context());
    await expect(accept([note(ONE, 7, 'never')])).rejects.toMatchObject({ code: 'conflict' });
    expect(await types()).toEqual(['Noted']);
  });

  it('keeps the commands of this process off its streams until it is there, and they see it', async () => {
    await handled.handle(ONE, 'first', context());
    let late: Promise<unknown> | undefined;
    beforeAppend = async (stream) => {
      if (stream.startsWith('batch-')) late ??= handled.handle(ONE, 'batch', context());
    };
    await accept([note(ONE, 0, 'batch')]);
    // It found the same text already there.
    expect(await late).toMatchObject({ events: [], state: ['first', 'batch'] });
    expect(await textsIn(ONE)).toEqual(['first', 'batch']);
  });

  it('comes after what another process has written meanwhile', async () => {
    await handled.handle(ONE, 'first', context());
    beforeAppend = async (stream) => {
      if (stream !== `note-${ONE}`) return;
      beforeAppend = async () => undefined;
      await test.log.append(stream, [eventOf('Noted', { text: 'foreign' })], 0);
    };
    await accept([note(ONE, 0, 'batch')]);
    expect(await textsIn(ONE)).toEqual(['first', 'foreign', 'batch']);
    expect(await handled.load(ONE)).toMatchObject({ state: ['first', 'foreign', 'batch'] });
  });

  it('that is too large for one append is refused, with nothing written', async () => {
    const staged = [name(-1, ['NameReserved', ANN]), note(ONE, -1, 'x'.repeat(2 ** 20))];
    await expect(accept(staged)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: { operations: [expect.stringMatching(/too large/)] } },
    });
    expect(await types()).toEqual(['NameReserved', 'NameReleased']);
  });
});

describe('names in a batch', () => {
  it('are taken before it is accepted', async () => {
    await accept([note(ONE, -1, 'a'), name(-1, ['NameReserved', ANN])]);
    expect((await types()).slice(0, 3)).toEqual(['NameReserved', 'BatchAccepted', 'Noted']);
  });

  it('that somebody else was faster to take have it decided again, and the others are free again', async () => {
    const other = `slug-${newId()}`;
    let tries = 0;
    await batches.accept({ command: context(), workspaceId: WORKSPACE, resource: 'notes' }, async () => {
      tries += 1;
      if (tries > 1) return { outcome: 'refused', staged: [] };
      await test.log.append(NAME, [eventOf('NameReserved', { owner: BEN })], 'no_stream');
      const free = { ...name(-1, ['NameReserved', ANN]), stream: other };
      return { outcome: '', staged: [free, name(-1, ['NameReserved', ANN]), note(ONE, -1, 'a')] };
    });
    expect(tries).toBe(2);
    expect(await namesIn()).toEqual([['NameReserved', BEN]]);
    expect((await eventsIn(test.log, other)).map(({ type }) => type)).toEqual([
      'NameReserved',
      'NameReleased',
    ]);
    expect(await textsIn(ONE)).toEqual([]);
  });

  it('stay with an owner who had them before, when the batch comes to nothing', async () => {
    await test.log.append(NAME, [eventOf('NameReserved', { owner: ANN })], 'no_stream');
    const staged = [name(0, ['NameReserved', ANN]), note(ONE, -1, 'x'.repeat(2 ** 20))];
    await expect(accept(staged)).rejects.toMatchObject({ code: 'validation_failed' });
    expect(await namesIn()).toEqual([
      ['NameReserved', ANN],
      ['NameReserved', ANN],
    ]);
  });

  it('that change hands within it do so after it is accepted, and before their records', async () => {
    await test.log.append(NAME, [eventOf('NameReserved', { owner: ANN })], 'no_stream');
    await accept([name(0, ['NameReleased', ANN], ['NameReserved', BEN]), note(ONE, -1, 'a')]);
    expect((await types()).slice(1, 5)).toEqual(['BatchAccepted', 'NameReleased', 'NameReserved', 'Noted']);
  });

  it('that are given up are free last', async () => {
    await test.log.append(NAME, [eventOf('NameReserved', { owner: ANN })], 'no_stream');
    await accept([name(0, ['NameReleased', ANN]), note(ONE, -1, 'a')]);
    expect((await types()).slice(1, 4)).toEqual(['BatchAccepted', 'Noted', 'NameReleased']);
  });

  it('are not taken from whoever has them by now', async () => {
    await test.log.append(NAME, [eventOf('NameReserved', { owner: ANN })], 'no_stream');
    beforeAppend = async (stream) => {
      if (stream !== NAME) return;
      beforeAppend = async () => undefined;
      await test.log.append(NAME, [eventOf('NameReserved', { owner: BEN })], 0);
    };
    await accept([name(0, ['NameReleased', ANN]), note(ONE, -1, 'a')]);
    expect(await namesIn()).toEqual([
      ['NameReserved', ANN],
      ['NameReserved', BEN],
    ]);
  });
});

describe('a batch that was accepted and not finished', () => {
  /** Accepts a batch of two notes, of which only the first gets to its stream. */
  const leave = async (command = context()) => {
    broken = (stream) => stream === `note-${TWO}`;
    const { outcome } = await accept([note(ONE, -1, 'a'), note(TWO, -1, 'b')], command);
    expect(outcome).toBe('done');
    expect(await textsIn(TWO)).toEqual([]);
    broken = () => false;
  };
  const reactor = (own: BatchCommands, graceMs = 60_000) => {
    const readModels = embeddedReadModels([batchesFinished]);
    const progress = keptIn(readModels, batchesFinished, log.id);
    return { reactor: batchReactor({ batches: own, progress, now, graceMs }), readModels };
  };
  /** As after a restart, or in another process. */
  const fresh = () => batchCommands(log, new Map([['note', streams(log, 'note', notes, { now })]]), now);
  const all = async () => {
    const events = (await eventsIn(test.log)).filter(({ type }) => type.startsWith('Batch'));
    return { events, position: await test.log.head(), caughtUp: true };
  };

  it('is finished by its retry, once', async () => {
    const command = context();
    await leave(command);
    expect(await batches.found({ ...command, retry: true })).toBeGreaterThan(0);
    expect(await batches.found({ ...command, retry: true })).toBeGreaterThan(0);
    expect([await textsIn(ONE), await textsIn(TWO)]).toEqual([['a'], ['b']]);
    expect((await types()).filter((type) => type === 'BatchDistributed')).toHaveLength(1);
    await expect(accept([note(ONE, 0, 'again')], command)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is nothing to another command, and nothing to one that is no retry', async () => {
    const command = context();
    await leave(command);
    expect(await batches.found(context({ retry: true }))).toBeUndefined();
    expect(await batches.found(command)).toBeUndefined();
  });

  it('is an older command after a day', async () => {
    const command = context({ retry: true });
    await leave(command);
    clock = new Date(clock.getTime() + 86_400_001);
    await expect(batches.found(command)).rejects.toThrow(StaleCommand);
  });

  it('is finished by the process that left it, as soon as its reactor sees it', async () => {
    const { reactor: own } = reactor(batches);
    await own.start();
    await leave();
    await own.handle(await all());
    expect([await textsIn(ONE), await textsIn(TWO)]).toEqual([['a'], ['b']]);
  });

  it('is finished at the next start, with later events behind it', async () => {
    await leave();
    await handled.handle(TWO, 'later', context());
    clock = new Date(clock.getTime() + 1);
    const { reactor: next, readModels } = reactor(fresh());
    expect(await next.start()).toBe(-1);
    const batch = await all();
    await next.handle({ ...batch, caughtUp: false });
    expect(await textsIn(TWO)).toEqual(['later']);
    expect(await readModels.checkpoint(batchesFinished.name)).toBeUndefined();
    await next.handle({ ...batch, events: [] });
    expect([await textsIn(ONE), await textsIn(TWO)]).toEqual([['a'], ['later', 'b']]);
    expect(await readModels.checkpoint(batchesFinished.name)).toMatchObject({ position: batch.position });
    expect(await next.start()).toBe(batch.position);
  });

  it('of another process is left to it for a while, then finished', async () => {
    const { reactor: other } = reactor(fresh(), 20);
    await other.start();
    await leave();
    await other.handle(await all());
    expect(await textsIn(TWO)).toEqual([]);
    clock = new Date(clock.getTime() + 20);
    await expect.poll(() => textsIn(TWO)).toEqual(['b']);
    await other.stop();
  });

  it('that was finished is not looked at again', async () => {
    await accept([note(ONE, -1, 'a')]);
    await expect.poll(types).toContain('BatchDistributed');
    const { reactor: next } = reactor({
      ...fresh(),
      finish: () => Promise.reject(new Error('finished again')),
    });
    await next.start();
    await next.handle(await all());
    expect(await acceptedIn()).toBeDefined();
  });

  it('whose acceptance failed was never accepted, and does not hold up the reactor', async () => {
    broken = (stream) => stream.startsWith('batch-');
    await expect(accept([note(ONE, -1, 'a')])).rejects.toThrow(LogUnavailable);
    expect(await types()).toEqual([]);
  });
});
