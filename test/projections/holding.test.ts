import { afterEach, expect, it } from 'vitest';
import { embeddedLeases } from '../../src/adapters/lease/embedded.js';
import type { Leases } from '../../src/adapters/lease/port.js';
import { StoreUnavailable } from '../../src/adapters/read-models/port.js';
import { type Holding, holding } from '../../src/projections/holding.js';

const silent = { info: () => undefined, warn: () => undefined };
const EVERY_MS = 5;
const running: Holding[] = [];

/** Says what happened to it, in order. */
const holder = (leases: Leases, name: string, said: string[]) => {
  const one = holding({
    leases,
    name: 'projections',
    holder: name,
    gained: async () => void said.push(`${name} gained`),
    lost: async () => void said.push(`${name} lost`),
    report: silent,
    everyMs: EVERY_MS,
  });
  running.push(one);
  one.start();
  return one;
};
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
};

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

it('one of two holds the lease; when it stops it ends its work, and the other begins', async () => {
  const leases = embeddedLeases();
  const said: string[] = [];
  const one = holder(leases, 'one', said);
  await until(() => one.isHeld());
  const two = holder(leases, 'two', said);
  await new Promise((resolve) => setTimeout(resolve, 10 * EVERY_MS));
  expect([one.isHeld(), two.isHeld(), said]).toEqual([true, false, ['one gained']]);
  await one.stop();
  await until(() => two.isHeld());
  expect(said).toEqual(['one gained', 'one lost', 'two gained']);
});

it('ends its work when the lease is taken by another, and takes it back when it is free', async () => {
  let now = 0;
  const leases = embeddedLeases(() => now);
  const said: string[] = [];
  const one = holder(leases, 'one', said);
  await until(() => one.isHeld());
  // As after a freeze: the lease has lapsed, and another has taken it.
  now += 3_600_000;
  await leases.release('projections', 'one');
  expect(await leases.acquire('projections', 'other', 1_000)).toBe(true);
  await until(() => !one.isHeld());
  await leases.release('projections', 'other');
  await until(() => one.isHeld());
  expect(said).toEqual(['one gained', 'one lost', 'one gained']);
});

it('holds on while the store of the leases is away: nobody else can get it either', async () => {
  const leases = embeddedLeases();
  let [away, asked] = [false, 0];
  const shaky: Leases = {
    ...leases,
    async renew(...args) {
      asked += 1;
      if (away) throw new StoreUnavailable('MONGODB_URL', new Error('away'));
      return leases.renew(...args);
    },
  };
  const said: string[] = [];
  const one = holder(shaky, 'one', said);
  await until(() => one.isHeld());
  away = true;
  const before = asked;
  await until(() => asked > before + 5);
  expect([one.isHeld(), said]).toEqual([true, ['one gained']]);
});
