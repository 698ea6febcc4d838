import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NewApiKey, plainApiKey } from '../../src/commands/api-keys.js';
import { hashOfKey, newApiKey } from '../../src/commands/key-secrets.js';
import { NEVER } from '../../src/domain/decider.js';
import { newId } from '../../src/domain/ids.js';
import { apiKeyQuota } from '../../src/domain/tiers.js';
import { eventsIn } from '../support/embedded-log.js';
import { AT, asking, command, type Tenancy, tenancy } from '../support/tenancy.js';

const workspace = { id: newId(), tier: 'free' as const };
const input = (over: Partial<NewApiKey> = {}): NewApiKey => ({
  ...plainApiKey,
  name: 'Key',
  scopes: ['read'],
  ...over,
});
const plus = (hours: number) => new Date(Date.parse(AT) + hours * 3_600_000).toISOString();
const refused = (code: string, message?: RegExp) =>
  expect.objectContaining({
    name: 'DomainError',
    code,
    ...(message ? { message: expect.stringMatching(message) } : {}),
  });

let test: Tenancy;
beforeEach(async () => {
  test = await tenancy();
});
afterEach(() => test.stop());

describe('a new key', () => {
  it('is sk_live_ or sk_test_ and 40 letters and digits', async () => {
    const live = await test.now.apiKeys.create(input(), asking(workspace));
    const testing = await test.now.apiKeys.create(input({ environment: 'test' }), asking(workspace));
    expect(live.key).toMatch(/^sk_live_[A-Za-z0-9]{40}$/);
    expect(testing.key).toMatch(/^sk_test_[A-Za-z0-9]{40}$/);
    expect(live.record).toMatchObject({
      number: 1,
      prefix: live.key.slice(0, 11),
      secretHash: hashOfKey(live.key),
    });
    expect(testing.record.number).toBe(2);
  });

  it('stands nowhere in the log or the read models, only its hash', async () => {
    const { key, position } = await test.now.apiKeys.create(input(), asking(workspace));
    const rotated = await test.now.apiKeys.rotate((await rows())[0]?.id ?? '', 24, asking(workspace));
    await test.now.following.waitFor(Math.max(position, rotated.position));
    const everything = JSON.stringify([await eventsIn(test.now.log), await rows()]);
    for (const secret of [key, rotated.key]) {
      expect(everything).toContain(hashOfKey(secret));
      expect(everything).not.toContain(secret.slice(8, 20));
    }
  });

  it('is the same on a retry, also after a restart that came before the answer, and is made once', async () => {
    const context = command();
    const first = await test.now.apiKeys.create(input(), asking(workspace, { command: context }));
    await test.restart();
    const again = await test.now.apiKeys.create(
      input(),
      asking(workspace, { command: { ...context, retry: true } }),
    );
    expect(again).toEqual(first);
    expect(await eventsIn(test.now.log, `apiKey-${first.record.id}`)).toHaveLength(1);
  });

  it('that an earlier run made from lost randomness is a conflict that names it', async () => {
    const context = command();
    await test.now.apiKeys.create(input(), asking(workspace, { command: context }));
    const lost = { ...context, retry: true, seed: () => Buffer.alloc(32, 1) };
    await expect(test.now.apiKeys.create(input(), asking(workspace, { command: lost }))).rejects.toEqual(
      refused('conflict', /API key 1 .*Rotate/),
    );
  });

  it('needs entitlements:manage for a tier above the workspace’s own', async () => {
    const wanted = input({ rateLimitTier: 'pro', scopes: [] });
    await expect(
      test.now.apiKeys.create(wanted, asking(workspace, { scopes: ['read', 'write'] })),
    ).rejects.toEqual(refused('access_denied', /entitlements:manage/));
    await test.now.apiKeys.create(wanted, asking(workspace, { scopes: ['entitlements:manage'] }));
    await test.now.apiKeys.create(wanted, asking({ ...workspace, tier: 'pro' }, { scopes: ['write'] }));
  });
});

