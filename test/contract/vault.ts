// What every vault does. A further adapter supplies its set-up only.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Vault } from '../../src/adapters/vault/port.js';

export type VaultSetup = () => Promise<{
  vault: Vault;
  /** Another process on the same keys, after this one died without closing. */
  crash(): Promise<Vault>;
  dispose(): Promise<void>;
}>;

export const vaultContract = (name: string, setup: VaultSetup) =>
  describe(`vault: ${name}`, () => {
    let given: Awaited<ReturnType<VaultSetup>>;
    let person: string;
    beforeEach(async () => {
      given = await setup();
      person = randomUUID();
    });
    afterEach(() => given.dispose());

    test('there is no key until one is created', async () => {
      expect(await given.vault.get(person)).toBeUndefined();
    });

    test('a created key has 32 bytes and stays, also after a crash', async () => {
      const key = await given.vault.create(person);
      expect(key).toHaveLength(32);
      expect(await given.vault.get(person)).toEqual(key);
      expect(await given.vault.create(person)).toEqual(key);
      const next = await given.crash();
      expect(await next.get(person)).toEqual(key);
      expect(await next.create(person)).toEqual(key);
    });

    test('ten creations at once give one key', async () => {
      const keys = await Promise.all(Array.from({ length: 10 }, () => given.vault.create(person)));
      expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
      expect(await (await given.crash()).get(person)).toEqual(keys[0]);
    });

    test('persons have keys of their own', async () => {
      const keys = await Promise.all([person, randomUUID()].map((each) => given.vault.create(each)));
      expect(keys[0]).not.toEqual(keys[1]);
    });

    test('a destroyed key is gone for good, also after a crash, and others stay', async () => {
      const other = randomUUID();
      const [, kept] = [await given.vault.create(person), await given.vault.create(other)];
      await given.vault.destroy(person);
      await given.vault.destroy(person);
      for (const vault of [given.vault, await given.crash()]) {
        expect(await vault.get(person)).toBeUndefined();
        await expect(vault.create(person)).rejects.toThrow('destroyed');
        expect(await vault.get(other)).toEqual(kept);
      }
    });

    test('a key that never was can be destroyed, and is then not created', async () => {
      await given.vault.destroy(person);
      await expect(given.vault.create(person)).rejects.toThrow('destroyed');
      await expect((await given.crash()).create(person)).rejects.toThrow('destroyed');
    });

    test('keys created while another is destroyed are kept', async () => {
      await given.vault.create(person);
      const others = Array.from({ length: 20 }, () => randomUUID());
      const [keys] = await Promise.all([
        Promise.all(others.map((each) => given.vault.create(each))),
        given.vault.destroy(person),
      ]);
      const later = await given.vault.create('later');
      const next = await given.crash();
      expect(await Promise.all(others.map((each) => next.get(each)))).toEqual(keys);
      expect(await next.get('later')).toEqual(later);
      expect(await next.get(person)).toBeUndefined();
    });

    test('whichever of creating and destroying comes first, the key is gone in the end', async () => {
      await Promise.allSettled([given.vault.create(person), given.vault.destroy(person)]);
      expect(await given.vault.get(person)).toBeUndefined();
      expect(await (await given.crash()).get(person)).toBeUndefined();
    });
  });
