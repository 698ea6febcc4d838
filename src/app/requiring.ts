// What answers rest on: without the rows of the read models nobody is told that something does not exist.
import { StoreUnavailable } from '../adapters/read-models/port.js';
import type { Config } from '../config.js';
import { DomainError } from '../domain/errors.js';
import type { GateDeps } from '../http/gate.js';
import { apiKeys } from '../projections/api-keys.js';
import type { Follower } from '../projections/follower.js';
import { workspaces } from '../projections/workspaces.js';

/** For the gate. Rows in memory do not get lost. */
export const requiring = (
  follower: Follower,
  config: Config,
  isServing: () => boolean,
): Required<Pick<GateDeps, 'requireRows' | 'confirmMissing'>> => {
  const requireWhole = () => {
    if (follower.isRebuilding())
      throw new StoreUnavailable('MONGODB_URL', new Error('the read models are being built again'));
  };
  return {
    requireRows() {
      if (!isServing())
        throw new DomainError('unavailable', 'The service is temporarily unavailable. Nothing was written.');
      requireWhole();
    },
    async confirmMissing() {
      if (config.MONGODB_URL === undefined) return;
      await follower.lookAt([apiKeys.name, workspaces.name]);
      requireWhole();
    },
  };
};
