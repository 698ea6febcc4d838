// The process: settings, start, stop on SIGTERM and SIGINT.
import { type App, buildApp } from './app.js';
import { loadConfig } from './config.js';
import { createLogger } from './logger.js';

/** Says one plain sentence and ends; a stack would help nobody who runs the server. */
const refuse = (error: unknown): never => {
  console.error(`core-api cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
};

/** Aborted by the first signal to stop. */
const stopping = new AbortController();

const run = async () => {
  const config = loadConfig();
  const { logger, end: endLog } = createLogger(config.LOG_LEVEL);
  let app: App | undefined;
  const end = async (code: number) => {
    await endLog();
    process.exit(code);
  };
  const stop = (signal: string) => {
    if (stopping.signal.aborted) process.exit(1); // the second signal means now
    logger.info({ signal }, 'stopping');
    stopping.abort();
    // Without an app a server is being waited for: that ends by itself now.
    app?.stop().then(
      () => end(0),
      (error: unknown) => {
        logger.error({ error: String(error) }, 'not stopped cleanly');
        end(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));

  const built = buildApp(config, logger, undefined, stopping.signal);
  const opened = await built.catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  if (!opened || stopping.signal.aborted) {
    await opened?.stop();
    return end(0);
  }
  app = opened;
  // Probes are answered while the stores are waited for; requests are told to come again.
  const url = await app.listen();
  const first = await app.start();
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

run().catch((error: unknown) => {
  // What was begun ends in whatever way when the process is stopped meanwhile.
  if (!stopping.signal.aborted) refuse(error);
});
