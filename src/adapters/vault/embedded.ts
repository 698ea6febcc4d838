// The vault in a small synced file: a sealed key per person; a destroyed one leaves only the fact that it was.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Cut, openAppendFile, type SyncedWrite } from '../append-file.js';
import { seal, unseal } from '../seal.js';
import { KeyDestroyed, type Vault } from './port.js';

type Entry = { person: string; key: string | null };

const entry = (person: string, key: string | null): string => JSON.stringify({ person, key } satisfies Entry);

export type VaultFileOptions = {
  readonly dir: string;
  /** Purpose key that the persons' keys are sealed with. */
  readonly key: Buffer;
  readonly onCut?: (cut: Cut) => void;
  readonly write?: SyncedWrite;
};

/** Opens `vault.jsonl` in `dir`. Throws when it is damaged or sealed with another key. */
export const openVaultFile = async ({ dir, key, onCut, write }: VaultFileOptions): Promise<Vault> => {
  const path = join(dir, 'vault.jsonl');
  /** Sealed keys; null = destroyed. */
  const keys = new Map<string, string | null>();
  const visit = (record: Buffer) => {
    const found = JSON.parse(record.toString()) as Entry;
    keys.set(found.person, found.key);
  };
  const file = await openAppendFile({ path, format: 'vault 1', visit, onCut, write });
  const busy = new Map<string, Promise<void>>();

  const open = (person: string): Buffer | undefined => {
    const sealed = keys.get(person);
    return typeof sealed === 'string' ? unseal(key, sealed, person) : undefined;
  };

  /** One change of a person's key at a time. */
  const inTurn = <T>(person: string, work: () => Promise<T>): Promise<T> => {
    const result = (busy.get(person) ?? Promise.resolve()).then(work);
    const settled = result
      .then(() => undefined)
      .catch(() => undefined)
      .finally(() => busy.get(person) === settled && busy.delete(person));
    busy.set(person, settled);
    return result;
  };

  try {
    for (const [person, sealed] of keys) if (sealed !== null && open(person)) break;
  } catch (cause) {
    await file.close();
    throw new Error(`ENCRYPTION_KEY is not the key that ${path} was sealed with.`, { cause });
  }

  return {
    async get(person) {
      return open(person);
    },

    create: (person) =>
      inTurn(person, async () => {
        if (keys.get(person) === null) throw new KeyDestroyed();
        const held = open(person);
        if (held) return held;
        const made = randomBytes(32);
        const sealed = seal(key, made, person);
        await file.append(entry(person, sealed));
        keys.set(person, sealed);
        return made;
      }),

    destroy: (person) =>
      inTurn(person, async () => {
        if (keys.get(person) === null) return;
        await file.rewrite((record) => (record as Entry).person !== person, [entry(person, null)]);
        keys.set(person, null);
      }),

    close: () => file.close(),
  };
};
