// What answers rest on: without the rows of the read models nobody is told that something does not exist.
import type { Confirm } from '../adapters/read-models/newer.js';
import { type ReadModels, StoreUnavailable } from '../adapters/read-models/port.js';
import { DomainError } from '../domain/errors.js';
import type { GateDeps } from '../http/gate.js';
import { apiKeys } from '../projections/api-keys.js';
import type { Follower } from '../projections/follower.js';
import { workspaces } from '../projections/workspaces.js';

/** Throws StoreUnavailable while rows that were there are missing. */
const requireWhole = (follower: Follower) => {
  if (follower.isRebuilding())
    throw new StoreUnavailable('MONGODB_URL', new Error('the read models are being built again'));
};

/** Read models that are never empty: who deletes the last row leaves a tombstone. */
const lasting: ReadonlySet<string> = new Set([apiKeys.name, workspaces.name]);

/** Looks at the store itself: what was lost a moment ago is noticed, also while a database is only half gone. */
export const confirmIn =
  (follower: Follower, readModels: ReadModels): Confirm =>
  async (model) => {
    await follower.lookAt([model]);
    requireWhole(follower);
    if (!lasting.has(model)) return;
    const [any] = await readModels.find(model, { where: [], limit: 1, deleted: true });
    if (!any) throw new StoreUnavailable('MONGODB_URL', new Error(`the rows of ${model} are gone`));
  };

/** For the gate: throws while requests cannot be answered. */
export const requiring =
  (follower: Follower, isServing: () => boolean): NonNullable<GateDeps['requireRows']> =>
  () => {
    if (!isServing())
      throw new DomainError('unavailable', 'The service is temporarily unavailable. Nothing was written.');
    requireWhole(follower);
  };
