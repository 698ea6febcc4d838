// Recording usage on a real log: exact under races, once across crashes, with what packages and boosts allow.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../../src/adapters/read-models/embedded.js';
import { models } from '../../../src/app/models.js';
import { provisioningCommands } from '../../../src/commands/entitlements/provisioning.js';
import type { Chain } from '../../../src/commands/entitlements/standing.js';
import { usageCommands } from '../../../src/commands/entitlements/usage.js';
import { namespaceCommands } from '../../../src/commands/namespaces.js';
import { workspaceCommands } from '../../../src/commands/workspaces.js';
import { builtInPlans } from '../../../src/domain/entitlements/built-in-plans.js';
import { readPlans } from '../../../src/domain/entitlements/plans.js';
import type { DomainError } from '../../../src/domain/errors.js';
import type { Tier } from '../../../src/domain/tiers.js';
import { eventsIn, type TestLog, testLog } from '../../support/embedded-log.js';
import { AT, command } from '../../support/tenancy.js';

const plans = readPlans({
  ...builtInPlans,
  features: [
    ...builtInPlans.features,
    { code: 'images', name: 'Image', type: 'limit', pool: 'storage' },
    { code: 'sso', name: 'Single sign-on', type: 'boolean' },
    { code: 'runs', name: 'Run', type: 'limit', reset: 'rolling' },
  ],
});
const workspace = '01980000-0000-7000-8000-000000000001';
const chain = (tier: Tier = 'free'): Chain => [
  { owner: { type: 'workspace', id: workspace }, workspaceId: workspace, tier },
];
const about = { owner: { type: 'workspace', id: workspace } as const, workspaceId: workspace };

let files: TestLog;
let clock: Date;
beforeEach(async () => {
  files = await testLog();
  clock = new Date(AT);
});
afterEach(() => files.stop());

const open = (log: EventLog = files.log, admitOver = false) => {
  const now = () => clock;
  const workspaces = workspaceCommands(log, now);
  const namespaces = namespaceCommands({ log, readModels: embeddedReadModels(models), now });
  const provisioning = provisioningCommands({ log, plans, workspaces, namespaces, now });
  return { provisioning, ...usageCommands({ log, plans, granted: provisioning.streams, now, admitOver }) };
};
/** A command of this instant. */
const asked = (over: { retry?: boolean; commandId?: string } = {}) => ({
  ...command(over.commandId, over.retry),
  now: clock.toISOString(),
  since: clock.toISOString(),
});
const on = (at: string) => {
  clock = new Date(at);
};
const stand = (usage: ReturnType<typeof open>, feature: string, who = chain()) => {
  const found = plans.features.get(feature);
  if (!found) throw new Error(`no feature ${feature}`);
  return usage.stand(who, found, clock.toISOString());
};
const outcomes = (results: readonly PromiseSettledResult<unknown>[]) => ({
  recorded: results.filter(({ status }) => status === 'fulfilled').length,
  refused: results.filter(
    (one) => one.status === 'rejected' && (one.reason as DomainError).code === 'feature_limit_reached',
  ).length,
});

describe('a race for the last of a limit', () => {
  /** 955 of the limit are left: 95 records of 10 fit. */
  const prepare = async () => {
    const usage = open();
    await usage.record(chain('pro'), { feature: 'posts', quantity: 45 }, asked());
    return usage;
  };

  test('admits exactly those that fit', async () => {
    const usage = await prepare();
    const racing = Array.from({ length: 200 }, () =>
      usage.record(chain('pro'), { feature: 'posts', quantity: 10 }, asked()),
    );
    expect(outcomes(await Promise.allSettled(racing))).toEqual({ recorded: 95, refused: 105 });
    expect(await stand(usage, 'posts', chain('pro'))).toMatchObject({ used: 995, limit: 1_000 });
  });

  test('admits no more when two processes decide', async () => {
    await prepare();
    const shared: EventLog = { ...files.log, shared: true };
    const [left, right] = [open(shared), open(shared)];
    const racing = Array.from({ length: 200 }, (_, n) =>
      (n % 2 ? left : right).record(chain('pro'), { feature: 'posts', quantity: 10 }, asked()),
    );
    expect(outcomes(await Promise.allSettled(racing))).toEqual({ recorded: 95, refused: 105 });
    const records = (await eventsIn(files.log)).filter(({ type }) => type === 'UsageRecorded');
    expect(records.map(({ data }) => (data as { currentUsage: number }).currentUsage)).toEqual([
      45,
      ...Array.from({ length: 95 }, (_, n) => 55 + n * 10),
    ]);
    for (const one of [left, right])
      expect(await stand(one, 'posts', chain('pro'))).toMatchObject({ used: 995 });
  });
});

