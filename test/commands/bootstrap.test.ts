import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOfKey } from '../../src/commands/key-secrets.js';
import type { ApiKeyRow } from '../../src/projections/api-keys.js';
import type { WorkspaceRow } from '../../src/projections/workspaces.js';
import { eventsIn } from '../support/embedded-log.js';
import { command, type Tenancy, tenancy } from '../support/tenancy.js';

let test: Tenancy;
beforeEach(async () => {
  test = await tenancy();
});
afterEach(() => test.stop());

const keys = async () => {
  await test.now.settled();
  return test.now.readModels.find<ApiKeyRow>('api-keys', { where: [], sort: [['number', 'asc']] });
};
const workspaces = async () => {
  await test.now.settled();
  return test.now.readModels.find<WorkspaceRow>('workspaces', { where: [], sort: [['number', 'asc']] });
};
const madeUsers = async () => (await eventsIn(test.now.log)).filter(({ type }) => type === 'UserCreated');
const GIVEN = `sk_test_${'A1b2'.repeat(8)}`;

describe('the first start of an empty log', () => {
  it('makes one user, workspace 1 of tier enterprise and a key for everything, and shows the key once', async () => {
    const first = await test.now.bootstrap.firstStart();
    await first.shown();
    const [user] = await madeUsers();
    const { userId } = (user?.data ?? {}) as { userId?: string };
    expect(await workspaces()).toMatchObject([{ number: 1, tier: 'enterprise', memberIds: [userId] }]);
    expect(await keys()).toMatchObject([
      {
        number: 1,
        scopes: ['*'],
        secretHash: hashOfKey(first.key ?? ''),
        userId,
        workspaceId: (await workspaces())[0]?.id,
      },
    ]);
    const before = await test.now.log.head();
    expect(await test.now.bootstrap.firstStart()).toEqual({ shown: expect.any(Function) });
    await test.restart();
    expect((await test.now.bootstrap.firstStart()).key).toBeUndefined();
    expect(await test.now.log.head()).toBe(before);
  });

  it('takes the key that the operator sets, and shows none', async () => {
    const first = await test.now.bootstrap.firstStart(GIVEN);
    expect(first).toEqual({ shown: expect.any(Function) });
    expect(await keys()).toMatchObject([
      { secretHash: hashOfKey(GIVEN), prefix: 'sk_test_A1b', environment: 'test' },
    ]);
    await test.restart();
    expect(await test.now.bootstrap.firstStart(GIVEN)).toEqual({ shown: expect.any(Function) });
    expect(await keys()).toHaveLength(1);
  });

  it('shows another key when it was stopped before the first was shown, also days later', async () => {
    const lost = await test.now.bootstrap.firstStart();
    test.clock.now = new Date('2026-01-17T10:30:00.000Z');
    await test.restart();
    const second = await test.now.bootstrap.firstStart();
    await second.shown();
    expect(second.key).toMatch(/^sk_live_/);
    expect(second.key).not.toBe(lost.key);
    expect((await keys()).map(({ secretHash }) => secretHash)).toContain(hashOfKey(second.key ?? ''));
    await test.restart();
    expect((await test.now.bootstrap.firstStart()).key).toBeUndefined();
    expect(await workspaces()).toHaveLength(1);
    expect(await madeUsers()).toHaveLength(1);
  });

  it('is finished by the next start, at whatever step it was stopped: always one user, one workspace, and a key to use', async () => {
    const steps = 12;
    let finished = 0;
    for (let appends = 0; appends < steps; appends++) {
      const run = await tenancy();
      run.limit.appendsLeft = appends;
      const key = await run.now.bootstrap.firstStart().then(
        async (first) => {
          await first.shown().catch(() => undefined); // then it is shown again: another one
          return first.key;
        },
        () => undefined,
      );
      if (key !== undefined) finished++;
      await run.restart();
      const next = await run.now.bootstrap.firstStart();
      await next.shown();
      await run.now.settled();
      const rows = await run.now.readModels.find<ApiKeyRow>('api-keys', { where: [] });
      expect(rows.map(({ secretHash }) => secretHash)).toContain(hashOfKey(key ?? next.key ?? ''));
      expect(await run.now.readModels.find('workspaces', { where: [] })).toHaveLength(1);
      expect((await eventsIn(run.now.log)).filter(({ type }) => type === 'UserCreated')).toHaveLength(1);
      await run.stop();
    }
    // The last rounds went through: every step before was stopped at once.
    expect(finished).toBeGreaterThan(0);
    expect(finished).toBeLessThan(steps);
  });

  it('does not happen in a log that holds something already, and says when a key was set in vain', async () => {
    await test.now.workspaces.create(
      { name: 'Mine', tier: 'free' },
      {
        command: command(),
        caller: { userId: '01980000-0000-7000-8000-00000000000a', home: { tier: 'free' } },
        holds: () => true,
      },
    );
    expect(await test.now.bootstrap.firstStart()).toEqual({ shown: expect.any(Function) });
    expect((await test.now.bootstrap.firstStart(GIVEN)).note).toMatch(/^BOOTSTRAP_API_KEY is ignored/);
    expect(await keys()).toEqual([]);
  });
});

describe('a key minted by the operator', () => {
  it('brings an unknown user with a workspace of their own, for everything by default', async () => {
    const { key, record, workspace } = await test.now.bootstrap.mintKey({ email: 'ada@example.com' });
    expect(record).toMatchObject({ scopes: ['*'], secretHash: hashOfKey(key), workspaceId: workspace.id });
    expect(workspace).toMatchObject({ tier: 'free', members: [{ userId: record.userId, role: 'owner' }] });
    expect(await keys()).toMatchObject([{ id: record.id }]);
    expect(JSON.stringify(await eventsIn(test.now.log))).not.toContain('ada@');
  });

  it('for a known address is for the same user and workspace', async () => {
    const first = await test.now.bootstrap.mintKey({ email: 'ada@example.com' });
    const second = await test.now.bootstrap.mintKey({
      email: 'ADA@example.com',
      name: 'Second',
      scopes: ['read'],
    });
    expect(second.record).toMatchObject({
      name: 'Second',
      scopes: ['read'],
      userId: first.record.userId,
      workspaceId: first.workspace.id,
    });
    expect(await workspaces()).toHaveLength(1);
  });

  it('for a given workspace makes its user a member there, once', async () => {
    const { workspace } = await test.now.bootstrap.mintKey({ email: 'ada@example.com' });
    const wanted = { email: 'bob@example.com', workspace: { id: workspace.id, role: 'admin' as const } };
    const { record } = await test.now.bootstrap.mintKey(wanted);
    await test.now.bootstrap.mintKey({ ...wanted, workspace: { id: workspace.id, role: 'member' } });
    expect(record.workspaceId).toBe(workspace.id);
    expect((await workspaces()).map(({ members }) => members.map(({ role }) => role))).toEqual([
      ['owner', 'admin'],
    ]);
  });

  it('is not bound by the quota', async () => {
    for (let n = 0; n < 11; n++) await test.now.bootstrap.mintKey({ email: 'ada@example.com' });
    expect(await keys()).toHaveLength(11);
  });

  it('is refused for a workspace that is not there', async () => {
    const nowhere = { id: '01980000-0000-7000-8000-00000000000f', role: 'member' as const };
    await expect(
      test.now.bootstrap.mintKey({ email: 'ada@example.com', workspace: nowhere }),
    ).rejects.toMatchObject({
      code: 'not_found',
      message: 'Workspace not found.',
    });
  });
});
