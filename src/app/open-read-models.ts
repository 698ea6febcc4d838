// Opens what is folded from the log, in memory or in MongoDB, and the leases beside it.
import { embeddedLeases } from '../adapters/lease/embedded.js';
import { openMongoLeases } from '../adapters/lease/mongodb.js';
import type { Leases } from '../adapters/lease/port.js';
import { embeddedReadModels } from '../adapters/read-models/embedded.js';
import { openMongoReadModels } from '../adapters/read-models/mongodb.js';
import type { ReadModels } from '../adapters/read-models/port.js';
import type { Described } from '../projections/fields.js';
import type { Opening } from './open-log.js';

/** Throws one plain sentence naming MONGODB_URL when it is refused; a server that is away is used once it is there. */
export const openReadModels = async (
  { config, report }: Opening,
  models: readonly Described[],
): Promise<ReadModels> => {
  const { MONGODB_URL: url, STORE_PREFIX: prefix } = config;
  return url === undefined
    ? embeddedReadModels(models)
    : openMongoReadModels({ url, prefix, report, models });
};

/** As openReadModels. */
export const openLeases = async ({ config, report }: Opening): Promise<Leases> => {
  const { MONGODB_URL: url, STORE_PREFIX: prefix } = config;
  return url === undefined ? embeddedLeases() : openMongoLeases({ url, prefix, report });
};
