// Opens the stores: each port in the form that the settings choose.
import { embeddedCounters } from '../adapters/counters/embedded.js';
import type { Counters } from '../adapters/counters/port.js';
import { embeddedDeliveryQueue } from '../adapters/delivery-queue/embedded.js';
import type { DeliveryQueue } from '../adapters/delivery-queue/port.js';
import { openEmbeddedLog } from '../adapters/event-log/embedded.js';
import { acquireLock, type Lock } from '../adapters/event-log/lock.js';
import type { EventLog } from '../adapters/event-log/port.js';
import { openIdempotencyFile } from '../adapters/idempotency/embedded.js';
import type { Idempotency } from '../adapters/idempotency/port.js';
import { embeddedReadModels } from '../adapters/read-models/embedded.js';
import type { Model, ReadModels } from '../adapters/read-models/port.js';
import { type Keyring, keyring, loadEncryptionKey } from '../adapters/seal.js';
import { openVaultFile } from '../adapters/vault/embedded.js';
import type { Vault } from '../adapters/vault/port.js';
import type { Config } from '../config.js';
import type { Metrics } from '../http/metrics.js';
import type { Report } from './report.js';

export type Stores = {
  readonly lock: Lock;
  readonly keys: Keyring;
  readonly log: EventLog;
  readonly readModels: ReadModels;
  readonly queue: DeliveryQueue;
  readonly counters: Counters;
  readonly idempotency: Idempotency;
  readonly vault: Vault;
  /** Closes all of them, the log and the lock last. */
  close(): Promise<void>;
};

const serverSettings = ['EVENTSTORE_URL', 'MONGODB_URL', 'REDIS_URL'] as const;

/** Throws one plain sentence when servers are asked for, and when the folder is in use, damaged, or sealed with another key. */
export const openStores = async (
  config: Config,
  models: readonly Model[],
  report: Report,
  metrics: Metrics,
): Promise<Stores> => {
  const asked = serverSettings.filter((name) => config[name] !== undefined);
  if (asked.length > 0)
    throw new Error(
      `${asked.join(', ')} cannot be used yet: this version keeps everything in DATA_DIR. Remove the setting to start.`,
    );
  const dir = config.DATA_DIR;
  const lock = await acquireLock(dir);
  const onCut = (cut: object) =>
    report.warn('cut an incomplete end off a file: the process had stopped in the middle of a write', cut);
  try {
    const keys = keyring(
      await loadEncryptionKey({
        dir,
        ...(config.ENCRYPTION_KEY ? { configured: config.ENCRYPTION_KEY } : {}),
      }),
    );
    // The log first: what the idempotency file holds is judged by what the log holds.
    const log = await openEmbeddedLog({
      dir,
      lock,
      onWarning: (message) => report.warn(message, {}),
      onSync: ({ appends, seconds }) => {
        metrics.logAppends.inc(appends);
        metrics.logSyncSeconds.observe(seconds);
      },
    });
    const idempotency = await openIdempotencyFile({ dir, key: keys.idempotency, onCut });
    const vault = await openVaultFile({ dir, key: keys.vault, onCut });
    const readModels = embeddedReadModels(models);
    const queue = embeddedDeliveryQueue({
      onError: (error, job) =>
        report.warn('a delivery could not be handled', { ...job, error: String(error) }),
    });
    const counters = embeddedCounters();
    return {
      lock,
      keys,
      log,
      readModels,
      queue,
      counters,
      idempotency,
      vault,
      async close() {
        await Promise.all([queue.close(), counters.close(), readModels.close()]);
        await Promise.all([idempotency.close(), vault.close()]);
        await log.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
};
