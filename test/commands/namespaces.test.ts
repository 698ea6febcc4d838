// Namespaces as commands: retries after a crash, slugs under concurrency.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NamespaceCommands, namespaceCommands } from '../../src/commands/namespaces.js';
import { eventsIn } from '../support/embedded-log.js';
import { command, type Tenancy, tenancy } from '../support/tenancy.js';

const owner = { type: 'Workspace' as const, id: '01980000-0000-7000-8000-00000000000a', number: 1 };
const other = { ...owner, id: '01980000-0000-7000-8000-00000000000b', number: 2 };
let test: Tenancy;
let namespaces: NamespaceCommands;
const fresh = () => namespaceCommands({ ...test.now, now: () => test.clock.now });
beforeEach(async () => {
  test = await tenancy();
  namespaces = fresh();
});
afterEach(() => test.stop());

const named = (slug: string | undefined, more: object = {}) => ({
  name: 'Client',
  slug,
  owner,
  billing: null,
  ...more,
});
const create = (slug?: string, context = command(), more: object = {}) =>
  namespaces.create(async () => named(slug, more), { command: context });
const made = async () => (await eventsIn(test.now.log)).filter(({ type }) => type === 'NamespaceCreated');
const taken = { code: 'validation_failed', details: { errors: { slug: [expect.any(String)] } } };

describe('a namespace', () => {
  it('is made once by a command that is run again after a crash, at whatever step that came', async () => {
    const context = command();
    for (const appends of [0, 1, 1]) {
      test.limit.appendsLeft = appends;
      await expect(create('a', context)).rejects.toThrow('stopped by the test');
      await test.restart();
      namespaces = fresh();
    }
    const retried = { ...context, retry: true };
    const { record } = await create('a', retried);
    const never = async () => {
      throw new Error('what it was made of may be gone by now');
    };
    expect((await namespaces.create(never, { command: retried })).record).toEqual(record);
    expect(await made()).toHaveLength(1);
  });

  it('has a slug that no other of its owner has, however many try at once; another owner’s may', async () => {
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => create('a')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: taken });
    const { record } = await create('a', command(), { owner: other });
    expect(record.slug).toBe('a');
  });

  it('is no longer paid for by whoever ends that; another payer stays, and is not shown to them', async () => {
    const { record } = await create('a', command(), { billing: { id: other.id, number: other.number } });
    const asked = { command: command() };
    await expect(namespaces.stopBilling(record.id, owner.id, asked)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await fresh().streams.load(record.id)).state.record?.billing?.id).toBe(other.id);
    const stopped = await namespaces.stopBilling(record.id, other.id, { command: command() });
    expect(stopped.record.billing).toBeNull();
  });

  it('frees the slug that it gives up, and the one that it had at its end', async () => {
    const { record } = await create('a');
    const change = async () => ({ slug: 'b' });
    await namespaces.update(record.id, change, { command: command() });
    const { record: next } = await create('a');
    await expect(create('b')).rejects.toMatchObject(taken);
    await namespaces.remove(record.id, { command: command() });
    expect((await create('b')).record.slug).toBe('b');
    expect(next.slug).toBe('a');
  });

  it('takes over a slug whose claimant never came to exist, after a minute', async () => {
    test.limit.appendsLeft = 2; // number and slug, not the namespace
    await expect(create('a')).rejects.toThrow('stopped by the test');
    await test.restart();
    namespaces = fresh();
    await expect(create('a')).rejects.toMatchObject(taken);
    test.clock.now = new Date(test.clock.now.getTime() + 61_000);
    expect((await create('a')).record.slug).toBe('a');
  });

  it('answers a change as it was, though the record has changed since', async () => {
    const { record } = await create('a');
    const context = command();
    const rename = (slug: string, run: ReturnType<typeof command>) =>
      namespaces.update(record.id, async () => ({ slug }), { command: run });
    const first = await rename('b', context);
    await rename('c', command());
    const again = await rename('b', { ...context, retry: true });
    expect([again.record, again.revision]).toEqual([first.record, first.revision]);
  });
});
