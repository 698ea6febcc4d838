import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemContext } from '../../src/commands/context.js';
import { type Reservations, reservations } from '../../src/commands/reservations.js';
import { type WorkspaceCommands, workspaceCommands } from '../../src/commands/workspaces.js';
import { type TestLog, testLog } from '../support/embedded-log.js';

const owner = '01980000-0000-7000-8000-00000000000a';
const asking = (overrides = {}) => ({
  command: systemContext('test', overrides),
  caller: { userId: owner, home: { tier: 'enterprise' as const } },
  holds: () => true,
});
const named = (slug: string) => ({ name: 'Acme', slug, tier: 'free' as const });

describe('a unique name', () => {
  let test: TestLog;
  let clock: Date;
  let workspaces: WorkspaceCommands;
  const now = () => clock;
  const later = (seconds: number) => {
    clock = new Date(clock.getTime() + seconds * 1000);
  };
  const refused = {
    code: 'validation_failed',
    details: { errors: { slug: ['The slug has already been taken.'] } },
  };

  beforeEach(async () => {
    test = await testLog();
    clock = new Date('2026-01-15T10:30:00.000Z');
    workspaces = workspaceCommands(test.log, now);
  });
  afterEach(() => test.stop());

  it('goes to exactly one of many who want it', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => workspaces.create(named('acme'), asking())),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is free again after a rename and after a deletion', async () => {
    const { record } = await workspaces.create(named('acme'), asking());
    await workspaces.update(record.id, { slug: 'other' }, asking());
    const second = await workspaces.create(named('acme'), asking());
    await expect(workspaces.update(record.id, { slug: 'acme' }, asking())).rejects.toMatchObject(refused);
    await workspaces.remove(second.record.id, asking());
    expect(await workspaces.update(record.id, { slug: 'acme' }, asking())).toMatchObject({
      record: { slug: 'acme' },
    });
  });

  it('given from a name has a suffix when taken', async () => {
    const create = () => workspaces.create({ name: 'Acme', tier: 'free' }, asking());
    const [first, second] = [await create(), await create()];
    expect(first.record.slug).toBe('acme');
    expect(second.record.slug).toMatch(/^acme-[0-9a-f]{6}$/);
  });

  describe('whose claimant never came to exist', () => {
    const ghost = '01980000-0000-7000-8000-0000000000aa';
    let claims: Reservations;

    beforeEach(async () => {
      // A claimant that stopped between its reservation and its creation.
      claims = reservations(
        test.log,
        'slug',
        { look: async () => ({ holds: false, revision: -1 }), withdraw: async () => undefined },
        now,
      );
      expect(await claims.reserve('acme', ghost, systemContext('test'))).toBe(0);
    });

    it('holds for a minute, then is taken over', async () => {
      later(59);
      await expect(workspaces.create(named('acme'), asking())).rejects.toMatchObject(refused);
      later(2);
      expect(await workspaces.create(named('acme'), asking())).toMatchObject({ record: { slug: 'acme' } });
    });

    it('is not freed by that claimant afterwards', async () => {
      later(61);
      await workspaces.create(named('acme'), asking());
      await claims.release('acme', ghost, systemContext('test'));
      await expect(workspaces.create(named('acme'), asking())).rejects.toMatchObject(refused);
    });

    it('makes a slow claimant look again: it does not come to exist under a name that is no longer its own', async () => {
      later(61);
      await workspaces.create(named('acme'), asking());
      const data = {
        workspaceId: ghost,
        number: 9,
        name: 'Slow',
        slug: 'acme',
        tier: 'free' as const,
        settings: {},
        tags: [],
        metadata: {},
        ownerId: owner,
      };
      await expect(
        workspaces.streams.handle(
          ghost,
          { type: 'CreateWorkspace', data, reservation: 0 },
          systemContext('test'),
        ),
      ).rejects.toThrow('');
      expect((await workspaces.streams.load(ghost)).state.record).toBeUndefined();
    });
  });

  it('whose holder dropped it without freeing it is taken over', async () => {
    const { record } = await workspaces.create(named('acme'), asking());
    // A rename that stopped before it freed the old name.
    const { log } = test;
    const append: typeof log.append = async (stream, events, expected) => {
      if (events[0]?.type === 'NameReleased') throw new Error('stopped');
      return log.append(stream, events, expected);
    };
    await workspaceCommands({ ...log, append }, now).update(record.id, { slug: 'other' }, asking());
    workspaces = workspaceCommands(log, now); // what starts after the stop knows nothing of before
    await expect(workspaces.create(named('acme'), asking())).rejects.toMatchObject(refused);
    later(61);
    expect(await workspaces.create(named('acme'), asking())).toMatchObject({ record: { slug: 'acme' } });
  });

  it('is kept by a retry of the command that reserved it, with the same number', async () => {
    const first = asking();
    const { record } = await workspaces.create(named('acme'), first);
    const again = await workspaces.create(named('acme'), {
      ...first,
      command: { ...first.command, retry: true },
    });
    expect(again).toMatchObject({ record });
  });
});