const rows = async () => {
  await test.now.settled();
  return test.now.readModels.find('api-keys', { where: [] });
};

describe('the characters of keys', () => {
  it('all come, and none more often than others', () => {
    const counts = new Map<string, number>();
    const keys = 2_000;
    for (let n = 0; n < keys; n++)
      for (const character of newApiKey(command(), 'live').slice(8))
        counts.set(character, (counts.get(character) ?? 0) + 1);
    const fair = (keys * 40) / 62;
    expect(counts.size).toBe(62);
    // Taken modulo 62 without drawing again, the first eight would come a quarter more often.
    for (const count of counts.values()) expect(Math.abs(count - fair) / fair).toBeLessThan(0.15);
  });

  it('follow from the command alone', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        expect(newApiKey(command(one), 'live')).toBe(newApiKey(command(one, true), 'live'));
        if (one !== other)
          expect(newApiKey(command(one), 'live')).not.toBe(newApiKey(command(other), 'live'));
      }),
    );
  });
});

describe('the quota of active keys', () => {
  it('is that of the workspace’s tier', () =>
    expect(apiKeyQuota).toEqual({
      free: 10,
      starter: 20,
      pro: 50,
      agency: 200,
      business: 200,
      enterprise: Infinity,
    }));

  const create = (over: Partial<NewApiKey> = {}) => test.now.apiKeys.create(input(over), asking(workspace));
  const full = refused('feature_limit_reached', /^You have reached your limit for this feature\.$/);

  it('of 30 that race in a free workspace admits exactly 10, whatever the read models show', async () => {
    const results = await Promise.allSettled(Array.from({ length: 30 }, () => create()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    for (const reason of reasons) expect(reason).toEqual(full);
    expect(reasons[0].details).toMatchObject({ feature: 'api_keys' });
    expect(await rows()).toHaveLength(10);
  });

  it('does not count keys that are revoked, expired or being replaced, nor other workspaces', async () => {
    for (let n = 0; n < 9; n++) await create();
    const last = await create({ expiresAt: plus(1) });
    await expect(create()).rejects.toEqual(full);
    await test.now.apiKeys.create(input(), asking({ id: newId(), tier: 'free' }));

    const rotated = await test.now.apiKeys.rotate(last.record.id, 24, asking(workspace));
    await test.now.settled();
    await expect(create()).rejects.toEqual(full);

    await test.now.apiKeys.revoke(rotated.record.id, asking(workspace));
    await test.now.settled();
    const short = await create({ expiresAt: plus(2) });
    await test.now.settled();
    await expect(create()).rejects.toEqual(full);
    const later = { ...command(), now: plus(3) };
    await test.now.apiKeys.create(input(), asking(workspace, { command: later }));

    await test.now.settled();
    const revive = { ...command(), now: plus(3) };
    await expect(
      test.now.apiKeys.update(short.record.id, { expiresAt: NEVER }, asking(workspace, { command: revive })),
    ).rejects.toEqual(full);
  });

  it('does not stop a retry of a creation that had gone through', async () => {
    for (let n = 0; n < 9; n++) await create();
    const context = command();
    const first = await test.now.apiKeys.create(input(), asking(workspace, { command: context }));
    await test.now.settled();
    const again = await test.now.apiKeys.create(
      input(),
      asking(workspace, { command: { ...context, retry: true } }),
    );
    expect(again).toEqual(first);
  });

  it('does not hold in enterprise workspaces, nor for the operator', async () => {
    const enterprise = { id: newId(), tier: 'enterprise' as const };
    for (let n = 0; n < 11; n++) await test.now.apiKeys.create(input(), asking(enterprise));
    for (let n = 0; n < 11; n++)
      await test.now.apiKeys.create(input(), asking(workspace), { unlimited: true });
    expect(await rows()).toHaveLength(22);
  });
});

describe('a rotation', () => {
  const userId = '01980000-0000-7000-8000-00000000000b';
  const old = () =>
    test.now.apiKeys.create(
      input({
        name: 'App',
        scopes: ['posts:*'],
        rateLimitTier: 'free',
        expiresAt: plus(100),
        allowedIps: ['::1'],
        metadata: { a: 'b' },
        dialect: '2024',
        environment: 'test',
      }),
      asking(workspace),
    );

  it('makes a new key with a new id that carries over what the old one was, and belongs to who asked', async () => {
    const { record: before, key } = await old();
    const done = await test.now.apiKeys.rotate(before.id, 24, asking(workspace, { userId }));
    expect(done.key).toMatch(/^sk_test_/);
    expect(done.key).not.toBe(key);
    expect(done.graceEndsAt).toBe(plus(24));
    const { id, number, prefix, secretHash, createdAt, updatedAt, ...carried } = done.record;
    expect(carried).toEqual({
      ...(({ id: _i, number: _n, prefix: _p, secretHash: _s, createdAt: _c, updatedAt: _u, ...rest }) =>
        rest)(before),
      userId,
      rotatedFrom: { id: before.id, number: before.number },
    });
    expect({ id: id === before.id, number, prefix, secretHash }).toEqual({
      id: false,
      number: 2,
      prefix: done.key.slice(0, 11),
      secretHash: hashOfKey(done.key),
    });
    const { state } = await test.now.apiKeys.streams.load(before.id);
    expect(state.record).toMatchObject({
      graceEndsAt: plus(24),
      endsAt: plus(24),
      rotatedTo: { id, number: 2 },
    });
  });

  it('with no grace ends the old key at that very instant', async () => {
    const { record } = await old();
    const { graceEndsAt } = await test.now.apiKeys.rotate(record.id, 0, asking(workspace));
    expect(graceEndsAt).toBe(AT);
  });

  it('cut short before it was committed writes nothing of it, and a retry rotates', async () => {
    const { record } = await old();
    const context = command();
    test.limit.appendsLeft = 1; // the number
    const first = test.now.apiKeys.rotate(record.id, 24, asking(workspace, { command: context }));
    await expect(first).rejects.toThrow('stopped by the test');
    await test.restart();
    const again = asking(workspace, { command: { ...context, retry: true } });
    expect((await test.now.apiKeys.rotate(record.id, 24, again)).record.number).toBe(2);
    expect(await rows()).toHaveLength(2);
  });

  it('that is committed answers although its new key could not be appended yet; a retry answers the same', async () => {
    const { record } = await old();
    const context = command();
    // 1 append: the number; 2: the commitment; 3: the new key.
    test.limit.appendsLeft = 2;
    const first = await test.now.apiKeys.rotate(record.id, 24, asking(workspace, { command: context }));
    expect((await rows()).map(({ id }) => id)).toEqual([record.id]);
    await test.restart();
    const again = { ...context, retry: true };
    const second = await test.now.apiKeys.rotate(record.id, 24, asking(workspace, { command: again }));
    expect(second).toEqual({ ...first, position: second.position });
    const third = await test.now.apiKeys.rotate(record.id, 24, asking(workspace, { command: again }));
    expect(third).toEqual(second);
    expect(second.record).toMatchObject({
      secretHash: hashOfKey(second.key),
      rotatedFrom: { id: record.id },
    });
    expect((await eventsIn(test.now.log)).filter(({ type }) => type === 'ApiKeyRotated')).toHaveLength(1);
    expect(await rows()).toHaveLength(2);
  });

  it('that was cut short after it was committed is finished at the next start, by nobody in particular', async () => {
    const { record } = await old();
    const context = { ...command(), audience: [workspace.id], requestId: 'req_1' };
    test.limit.appendsLeft = 2;
    await test.now.apiKeys.rotate(record.id, 24, asking(workspace, { command: context }));
    expect((await rows()).map(({ id }) => id)).toEqual([record.id]);
    await test.restart(); // resolves when the reactor has caught up too
    const [rotated] = (await eventsIn(test.now.log)).filter(({ type }) => type === 'ApiKeyRotated');
    const [finished] = (await eventsIn(test.now.log)).filter(
      ({ type }) => type === 'ApiKeyCreatedByRotation',
    );
    expect(finished).toMatchObject({
      data: (rotated as unknown as { data: { successor: object } }).data.successor,
      metadata: {
        audience: [workspace.id],
        commandId: context.commandId,
        correlationId: 'req_1',
        causationId: rotated?.id,
      },
    });
    expect(await rows()).toHaveLength(2);
    await test.restart();
    expect(
      (await eventsIn(test.now.log)).filter(({ type }) => type === 'ApiKeyCreatedByRotation'),
    ).toHaveLength(1);
  });

  it('of one key by two at once succeeds for one', async () => {
    const { record } = await old();
    const results = await Promise.allSettled(
      [1, 2].map(() => test.now.apiKeys.rotate(record.id, 24, asking(workspace))),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'rotation_in_progress' },
    });
    expect(await rows()).toHaveLength(2);
  });
});

