// Every read model of the product.

import { embeddedReadModels } from '../adapters/read-models/embedded.js';
import type { Model, ReadModels, Row } from '../adapters/read-models/port.js';
import { batchesFinished } from '../commands/batch-reactor.js';
import { baseChanges } from '../commands/entitlements/base-changes.js';
import { suspensions } from '../commands/entitlements/suspensions.js';
import { erasures } from '../commands/erasure.js';
import { keyEndings } from '../commands/key-endings.js';
import { namespaceEndings } from '../commands/namespace-endings.js';
import { rotations } from '../commands/rotations.js';
import { apiKeyUses } from '../projections/api-key-uses.js';
import { apiKeys } from '../projections/api-keys.js';
import { deliveries } from '../projections/deliveries.js';
import { entitlements, meters } from '../projections/entitlements.js';
import type { Described } from '../projections/fields.js';
import { namespaces } from '../projections/namespaces.js';
import { pixelSites } from '../projections/pixel.js';
import type { Projection } from '../projections/projection.js';
import { seoIssues } from '../projections/seo.js';
import { usage } from '../projections/usage.js';
import { users } from '../projections/users.js';
import { webhookCounters } from '../projections/webhook-counters.js';
import { webhooks } from '../projections/webhooks.js';
import { workspaces } from '../projections/workspaces.js';

/** Projections whose rows fold one event into one row. */
export const projections: readonly Projection[] = [
  workspaces,
  namespaces,
  users,
  apiKeys,
  webhooks,
  webhookCounters,
  deliveries,
  usage,
  seoIssues,
  entitlements,
  meters,
  pixelSites,
];

export const models: readonly Described[] = [
  ...projections,
  apiKeyUses,
  rotations,
  batchesFinished,
  namespaceEndings,
  keyEndings,
  erasures,
  baseChanges,
  suspensions,
];

/** Rows in memory for the length of one piece of work. */
export const inMemory = async (model: Model, rows: readonly Row[]): Promise<ReadModels> => {
  const held = embeddedReadModels([model]);
  await held.apply(model.name, rows, { log: '', version: 1, position: 0 });
  return held;
};
