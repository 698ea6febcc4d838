// Wires what follows the log: projections, reactors, the fan-out and the scheduler.
import { batchesFinished, batchReactor } from '../commands/batch-reactor.js';
import { erasureReactor, erasures } from '../commands/erasure.js';
import { keyEndingReactor, keyEndings } from '../commands/key-endings.js';
import { namespaceEndings, namespaceReactor } from '../commands/namespace-endings.js';
import { rotationReactor, rotations } from '../commands/rotations.js';
import type { Config } from '../config.js';
import { apiKeyUsesHandler } from '../projections/api-key-uses.js';
import { keptIn } from '../projections/checkpoints.js';
import { type Follower, follower } from '../projections/follower.js';
import { projectionHandler } from '../projections/runner.js';
import type { Commands } from './commands.js';
import type { Deliveries } from './deliveries.js';
import { projections } from './models.js';
import type { Report } from './report.js';
import type { Stores } from './stores.js';

export const wireFollowing = (
  stores: Stores,
  commands: Commands,
  deliveries: Deliveries,
  config: Config,
  report: Report,
  now: () => Date,
): Follower => {
  const { log, readModels } = stores;
  const { apiKeys, namespaces } = commands;
  // In memory nothing gets lost, and a checkpoint costs nothing.
  const shared = config.MONGODB_URL !== undefined;
  const progressOf = (model: { readonly name: string; readonly version: number }) =>
    keptIn(readModels, model, log.id, shared);
  return follower(
    log,
    {
      projections: [
        ...projections.map((projection) => projectionHandler(projection, readModels, log.id, shared)),
        apiKeyUsesHandler(readModels, log.id, shared),
      ],
      reactors: [
        rotationReactor({ apiKeys, progress: progressOf(rotations) }),
        batchReactor({ batches: commands.batches, progress: progressOf(batchesFinished), now }),
        erasureReactor({ finish: commands.finishErasure, readModels, progress: progressOf(erasures) }),
        keyEndingReactor({ apiKeys, log, readModels, progress: progressOf(keyEndings) }),
        namespaceReactor({ namespaces, readModels, progress: progressOf(namespaceEndings) }),
        deliveries.subscriber.handler,
        deliveries.scheduler.handler,
      ],
    },
    report,
    { shared },
  );
};
