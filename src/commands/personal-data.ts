// Personal data at rest: texts sealed with a key of each person's own, and addresses known by their hash.
import { LRUCache } from 'lru-cache';
import { hmac, seal, unseal } from '../adapters/seal.js';
import { KeyDestroyed, type Vault } from '../adapters/vault/port.js';
import type { Soon } from '../domain/soon.js';

export type PersonalData = {
  /**
   * Seals a text for a person (UUID), whose key is made when there is none. `field` ties the text to its place. Throws
   * KeyDestroyed for a person who was erased.
   */
  seal(person: string, field: string, text: string): Promise<string>;
  /** The text; null once the person's key was destroyed, which makes it unreadable everywhere. */
  open(person: string, field: string, sealed: string): Promise<string | null>;
  /** A client address of a person, sealed; undefined for a person who was erased: nothing is kept of them. */
  sealAddress(person: string, address: string): Soon<string | undefined>;
  /** Destroys the person's key for good, durably. Doing it twice does it once. */
  erase(person: string): Promise<void>;
  /** The same for two spellings of one address that differ in case only. */
  hashEmail(address: string): string;
};

/** Addresses that are remembered of one person. */
const MOST_ADDRESSES = 100;

/** `emailKey`: key of the address hashes (32 bytes). */
export const personalData = (vault: Vault, emailKey: Buffer): PersonalData => {
  // A client writes many times from one address: the same seal serves.
  const addresses = new LRUCache<string, Map<string, string>>({ max: 10_000, ttl: 300_000 });
  /** Persons erased here lately: what was begun before must not end after. */
  const erased = new LRUCache<string, true>({ max: 10_000 });

  const sealText = async (person: string, field: string, text: string): Promise<string> =>
    seal(await vault.create(person), text, `${person}.${field}`);

  const newAddress = async (person: string, address: string): Promise<string | undefined> => {
    try {
      const sealed = await sealText(person, 'ip', address);
      const mine = addresses.get(person) ?? new Map<string, string>();
      if (mine.size >= MOST_ADDRESSES) mine.clear();
      mine.set(address, sealed);
      addresses.set(person, mine);
      return erased.has(person) ? undefined : sealed;
    } catch (error) {
      if (error instanceof KeyDestroyed) return undefined;
      throw error;
    }
  };

  return {
    seal: sealText,
    async open(person, field, sealed) {
      const key = await vault.get(person);
      return key ? unseal(key, sealed, `${person}.${field}`).toString('utf8') : null;
    },
    sealAddress(person, address) {
      const known = addresses.get(person)?.get(address);
      return known !== undefined && !erased.has(person) ? known : newAddress(person, address);
    },
    async erase(person) {
      erased.set(person, true);
      addresses.delete(person);
      await vault.destroy(person);
    },
    hashEmail: (address) => hmac(emailKey, address.normalize('NFC').toLowerCase()),
  };
};
