// Wires what follows the log: projections, reactors, the fan-out and the scheduler.
import { withNewer } from '../adapters/read-models/newer.js';
import { alwaysSure, type ReadModels, type Surely } from '../adapters/read-models/port.js';
import { batchesFinished, batchReactor } from '../commands/batch-reactor.js';
import { baseChangeReactor, baseChanges } from '../commands/entitlements/base-changes.js';
import { suspensionReactor, suspensions } from '../commands/entitlements/suspensions.js';
import { erasureReactor, erasures } from '../commands/erasure.js';
import { keyEndingReactor, keyEndings } from '../commands/key-endings.js';
import { namespaceEndings, namespaceReactor } from '../commands/namespace-endings.js';
import { rotationReactor, rotations } from '../commands/rotations.js';
import type { Config } from '../config.js';
import { apiKeyUsesHandler } from '../projections/api-key-uses.js';
import { apiKeys } from '../projections/api-keys.js';
import { keptIn } from '../projections/checkpoints.js';
import { type Follower, follower as newFollower } from '../projections/follower.js';
import type { Handler } from '../projections/handler.js';
import { newest } from '../projections/newest.js';
import { projectionHandler } from '../projections/runner.js';
import { workspaces } from '../projections/workspaces.js';
import type { Commands } from './commands.js';
import type { Deliveries } from './deliveries.js';
import { projections } from './models.js';
import type { Report } from './report.js';
import { surelyIn } from './requiring.js';
import type { Stores } from './stores.js';

export type Following = {
  readonly follower: Follower;
  /** The read models for answers: with keys and workspaces as the log has them, however far their rows lag. */
  readonly readModels: ReadModels;
  /** Makes sure of what answers refuse because of rows. */
  readonly surely: Surely;
  /** What a role does while it holds its lease, by the names of its handlers. */
  readonly works: Readonly<Record<'projections' | 'deliveries', readonly string[]>>;
  /** What every process that answers requests does for itself. */
  readonly own: readonly string[];
};

const namesOf = (...handlers: readonly Handler[]) => handlers.map(({ name }) => name);

/** `told` hears how far the handlers come that are fed here. */
export const wireFollowing = (deps: {
  readonly stores: Stores;
  readonly commands: Commands;
  readonly deliveries: Deliveries;
  readonly config: Config;
  readonly report: Report;
  readonly now: () => Date;
  readonly told: (name: string, position: number) => void;
}): Following => {
  const { stores, commands, deliveries, config, report, now, told } = deps;
  const { log, readModels } = stores;
  const { apiKeys: keys, batches, finishErasure, namespaces, plans, provisioning } = commands;
  // In memory nothing gets lost, a checkpoint costs nothing, and nobody else is behind.
  const shared = config.MONGODB_URL !== undefined;
  const progressOf = (model: { readonly name: string; readonly version: number }) =>
    keptIn(readModels, model, log.id, shared);
  const rows = [
    ...projections.map((projection) => projectionHandler(projection, readModels, log.id, shared)),
    apiKeyUsesHandler(readModels, log.id, shared),
  ];
  const finishing = [
    rotationReactor({ apiKeys: keys, progress: progressOf(rotations) }),
    batchReactor({ batches, progress: progressOf(batchesFinished), now }),
    erasureReactor({ finish: finishErasure, readModels, progress: progressOf(erasures) }),
    keyEndingReactor({ apiKeys: keys, log, readModels, progress: progressOf(keyEndings) }),
    namespaceReactor({ namespaces, readModels, progress: progressOf(namespaceEndings) }),
    baseChangeReactor({
      plans,
      workspaces: commands.workspaces,
      provisioning,
      progress: progressOf(baseChanges),
      now,
    }),
    suspensionReactor({ settle: provisioning.settleSuspension, progress: progressOf(suspensions) }),
  ];
  const delivering = [deliveries.subscriber.handler, deliveries.scheduler.handler];
  const { handler: newer, ...revising } = newest(log, [apiKeys, workspaces], (model) =>
    follower.positionOf(model),
  );
  const follower: Follower = newFollower(
    log,
    { projections: rows, reactors: [...finishing, ...delivering] },
    report,
    { shared, apart: shared ? [newer] : [], onMoved: told },
  );
  const surely = shared ? surelyIn(follower) : alwaysSure;
  return {
    follower,
    readModels: shared ? withNewer(readModels, revising, surely) : readModels,
    surely,
    works: { projections: namesOf(...rows, ...finishing), deliveries: namesOf(...delivering) },
    own: shared ? namesOf(newer) : [],
  };
};
