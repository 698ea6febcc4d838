// Opens what Redis keeps where there is one: delivery queue, counters of limits, idempotency records, hints.
import { embeddedCounters } from '../adapters/counters/embedded.js';
import type { Counters } from '../adapters/counters/port.js';
import { openRedisCounters } from '../adapters/counters/redis.js';
import { openBullQueue } from '../adapters/delivery-queue/bullmq.js';
import { embeddedDeliveryQueue } from '../adapters/delivery-queue/embedded.js';
import type { DeliveryQueue } from '../adapters/delivery-queue/port.js';
import { noHints } from '../adapters/hints/embedded.js';
import type { Hints } from '../adapters/hints/port.js';
import { openRedisHints } from '../adapters/hints/redis.js';
import { openIdempotencyFile } from '../adapters/idempotency/embedded.js';
import type { Idempotency } from '../adapters/idempotency/port.js';
import { openRedisIdempotency } from '../adapters/idempotency/redis.js';
import type { Keyring } from '../adapters/seal.js';
import { type Opening, onCut } from './open-log.js';

/** Throws one plain sentence naming REDIS_URL when it is refused; a server that is away is used once it is there. */
export const openQueue = async ({ config, report }: Opening, logId: string): Promise<DeliveryQueue> => {
  const { REDIS_URL: url, STORE_PREFIX: prefix } = config;
  if (url !== undefined) return openBullQueue({ url, prefix, report, logId });
  return embeddedDeliveryQueue({
    onError: (error, job) => report.warn('a delivery could not be handled', { ...job, error: String(error) }),
  });
};

/** As openQueue. */
export const openCounters = async ({ config, report }: Opening, keys: Keyring): Promise<Counters> => {
  const { REDIS_URL: url, STORE_PREFIX: prefix } = config;
  return url === undefined
    ? embeddedCounters()
    : openRedisCounters({ url, prefix, report, nameKey: keys.counters });
};

/** As openQueue; where this is the only process there is nobody to tell. */
export const openHints = async ({ config, report, lock }: Opening, logId: string): Promise<Hints> => {
  const { REDIS_URL: url, STORE_PREFIX: prefix } = config;
  return url === undefined || lock ? noHints() : openRedisHints({ url, prefix, report, logId });
};

/** As openQueue. The log is opened before: what the records hold is judged by what the log holds. */
export const openIdempotency = async (
  { config, report }: Opening,
  keys: Keyring,
  logId: string,
): Promise<Idempotency> => {
  const { REDIS_URL: url, STORE_PREFIX: prefix, DATA_DIR: dir } = config;
  const key = keys.idempotency;
  return url === undefined
    ? openIdempotencyFile({ dir, key, onCut: onCut(report) })
    : openRedisIdempotency({ url, prefix, report, logId, key });
};
