// Opens the stores: each port in the form that its setting chooses.
import type { Counters } from '../adapters/counters/port.js';
import type { DeliveryQueue } from '../adapters/delivery-queue/port.js';
import { acquireLock, DataDirHeld, type Lock } from '../adapters/event-log/lock.js';
import type { EventLog } from '../adapters/event-log/port.js';
import type { Hints } from '../adapters/hints/port.js';
import type { Idempotency } from '../adapters/idempotency/port.js';
import type { Leases } from '../adapters/lease/port.js';
import type { ReadModels } from '../adapters/read-models/port.js';
import { type Keyring, keyring, loadEncryptionKey } from '../adapters/seal.js';
import type { Vault } from '../adapters/vault/port.js';
import { type Config, missingServers } from '../config.js';
import type { Metrics } from '../http/metrics.js';
import type { Described } from '../projections/fields.js';
import { openLog, openVault } from './open-log.js';
import { openLeases, openReadModels } from './open-read-models.js';
import { openCounters, openHints, openIdempotency, openQueue } from './open-redis.js';
import type { Report } from './report.js';

export type Stores = {
  /** The lock of DATA_DIR. Undefined where all is kept in servers: then other processes may share it. */
  readonly lock: Lock | undefined;
  readonly keys: Keyring;
  readonly log: EventLog;
  readonly readModels: ReadModels;
  readonly leases: Leases;
  readonly hints: Hints;
  readonly queue: DeliveryQueue;
  readonly counters: Counters;
  readonly idempotency: Idempotency;
  readonly vault: Vault;
  /** Closes all of them, the log and the lock last. Rejects with the first failure, when it has tried them all. */
  close(): Promise<void>;
};

/** What was opened, to be closed in the opposite order whatever fails. */
const closing = () => {
  const closers: (() => Promise<void>)[] = [];
  return {
    async add<T extends { close(): Promise<void> }>(opened: Promise<T>): Promise<T> {
      const store = await opened;
      closers.push(() => store.close());
      return store;
    },
    async close() {
      const failures: unknown[] = [];
      for (const close of closers.splice(0).reverse())
        await close().catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    },
  };
};

/** Holds DATA_DIR, which is made if missing. Throws one sentence when another process has it. */
const lockOf = async (config: Config): Promise<Lock & { close(): Promise<void> }> => {
  const missing = missingServers(config);
  try {
    const lock = await acquireLock(config.DATA_DIR);
    return { ...lock, close: () => lock.release() };
  } catch (error) {
    if (!(error instanceof DataDirHeld) || missing.length === 3) throw error;
    const settings = `${missing.join(' and ')} too`;
    throw new DataDirHeld(config.DATA_DIR, `A second process on the same servers needs ${settings}.`);
  }
};

/**
 * Waits for EventStoreDB, saying so, until `signal` comes; other servers that are away are used once they are there.
 * Throws one plain sentence when a server is not for us, and when the folder is in use, damaged, or sealed with
 * another key.
 */
export const openStores = async (options: {
  readonly config: Config;
  readonly models: readonly Described[];
  readonly report: Report;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
}): Promise<Stores> => {
  const { config, models } = options;
  const { ENCRYPTION_KEY: configured, DATA_DIR: dir } = config;
  const { add, close } = closing();
  try {
    // With one of the servers missing there is something that no other process sees.
    const lock = missingServers(config).length > 0 ? await add(lockOf(config)) : undefined;
    const keys = keyring(await loadEncryptionKey({ dir, ...(configured ? { configured } : {}) }));
    const opening = { ...options, lock };
    const log = await add(openLog(opening));
    const vault = await add(openVault(opening, keys));
    const idempotency = await add(openIdempotency(opening, keys, log.id));
    const readModels = await add(openReadModels(opening, models));
    const leases = await add(openLeases(opening));
    const counters = await add(openCounters(opening, keys));
    const queue = await add(openQueue(opening, log.id));
    const hints = await add(openHints(opening, log.id));
    return { lock, keys, log, readModels, leases, hints, queue, counters, idempotency, vault, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
};
