// The vault on EventStoreDB: one stream per person with one sealed key; a destroyed one is a tombstone.
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { appender } from '../event-log/eventstoredb-append.js';
import { type ConnectionOptions, connect, within } from '../event-log/eventstoredb-connection.js';
import { isStreamDeleted, isStreamMissing, unavailable } from '../event-log/eventstoredb-errors.js';
import { encoded, VAULT_CATEGORY } from '../event-log/eventstoredb-format.js';
import { pulled } from '../event-log/eventstoredb-read.js';
import { RevisionConflict } from '../event-log/port.js';
import { seal, unseal } from '../seal.js';
import { KeyDestroyed, type Vault } from './port.js';

export type EventStoreVaultOptions = ConnectionOptions & {
  /** Purpose key that the persons' keys are sealed with. */
  readonly key: Buffer;
  /** A key is asked for with every write; another process may destroy it, so it is not remembered for long, ms. */
  readonly rememberMs?: number;
};

const MAX_REMEMBERED = 10_000;
/** Name of the entry by which a start tells whether the sealing key is still the same. */
const CHECK = 'check';
const Entry = z.object({ key: z.string() });

type Look = { readonly sealed: string } | 'missing' | 'destroyed';

/** Runs what is done for one person in turn, so that what is remembered is never older than a change. */
const turns = () => {
  const busy = new Map<string, Promise<unknown>>();
  return <T>(person: string, work: () => Promise<T>): Promise<T> => {
    const result = (busy.get(person) ?? Promise.resolve()).then(work);
    const settled: Promise<unknown> = result
      .catch(() => undefined)
      .finally(() => busy.get(person) === settled && busy.delete(person));
    busy.set(person, settled);
    return result;
  };
};

/**
 * Opens the vault on a server that answers. Throws LogUnavailable, or a sentence naming ENCRYPTION_KEY when its keys
 * are sealed with another one. What is destroyed is unreadable at once, for other processes after ten seconds; it is
 * off the server's disk after the next scavenge.
 */
export const openEventStoreVault = async ({
  key,
  rememberMs = 10_000,
  ...options
}: EventStoreVaultOptions): Promise<Vault> => {
  const connection = connect(options);
  const { commands, prefix, limits } = connection;
  const appends = appender(commands, limits);
  const remembered = new LRUCache<string, Buffer>({ max: MAX_REMEMBERED, ttl: rememberMs });
  const inTurn = turns();
  const streamOf = (person: string) => `${prefix}${VAULT_CATEGORY}-${person}`;

  const look = async (person: string): Promise<Look> => {
    try {
      const read = commands.readStream(streamOf(person), { maxCount: 1 });
      for await (const { event } of pulled(read, limits.callMs))
        return { sealed: Entry.parse(event?.data).key };
      return 'missing';
    } catch (error) {
      if (isStreamMissing(error)) return 'missing';
      if (isStreamDeleted(error)) return 'destroyed';
      throw unavailable('reading the vault', error);
    }
  };

  const open = (person: string, sealed: string): Buffer => {
    const opened = unseal(key, sealed, person);
    remembered.set(person, opened);
    return opened;
  };

  const make = async (person: string): Promise<void> => {
    const entry = encoded({ type: 'KeyMade', data: { key: seal(key, randomBytes(32), person) } });
    try {
      await appends.append(streamOf(person), [entry], 'no_stream');
    } catch (error) {
      // Made or destroyed meanwhile, by this process or another: what is stored now counts.
      if (!(error instanceof RevisionConflict) && (await look(person)) !== 'destroyed') throw error;
    }
  };

  const create = async (person: string): Promise<Buffer> => {
    let found = await look(person);
    if (found === 'missing') {
      await make(person);
      found = await look(person);
    }
    if (typeof found === 'object') return open(person, found.sealed);
    throw new KeyDestroyed();
  };

  const checkKey = async (): Promise<void> => {
    const found = await look(CHECK);
    if (typeof found !== 'object') return make(CHECK);
    try {
      open(CHECK, found.sealed);
    } catch (cause) {
      const message = 'ENCRYPTION_KEY is not the key that the vault in EventStoreDB was sealed with.';
      throw new Error(message, { cause });
    }
  };
  try {
    await checkKey();
  } catch (error) {
    await connection.close();
    throw error;
  }

  return {
    async get(person) {
      return (
        remembered.get(person) ??
        inTurn(person, async () => {
          const found = await look(person);
          return typeof found === 'object' ? open(person, found.sealed) : undefined;
        })
      );
    },
    async create(person) {
      return remembered.get(person) ?? inTurn(person, () => create(person));
    },
    destroy: (person) =>
      inTurn(person, async () => {
        remembered.delete(person);
        try {
          await within(commands.tombstoneStream(streamOf(person)), limits.callMs, 'a deletion');
        } catch (error) {
          if (!isStreamDeleted(error)) throw unavailable('destroying a key', error, 'unknown');
        }
      }),
    async close() {
      await appends.close();
      await connection.close();
    },
  };
};
