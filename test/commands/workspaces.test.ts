// Slugs and retries of workspace commands: what changes meanwhile, and what a crash leaves behind.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { type CommandContext, systemContext } from '../../src/commands/context.js';
import { withReservation } from '../../src/commands/reservations.js';
import { type Asking, type WorkspaceCommands, workspaceCommands } from '../../src/commands/workspaces.js';
import { newId } from '../../src/domain/ids.js';
import { ReservationLost } from '../../src/domain/workspaces.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const owner = '01980000-0000-7000-8000-00000000000a';
const asking = (command: CommandContext = systemContext('test'), ifMatch?: number): Asking => ({
  command,
  caller: { userId: owner, home: { tier: 'enterprise' } },
  holds: () => true,
  ...(ifMatch === undefined ? {} : { ifMatch }),
});
const retried = (command: CommandContext): Asking => asking({ ...command, retry: true });
const named = (slug: string) => ({ name: 'Acme', slug, tier: 'free' as const });

type Append = EventLog['append'];
/** The log with something done around its appends. */
const around = (act: (append: Append, ...input: Parameters<Append>) => ReturnType<Append>) =>
  workspaceCommands({ ...test.log, append: (...input) => act(test.log.append, ...input) }, () => clock);
/** Fails the appends that `types` names, as when the disk is full. */
const failing = (...types: string[]) =>
  around(async (append, stream, events, expected) => {
    if (events.some(({ type }) => types.includes(type))) throw new LogUnavailable('disk full', 'not_written');
    return append(stream, events, expected);
  });

let test: TestLog;
let clock: Date;
let workspaces: WorkspaceCommands;
const later = (seconds: number) => {
  clock = new Date(clock.getTime() + seconds * 1000);
};
beforeEach(async () => {
  test = await testLog();
  clock = new Date('2026-01-15T10:30:00.000Z');
  workspaces = workspaceCommands(test.log, () => clock);
});
afterEach(() => test.stop());

/** As whoever starts now sees it: nothing is cached. */
const fresh = () => workspaceCommands(test.log, () => clock);
const slugOf = async (id: string) => (await fresh().streams.load(id)).state.record?.slug ?? '';
const slugTaken = { code: 'validation_failed', details: { errors: { slug: [expect.any(String)] } } };
const expectKept = async (slug: string) =>
  expect(fresh().create(named(slug), asking())).rejects.toMatchObject(slugTaken);

describe('a slug is never given to a second workspace', () => {
  it('when it is changed while a change that repeats the old slug is under way', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    let rename: Promise<unknown> | undefined;
    const slow = around(async (append, stream, events, expected) => {
      if (events[0]?.type === 'WorkspaceUpdated') {
        rename ??= workspaces.update(record.id, { slug: 'b' }, asking());
        await rename;
      }
      return append(stream, events, expected);
    });
    await slow.update(record.id, { slug: 'a', name: 'New' }, asking());
    expect(rename).toBeDefined();
    expect(await slugOf(record.id)).toBe('a');
    await expectKept('a');
  });

  it('when a rename is taken back before it has freed the old slug', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    let back: Promise<unknown> | undefined;
    const slow = around(async (append, stream, events, expected) => {
      const appended = await append(stream, events, expected);
      if (events[0]?.type === 'WorkspaceUpdated') {
        back = fresh().update(record.id, { slug: 'a' }, asking());
        await back;
      }
      return appended;
    });
    await slow.update(record.id, { slug: 'b' }, asking());
    expect(back).toBeDefined();
    expect(await slugOf(record.id)).toBe('a');
    await expectKept('a');
  });

  it('when the workspace takes it before, and gives it up after, another of its renames reserves it', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    let step = 0;
    const slow = around(async (append, stream, events, expected) => {
      if (events[0]?.type !== 'NameReserved') return append(stream, events, expected);
      step += 1;
      if (step === 1) await workspaces.update(record.id, { slug: 'b' }, asking());
      const appended = await append(stream, events, expected);
      if (step === 2) await workspaces.update(record.id, { slug: 'c' }, asking());
      return appended;
    });
    await slow.update(record.id, { slug: 'b' }, asking());
    expect(step).toBe(3);
    expect(await slugOf(record.id)).toBe('b');
    await expectKept('b');
  });

  it('when many renames run at once: all get through, and only the last slug is kept', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    const slugs = Array.from({ length: 12 }, (_, n) => `s-${n % 4}`);
    await Promise.all(slugs.map((slug) => workspaces.update(record.id, { slug }, asking())));
    await expectKept(await slugOf(record.id));
  });

  it('to a rename that names a revision which the record no longer has', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    await workspaces.update(record.id, { name: 'New' }, asking());
    await expect(workspaces.update(record.id, { slug: 'b' }, asking(undefined, 0))).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    const { record: renamed } = await workspaces.update(record.id, { slug: 'b' }, asking(undefined, 1));
    expect(renamed.slug).toBe('b');
  });
});

