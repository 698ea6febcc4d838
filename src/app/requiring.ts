// What answers rest on: without the rows of the read models nobody is told that something does not exist.
import { StoreUnavailable, type Surely } from '../adapters/read-models/port.js';
import { DomainError } from '../domain/errors.js';
import type { GateDeps } from '../http/gate.js';
import type { Follower } from '../projections/follower.js';

/** Throws StoreUnavailable while rows that were there are missing. */
const requireWhole = (follower: Follower) => {
  if (follower.isRebuilding())
    throw new StoreUnavailable('MONGODB_URL', new Error('the read models are being built again'));
};

/**
 * Looks at the store itself: what was lost a moment ago is noticed, also while a database is only half gone. What was
 * read before the look was read from whole rows if these are still the same.
 */
export const surelyIn =
  (follower: Follower): Surely =>
  async (models, read, isSure) => {
    const builds = () => models.map((model) => follower.buildOf(model)).join();
    for (;;) {
      const before = builds();
      const found = await read();
      requireWhole(follower);
      if (isSure(found)) return found;
      await follower.lookAt(models);
      requireWhole(follower);
      if (builds() === before) return found;
    }
  };

/** For the gate: throws while requests cannot be answered. */
export const requiring =
  (follower: Follower, isServing: () => boolean): NonNullable<GateDeps['requireRows']> =>
  () => {
    if (!isServing())
      throw new DomainError('unavailable', 'The service is temporarily unavailable. Nothing was written.');
    requireWhole(follower);
  };
