// Has a request done by this very process, when no server runs.
import { answerOf, unreached } from '../app/health.js';
import { buildApp } from '../app.js';
import type { Config } from '../config.js';
import type { Json, JsonObject } from '../domain/decider.js';
import { createLogger } from '../logger.js';
import { apiKeys } from '../projections/api-keys.js';

/** Whoever sits at a command line is told after so long, ms, that a server is away, or that the rows are far behind. */
const SERVER_WAIT_MS = 10_000;
const CATCH_UP_MS = 120_000;

/**
 * Opens everything without HTTP and without sending webhooks: those that are due go out at the server's next start. On
 * servers this is one more process, which sees to the read models when no other does.
 */
export const performAlone = async (config: Config, request: JsonObject): Promise<Json> => {
  // Standard output is for the answer.
  const { logger } = createLogger('silent');
  const own: Config = { ...config, ROLES: ['api', 'projections'] };
  const late = AbortSignal.timeout(SERVER_WAIT_MS);
  const app = await buildApp(own, logger, undefined, late).catch((error: unknown) => {
    throw late.aborted ? new Error('EVENTSTORE_URL: the server does not answer.') : error;
  });
  try {
    // Nothing that is asked for here is in Redis.
    const away = await unreached(app.stores, { ...config, REDIS_URL: undefined }, apiKeys.name);
    if (away.length > 0) throw new Error(away.join('\n'));
    await answerOf(app.follow(), CATCH_UP_MS);
    return await app.answersCli(request);
  } finally {
    await app.stop();
  }
};