describe('a record', () => {
  const call = { feature: 'api_calls', quantity: 3 };
  const recordedFirst = async () => {
    const first = asked();
    await open().record(chain(), call, first);
    return first;
  };
  /** A retry of this instant: nothing says when the command was first asked for. */
  const lost = (commandId?: string) => {
    const { since: _, ...rest } = asked({ retry: true, ...(commandId ? { commandId } : {}) });
    return rest;
  };

  test('has an id by which it can be corrected, and both stay in the history', async () => {
    const usage = open();
    await usage.record(chain(), { feature: 'posts', quantity: 3 }, asked());
    const { id } = await usage.record(chain(), { feature: 'posts', quantity: 10 }, asked());
    const corrected = await usage.correct(
      chain(),
      id,
      { quantity: 4, reason: 'Counted twice', mine: [chain()[0].owner.id] },
      asked(),
    );
    expect(corrected).toEqual({
      id,
      feature: 'posts',
      quantity: 4,
      previous: 10,
      currentUsage: 7,
      limit: 100,
    });
    expect((await eventsIn(files.log)).map(({ type }) => type)).toEqual([
      'UsageRecorded',
      'UsageRecorded',
      'UsageCorrected',
    ]);
  });

  test('of an owner that is not the caller’s is corrected only by whoever made it', async () => {
    const usage = open();
    const context = (user: string) => ({ ...asked(), actor: { key: user, user } });
    const { id } = await usage.record(chain(), { feature: 'posts', quantity: 3 }, context('one'));
    const correction = { quantity: 1, reason: 'Counted twice', mine: [] };
    await expect(usage.correct(chain(), id, correction, context('other'))).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await usage.correct(chain(), id, correction, context('one'))).toMatchObject({ currentUsage: 1 });
  });

  test('of another owner cannot be corrected, nor one that does not exist', async () => {
    const usage = open();
    const { id } = await usage.record(chain(), { feature: 'posts', quantity: 3 }, asked());
    const other: Chain = [
      { ...chain()[0], owner: { type: 'workspace', id: '01980000-0000-7000-8000-000000000002' } },
    ];
    for (const [who, which] of [
      [other, id],
      [chain(), id.replace(/\d+$/, '1')],
      [chain(), 'nonsense'],
    ] as const)
      await expect(
        usage.correct(who, which, { quantity: 0, reason: 'x', mine: [chain()[0].owner.id] }, asked()),
      ).rejects.toMatchObject({
        code: 'not_found',
      });
  });

  test('is found again by its retry, also by another process and after a restart', async () => {
    const first = asked();
    const recorded = await open().record(chain(), { feature: 'posts', quantity: 3 }, first);
    await open().record(chain(), { feature: 'posts', quantity: 1 }, asked());
    await files.reopen();
    const usage = open();
    expect(await usage.record(chain(), { feature: 'posts', quantity: 3 }, { ...first, retry: true })).toEqual(
      recorded,
    );
    expect(await stand(usage, 'posts')).toMatchObject({ used: 4 });
  });

  test('asked for at the end of a month is retried in that month', async () => {
    on('2026-01-31T23:59:59.900Z');
    const first = asked();
    await open().record(chain(), { feature: 'api_calls', quantity: 3 }, first);
    on('2026-02-01T00:00:01.000Z');
    const usage = open();
    const again = await usage.record(
      chain(),
      { feature: 'api_calls', quantity: 3 },
      { ...first, retry: true },
    );
    expect(again).toMatchObject({ currentUsage: 3 });
    const standing = await stand(usage, 'api_calls');
    expect([standing.used, standing.resetAt()]).toEqual([0, '2026-03-01T00:00:00.000Z']);
  });

  test('is found in the month before by a retry whose idempotency record was lost', async () => {
    on('2026-01-31T23:59:59.900Z');
    const { commandId } = await recordedFirst();
    on('2026-02-01T12:00:00.000Z');
    const usage = open();
    expect(await usage.record(chain(), call, lost(commandId))).toMatchObject({ currentUsage: 3 });
    expect(await stand(usage, 'api_calls')).toMatchObject({ used: 0 });
    const another = await usage.record(chain(), call, lost());
    expect([another.currentUsage, await stand(usage, 'api_calls')]).toMatchObject([3, { used: 3 }]);
  });

  test('is found on the meter of whoever paid before, whom only a retry asks for', async () => {
    const { commandId } = await recordedFirst();
    const other = '01980000-0000-7000-8000-000000000002';
    const now: Chain = [{ owner: { type: 'workspace', id: other }, workspaceId: other, tier: 'free' }];
    clock = new Date(clock.getTime() + 3_600_000);
    const usage = open();
    const since: string[] = [];
    const paid = async (instant: string) => {
      since.push(instant);
      return [workspace];
    };
    await usage.record(now, call, asked(), paid);
    expect(since).toEqual([]);
    expect(await usage.record(now, call, lost(commandId), paid)).toMatchObject({ currentUsage: 3 });
    expect(await stand(usage, 'api_calls', now)).toMatchObject({ used: 3 });
    expect(since.map((instant) => Date.parse(instant) < Date.parse(AT) - 82_800_000)).toEqual([true]);
  });

  test('of a feature in a pool is counted on the pool, under its own name', async () => {
    const usage = open();
    const record = await usage.record(chain(), { feature: 'images', quantity: 5 }, asked());
    expect(record).toMatchObject({ feature: 'images', currentUsage: 5, limit: 1_073_741_824 });
    expect(await stand(usage, 'storage')).toMatchObject({ used: 5 });
    expect(await stand(usage, 'images')).toMatchObject({ used: 5 });
  });

  test('of what is not included or suspended is refused, also where limits are not', async () => {
    const usage = open(files.log, true);
    const refused = (feature: string) =>
      expect(usage.record(chain(), { feature, quantity: 1 }, asked())).rejects.toMatchObject({
        code: 'feature_limit_reached',
      });
    await refused('sso');
    await usage.provisioning.suspend(about, 'Unpaid', asked());
    await refused('posts');
    await usage.provisioning.resume(about, asked());
    await usage.record(chain(), { feature: 'posts', quantity: 1 }, asked());
  });

  test('over the limit is counted and says so where that is the setting', async () => {
    const usage = open(files.log, true);
    expect(await usage.record(chain(), { feature: 'posts', quantity: 150 }, asked())).toMatchObject({
      currentUsage: 150,
      limit: 100,
      overLimit: true,
    });
  });
});

