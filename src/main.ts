// The process: settings, start, stop on SIGTERM and SIGINT.
import { buildApp } from './app.js';
import { loadConfig } from './config.js';
import { createLogger } from './logger.js';

/** Says one plain sentence and ends; a stack would help nobody who runs the server. */
const refuse = (error: unknown): never => {
  console.error(`core-api cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
};

const run = async () => {
  const config = loadConfig();
  const { logger, flush } = createLogger(config.LOG_LEVEL);
  const app = await buildApp(config, logger);
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) process.exit(1); // the second signal means now
    stopping = true;
    logger.info({ signal }, 'stopping');
    app.stop().then(
      () => {
        flush();
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ error: String(error) }, 'not stopped cleanly');
        flush();
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));

  const first = await app.start();
  const url = await app.listen();
  console.log(`core-api listens on ${url}`);
  if (config.WEBHOOK_ALLOW_PRIVATE_TARGETS)
    console.log(
      'WARNING: WEBHOOK_ALLOW_PRIVATE_TARGETS is on: webhooks may go to http and private addresses. Not for production.',
    );
  if (first.note) console.log(first.note);
  if (first.key)
    console.log(`
Your first API key, shown this once:

  ${first.key}
`);
  await first.shown();
};

run().catch(refuse);