describe('a command that is run again after a crash', () => {
  it('answers a creation whose slug went to another workspace meanwhile', async () => {
    const command = systemContext('test');
    const first = await workspaces.create(named('a'), asking(command));
    await workspaces.update(first.record.id, { slug: 'b' }, asking());
    await workspaces.create(named('a'), asking());
    expect(await workspaces.create(named('a'), retried(command))).toEqual(first);
  });

  it('answers a rename whose slug went to another workspace meanwhile', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    const command = systemContext('test');
    const first = await workspaces.update(record.id, { slug: 'b' }, asking(command));
    await workspaces.update(record.id, { slug: 'c' }, asking());
    await workspaces.create(named('b'), asking());
    expect(await workspaces.update(record.id, { slug: 'b' }, retried(command))).toEqual(first);
  });

  it('neither reserves nor frees a slug when it is a rename that was carried out', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    const command = systemContext('test');
    await workspaces.update(record.id, { slug: 'b' }, asking(command));
    await workspaces.update(record.id, { slug: 'c' }, asking());
    const before = await test.log.head();
    await workspaces.update(record.id, { slug: 'b' }, retried(command));
    expect(await test.log.head()).toBe(before);
    await expectKept('c');
  });

  it('answers a tier that its caller may no longer give', async () => {
    const command = systemContext('test');
    const weak = {
      ...retried(command),
      caller: { userId: owner, home: { tier: 'free' as const } },
      holds: () => false,
    };
    const made = await workspaces.create({ ...named('a'), tier: 'pro' }, asking(command));
    expect(await workspaces.create({ ...named('a'), tier: 'pro' }, weak)).toEqual(made);
    const change = systemContext('test');
    const changed = await workspaces.update(made.record.id, { tier: 'agency' }, asking(change));
    await workspaces.update(made.record.id, { tier: 'pro' }, asking());
    const again = { ...weak, command: { ...change, retry: true } };
    expect(await workspaces.update(made.record.id, { tier: 'agency' }, again)).toEqual(changed);
  });

  it('answers a change of a workspace that was deleted meanwhile', async () => {
    const { record } = await workspaces.create(named('a'), asking());
    const command = systemContext('test');
    const first = await workspaces.update(record.id, { slug: 'b' }, asking(command));
    await workspaces.remove(record.id, asking());
    expect(await workspaces.update(record.id, { slug: 'b' }, retried(command))).toEqual(first);
    // One that was not carried out reserves nothing for a workspace that is gone.
    const late = workspaces.update(record.id, { slug: 'c' }, retried(systemContext('test')));
    await expect(late).rejects.toMatchObject({ code: 'not_found' });
    await workspaces.create(named('c'), asking());
  });

  it('makes the workspace although its reservation was withdrawn by one that never took the name', async () => {
    const command = systemContext('test');
    const cut = failing('WorkspaceCreated');
    await expect(cut.create(named('a'), asking(command))).rejects.toThrow('disk full');
    later(61);
    await expect(failing('NameReserved').create(named('a'), asking())).rejects.toThrow('disk full');
    const { record } = await workspaces.create(named('a'), retried(command));
    expect(record.slug).toBe('a');
    await expectKept('a');
  });
});

describe('after the event that decides', () => {
  it('a rename and a deletion succeed although the old slug cannot be freed; it is taken over later', async () => {
    const full = failing('NameReleased');
    const { record } = await full.create(named('a'), asking());
    expect((await full.update(record.id, { slug: 'b' }, asking())).record.slug).toBe('b');
    await full.remove(record.id, asking());
    await expectKept('a');
    await expectKept('b');
    later(61);
    expect((await fresh().create(named('a'), asking())).record.slug).toBe('a');
    expect((await fresh().create(named('b'), asking())).record.slug).toBe('b');
  });
});

it('what takes a slug over leaves nothing about who wanted it in the stream of its former claimant', async () => {
  const claimant = systemContext('test');
  await expect(failing('WorkspaceCreated').create(named('a'), asking(claimant))).rejects.toThrow('disk full');
  later(61);
  const wanting = { ...systemContext('test', { audience: [newId()] }), requestId: 'req_1', ip: 'k1.sealed' };
  const actor = { key: newId(), user: owner };
  await workspaces.create(named('a'), asking({ ...wanting, actor }));
  const [withdrawn] = (await eventsIn(test.log)).filter(({ type }) => type === 'WorkspaceSlugWithdrawn');
  const { metadata } = withdrawn ?? {};
  expect(metadata).toMatchObject({ actor: { system: 'reservations' }, audience: [] });
  expect(metadata).not.toHaveProperty('ip');
  expect(metadata).not.toHaveProperty('requestId');
  expect([metadata?.commandId, metadata?.correlationId]).not.toContain(wanting.commandId);
  expect(metadata?.correlationId).not.toBe('req_1');
});

it('a command whose reservations are lost again and again is told to try again', async () => {
  const lost = () => Promise.reject(new ReservationLost());
  await expect(withReservation(lost)).rejects.toMatchObject({ name: 'DomainError', code: 'conflict' });
});
