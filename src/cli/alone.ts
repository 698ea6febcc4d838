// Has a request done by this very process, when no server runs.
import { buildApp } from '../app.js';
import type { Config } from '../config.js';
import type { Json, JsonObject } from '../domain/decider.js';
import { createLogger } from '../logger.js';
import { handleCliRequest } from './requests.js';

/** Opens everything without HTTP and without sending webhooks: those that are due go out at the server's next start. */
export const performAlone = async (config: Config, request: JsonObject): Promise<Json> => {
  // Standard output is for the answer.
  const app = await buildApp(config, createLogger('silent').logger);
  try {
    await app.follower.start();
    return await handleCliRequest({
      readModels: app.stores.readModels,
      bootstrap: app.bootstrap,
      apiKeys: app.commands.apiKeys,
      uses: app.commands.uses,
      waitFor: (position) => app.follower.waitFor(position),
      now: () => new Date(),
    })(request);
  } finally {
    await app.stop();
  }
};
