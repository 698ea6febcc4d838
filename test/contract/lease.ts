// What every store of leases does. A further adapter supplies its set-up only.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Leases } from '../../src/adapters/lease/port.js';

export type LeasesSetup = () => Promise<{
  leases: Leases;
  /** The time that the leases go by, in Unix ms. */
  clock: { now: number };
  dispose(): Promise<void>;
}>;

export const leasesContract = (name: string, setup: LeasesSetup) =>
  describe(`leases: ${name}`, () => {
    let given: Awaited<ReturnType<LeasesSetup>>;
    let leases: Leases;
    let lease: string;
    beforeEach(async () => {
      given = await setup();
      ({ leases } = given);
      lease = `projections ${randomUUID()}`;
    });
    afterEach(() => given.dispose());

    test('a free lease is taken, and refused to others until its time is over', async () => {
      expect(await leases.acquire(lease, 'one', 1000)).toBe(true);
      given.clock.now += 999;
      expect(await leases.acquire(lease, 'two', 1000)).toBe(false);
      given.clock.now += 1;
      expect(await leases.acquire(lease, 'two', 1000)).toBe(true);
      expect(await leases.acquire(lease, 'one', 1000)).toBe(false);
    });

    test('of twenty that ask at once one gets it, also when it has lapsed', async () => {
      const ask = async (round: string) => {
        const answers = Array.from({ length: 20 }, (_, at) =>
          leases.acquire(lease, `holder ${round} ${at}`, 1000),
        );
        return (await Promise.all(answers)).filter(Boolean).length;
      };
      expect(await ask('first')).toBe(1);
      given.clock.now += 1000;
      expect(await ask('second')).toBe(1);
    });

    test('its holder may take it again, which prolongs it', async () => {
      await leases.acquire(lease, 'one', 1000);
      given.clock.now += 600;
      expect(await leases.acquire(lease, 'one', 1000)).toBe(true);
      given.clock.now += 600;
      expect(await leases.acquire(lease, 'two', 1000)).toBe(false);
    });

    test('renewing prolongs it; what was never taken, was released or taken over is not renewed', async () => {
      expect(await leases.renew(lease, 'one', 1000)).toBe(false);
      await leases.acquire(lease, 'one', 1000);
      given.clock.now += 600;
      expect(await leases.renew(lease, 'one', 1000)).toBe(true);
      given.clock.now += 600;
      expect(await leases.acquire(lease, 'two', 1000)).toBe(false);
      given.clock.now += 400;
      expect(await leases.acquire(lease, 'two', 1000)).toBe(true);
      expect(await leases.renew(lease, 'one', 1000)).toBe(false);
      await leases.release(lease, 'two');
      expect(await leases.renew(lease, 'two', 1000)).toBe(false);
    });

    test('a lapsed lease that nobody else took is still renewed', async () => {
      await leases.acquire(lease, 'one', 1000);
      given.clock.now += 5000;
      expect(await leases.renew(lease, 'one', 1000)).toBe(true);
      expect(await leases.acquire(lease, 'two', 1000)).toBe(false);
    });

    test('released, it is free at once; releasing another’s changes nothing', async () => {
      await leases.acquire(lease, 'one', 1000);
      await leases.release(lease, 'two');
      expect(await leases.acquire(lease, 'two', 1000)).toBe(false);
      await leases.release(lease, 'one');
      expect(await leases.acquire(lease, 'two', 1000)).toBe(true);
    });

    test('leases of other names are others', async () => {
      await leases.acquire(lease, 'one', 1000);
      expect(await leases.acquire(`${lease} too`, 'two', 1000)).toBe(true);
    });
  });
