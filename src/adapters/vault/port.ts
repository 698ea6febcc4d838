// The vault: one key per person (design 7.11). Destroying it makes that person's data unreadable everywhere.
// Every adapter passes test/contract/vault.ts.

/** Nothing can be sealed for somebody who was erased. */
export class KeyDestroyed extends Error {
  override readonly name = 'KeyDestroyed';
  constructor() {
    super('The key of this person was destroyed.');
  }
}

export interface Vault {
  /** 32 bytes, or undefined when never created or destroyed. */
  get(person: string): Promise<Buffer | undefined>;
  /** Creates the key, durably; the existing one when there is one. Throws KeyDestroyed when it was destroyed. */
  create(person: string): Promise<Buffer>;
  /** Forgets the key for good, durably; the bytes are overwritten where the medium allows. */
  destroy(person: string): Promise<void>;
  close(): Promise<void>;
}