describe('what was given', () => {
  const boost = (usage: ReturnType<typeof open>, more: object) =>
    usage.provisioning.boost(
      about,
      { feature: 'api_calls', kind: 'add_limit', amount: 500, duration: 'permanent', ...more },
      asked(),
    );

  test('counts for what is asked for after it was acknowledged', async () => {
    const usage = open();
    await usage.provisioning.assign(about, { package: 'pkg_extra_api_calls' }, asked());
    expect(await stand(usage, 'api_calls')).toMatchObject({ limit: 51_000, packages: 51_000 });
    await usage.provisioning.cancel(about, 'extra_api_calls', asked());
    expect(await stand(usage, 'api_calls')).toMatchObject({ limit: 1_000 });
  });

  test('on another process counts as well', async () => {
    const shared: EventLog = { ...files.log, shared: true };
    const [left, right] = [open(shared), open(shared)];
    expect(await stand(right, 'api_calls')).toMatchObject({ limit: 1_000 });
    await boost(left, {});
    expect(await stand(right, 'api_calls')).toMatchObject({ limit: 1_500 });
  });

  test('as a boost is used after the packages, and what a month has taken of it is gone', async () => {
    const usage = open();
    await boost(usage, {});
    await usage.record(chain(), { feature: 'api_calls', quantity: 1_200 }, asked());
    expect(await stand(usage, 'api_calls')).toMatchObject({ used: 1_200, limit: 1_500 });
    on('2026-02-10T00:00:00.000Z');
    expect(await stand(usage, 'api_calls')).toMatchObject({ used: 0, limit: 1_300, packages: 1_000 });
    on('2026-03-10T00:00:00.000Z');
    expect(await stand(usage, 'api_calls')).toMatchObject({ limit: 1_300 });
  });

  test('for the cycle ends with it', async () => {
    const usage = open();
    await boost(usage, { duration: 'cycle' });
    expect(await stand(usage, 'api_calls')).toMatchObject({ limit: 1_500 });
    on('2026-02-01T00:00:00.000Z');
    expect(await stand(usage, 'api_calls')).toMatchObject({ limit: 1_000 });
  });

  test('opens a feature that is only there or not', async () => {
    const usage = open();
    await boost(usage, { feature: 'sso', kind: 'enable', amount: undefined });
    expect(await stand(usage, 'sso')).toMatchObject({ included: true, limit: null });
  });

  test.each([
    ['an unknown feature', { feature: 'nope' }, 'feature'],
    ['a feature in a pool', { feature: 'images' }, 'feature'],
    ['no amount', { amount: undefined }, 'amount'],
    ['an amount for what has none', { kind: 'unlimited' }, 'amount'],
    ['enabling what is counted', { kind: 'enable', amount: undefined }, 'type'],
    ['a limit for what is not counted', { feature: 'sso' }, 'type'],
    ['no end', { duration: 'timed' }, 'expires_at'],
    ['an end that does not apply', { expiresAt: '2027-01-01T00:00:00.000Z' }, 'expires_at'],
    ['an end in the past', { duration: 'timed', expiresAt: AT }, 'expires_at'],
    ['a cycle of what has none', { feature: 'posts', duration: 'cycle' }, 'duration'],
  ])('is refused with %s', async (_, more, field) => {
    await expect(boost(open(), more)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: { [field]: [expect.any(String)] } },
    });
  });
});