describe('a change', () => {
  it('of the tier above the workspace’s own needs entitlements:manage; one that changes nothing does not', async () => {
    const { record } = await test.now.apiKeys.create(input({ rateLimitTier: 'pro' }), asking(workspace));
    const weak = () => asking(workspace, { scopes: ['write'] });
    await expect(test.now.apiKeys.update(record.id, { rateLimitTier: 'agency' }, weak())).rejects.toEqual(
      refused('access_denied'),
    );
    expect(
      (await test.now.apiKeys.update(record.id, { rateLimitTier: 'pro', name: 'New' }, weak())).record.name,
    ).toBe('New');
  });

  it('on an older revision than the record’s is refused', async () => {
    const { record } = await test.now.apiKeys.create(input(), asking(workspace));
    const done = await test.now.apiKeys.update(record.id, { name: 'A' }, asking(workspace, { ifMatch: 0 }));
    expect(done).toMatchObject({ revision: 1, record: { name: 'A' } });
    await expect(
      test.now.apiKeys.update(record.id, { name: 'B' }, asking(workspace, { ifMatch: 0 })),
    ).rejects.toEqual(refused('precondition_failed'));
    await expect(test.now.apiKeys.revoke(record.id, asking(workspace, { ifMatch: 0 }))).rejects.toEqual(
      refused('precondition_failed'),
    );
  });

  it('that was carried out answers the same on a retry, whatever its caller may do by now', async () => {
    const { record } = await test.now.apiKeys.create(input({ rateLimitTier: 'free' }), asking(workspace));
    const context = command();
    const changes = { rateLimitTier: 'agency' } as const;
    const strong = asking(workspace, { command: context, scopes: ['*'] });
    const first = await test.now.apiKeys.update(record.id, changes, strong);
    await test.now.apiKeys.update(record.id, { rateLimitTier: 'free' }, asking(workspace));
    const weak = asking(workspace, { command: { ...context, retry: true }, scopes: ['write'] });
    expect(await test.now.apiKeys.update(record.id, changes, weak)).toEqual(first);
  });

  it('and a revocation answer the same on a retry', async () => {
    const { record } = await test.now.apiKeys.create(input(), asking(workspace));
    const context = command();
    const first = await test.now.apiKeys.revoke(record.id, asking(workspace, { command: context }));
    const again = await test.now.apiKeys.revoke(
      record.id,
      asking(workspace, { command: { ...context, retry: true } }),
    );
    expect(again).toEqual(first);
    await expect(test.now.apiKeys.revoke(record.id, asking(workspace))).rejects.toEqual(refused('not_found'));
  });
});
