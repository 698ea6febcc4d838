import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserCommands } from '../../src/commands/users.js';
import type { UserRecord } from '../../src/domain/users.js';
import { eventsIn } from '../support/embedded-log.js';
import { command, type Tenancy, tenancy } from '../support/tenancy.js';

let test: Tenancy;
beforeEach(async () => {
  test = await tenancy();
});
afterEach(() => test.stop());
const revealed = async (users: UserCommands, record: UserRecord) => (await users.revealAll([record]))[0];
const made = async () => (await eventsIn(test.now.log)).filter(({ type }) => type === 'UserCreated');

describe('a user', () => {
  it('is made once per e-mail address, whatever its case, and numbered from 1', async () => {
    const first = await test.now.users.findOrCreate({ email: 'Ada@Example.com', name: 'Ada' }, command());
    await test.now.settled();
    const again = await test.now.users.findOrCreate({ email: 'ada@example.COM' }, command());
    const other = await test.now.users.findOrCreate({ email: 'bob@example.com' }, command());
    expect(first.record.number).toBe(1);
    expect(again).toMatchObject({ record: { id: first.record.id }, position: -1 });
    expect(other.record.number).toBe(2);
    expect(await made()).toHaveLength(2);
  });

  it('is made once by two who try at once: the other is told to try again', async () => {
    const results = await Promise.allSettled(
      [1, 2].map(() => test.now.users.findOrCreate({ email: 'ada@example.com' }, command())),
    );
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'conflict' },
    });
    expect(await made()).toHaveLength(1);
  });

  it('is found by a command that is run again after a crash, at whatever step that came', async () => {
    const context = command();
    // The reservation, the number, the user: what was done stays done.
    for (const appends of [0, 1, 1]) {
      test.limit.appendsLeft = appends;
      await expect(test.now.users.findOrCreate({ email: 'ada@example.com' }, context)).rejects.toThrow(
        'stopped by the test',
      );
      await test.restart();
    }
    const { record } = await test.now.users.findOrCreate(
      { email: 'ada@example.com' },
      { ...context, retry: true },
    );
    const again = await test.now.users.findOrCreate(
      { email: 'ada@example.com' },
      { ...context, retry: true },
    );
    expect(again.record).toMatchObject(record);
    expect(await made()).toHaveLength(1);
  });
});

describe('name and address of a user', () => {
  it('stand nowhere in the log in clear, and can be shown again after a restart', async () => {
    const { record } = await test.now.users.findOrCreate(
      { email: 'Ada@Example.com', name: 'Ada Lovelace' },
      command(),
    );
    const { log } = test.now;
    const everything = JSON.stringify(await eventsIn(log)).toLowerCase();
    expect(everything).toContain(record.emailHash);
    expect(everything).not.toMatch(/ada@|lovelace|example\.com/);
    const { users } = await test.restart();
    expect(await revealed(users, record)).toMatchObject({
      number: 1,
      name: 'Ada Lovelace',
      email: 'Ada@Example.com',
    });
  });

  it('are unreadable once the person’s key is destroyed', async () => {
    const { record } = await test.now.users.findOrCreate(
      { email: 'ada@example.com', name: 'Ada' },
      command(),
    );
    await test.now.vault.destroy(record.id);
    expect(await revealed(test.now.users, record)).toMatchObject({ number: 1, name: null, email: null });
  });

  it('are bound to their place: one cannot be shown as the other', async () => {
    const { record } = await test.now.users.findOrCreate(
      { email: 'ada@example.com', name: 'Ada' },
      command(),
    );
    await expect(revealed(test.now.users, { ...record, name: record.email })).rejects.toThrow(
      'Sealed text was changed',
    );
  });

  it('may be missing: a user needs no name', async () => {
    const { record } = await test.now.users.findOrCreate({ email: 'ada@example.com' }, command());
    expect(await revealed(test.now.users, record)).toMatchObject({ name: null, email: 'ada@example.com' });
  });
});
