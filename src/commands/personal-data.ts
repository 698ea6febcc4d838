// Personal data at rest: texts sealed with a key of each person's own, and addresses known by their hash.
import { hmac, seal, unseal } from '../adapters/seal.js';
import type { Vault } from '../adapters/vault/port.js';

export type PersonalData = {
  /** Seals a text for a person (UUID), whose key is made when there is none. `field` ties the text to its place. */
  seal(person: string, field: string, text: string): Promise<string>;
  /** The text; null once the person's key was destroyed, which makes it unreadable everywhere. */
  open(person: string, field: string, sealed: string): Promise<string | null>;
  /** The same for two spellings of one address that differ in case only. */
  hashEmail(address: string): string;
};

/** `emailKey`: key of the address hashes (32 bytes). */
export const personalData = (vault: Vault, emailKey: Buffer): PersonalData => ({
  seal: async (person, field, text) => seal(await vault.create(person), text, `${person}.${field}`),
  async open(person, field, sealed) {
    const key = await vault.get(person);
    return key ? unseal(key, sealed, `${person}.${field}`).toString('utf8') : null;
  },
  hashEmail: (address) => hmac(emailKey, address.normalize('NFC').toLowerCase()),
});
