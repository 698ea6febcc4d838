// Opens what is true: the event log and the vault, in DATA_DIR or in EventStoreDB.
import { openEmbeddedLog } from '../adapters/event-log/embedded.js';
import { openEventStoreLog } from '../adapters/event-log/eventstoredb.js';
import type { Lock } from '../adapters/event-log/lock.js';
import type { EventLog } from '../adapters/event-log/port.js';
import type { Keyring } from '../adapters/seal.js';
import { openVaultFile } from '../adapters/vault/embedded.js';
import { openEventStoreVault } from '../adapters/vault/eventstoredb.js';
import type { Vault } from '../adapters/vault/port.js';
import type { Config } from '../config.js';
import type { Metrics } from '../http/metrics.js';
import type { Report } from './report.js';

export type Opening = {
  readonly config: Config;
  readonly report: Report;
  readonly metrics: Metrics;
  /** The lock of DATA_DIR; undefined where nothing is kept there. */
  readonly lock: Lock | undefined;
  /** Ends the waiting for a server that is not there yet. */
  readonly signal: AbortSignal;
};

/** Files of DATA_DIR that ended in the middle of a write. */
export const onCut = (report: Report) => (cut: object) =>
  report.warn('cut an incomplete end off a file: the process had stopped in the middle of a write', cut);

/** Counts and times the appends, as the embedded log does by itself. */
const measured = (log: EventLog, metrics: Metrics): EventLog => ({
  ...log,
  async append(stream, events, expected) {
    const begun = performance.now();
    const appended = await log.append(stream, events, expected);
    metrics.logAppends.inc();
    metrics.logSyncSeconds.observe((performance.now() - begun) / 1_000);
    return appended;
  },
});

/** Throws one plain sentence when the folder is damaged, or the server is not for us. */
export const openLog = async ({ config, report, metrics, lock, signal }: Opening): Promise<EventLog> => {
  const { EVENTSTORE_URL: url, STORE_PREFIX: prefix, DATA_DIR: dir } = config;
  if (url !== undefined) return measured(await openEventStoreLog({ url, prefix, report, signal }), metrics);
  return openEmbeddedLog({
    dir,
    ...(lock ? { lock } : {}),
    onWarning: (message) => report.warn(message, {}),
    onSync: ({ appends, seconds }) => {
      metrics.logAppends.inc(appends);
      metrics.logSyncSeconds.observe(seconds);
    },
  });
};

/** Call when the log is open: the server is there then. Throws a sentence when it was sealed with another key. */
export const openVault = async ({ config, report }: Opening, keys: Keyring): Promise<Vault> => {
  const { EVENTSTORE_URL: url, STORE_PREFIX: prefix, DATA_DIR: dir } = config;
  return url === undefined
    ? openVaultFile({ dir, key: keys.vault, onCut: onCut(report) })
    : openEventStoreVault({ url, prefix, report, key: keys.vault });
};
