// Has a request done by this very process, when no server runs.
import { buildApp } from '../app.js';
import type { Config } from '../config.js';
import type { Json, JsonObject } from '../domain/decider.js';
import { createLogger } from '../logger.js';

/**
 * Opens everything without HTTP and without sending webhooks: those that are due go out at the server's next start. On
 * servers this is one more process, which sees to the read models when no other does.
 */
export const performAlone = async (config: Config, request: JsonObject): Promise<Json> => {
  // Standard output is for the answer.
  const { logger } = createLogger('silent');
  const app = await buildApp({ ...config, ROLES: ['api', 'projections'] }, logger);
  try {
    await app.follow();
    return await app.answersCli(request);
  } finally {
    await app.stop();
  }
};
