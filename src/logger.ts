// The log of the process: one JSON object a line. Nothing secret is ever passed to it, so nothing is redacted.
import pino from 'pino';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** Lines wait no longer than this, or until there are so many bytes of them: a write each would cost more than a request. */
const FLUSH_MS = 100;
const BATCH_BYTES = 8_192;

/** At the end whoever reads the log has so long to take the last lines. */
const LAST_FLUSH_MS = 1_000;

/**
 * `level` as in LOG_LEVEL. `end` writes what is still waiting: await it before the process exits. It takes a second at
 * most, and what nobody reads by then is lost: pino's own last write, at the exit, tries a broken or a full pipe for ever.
 */
export const createLogger = (level: string): { logger: Logger; end(): Promise<void> } => {
  const destination = pino.destination({ fd: 1, sync: false, minLength: BATCH_BYTES });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const timer = setInterval(() => destination.flush(), FLUSH_MS);
  timer.unref();
  const end = () =>
    new Promise<void>((resolve) => {
      clearInterval(timer);
      const limit = setTimeout(() => {
        destination.flushSync = () => undefined;
        resolve();
      }, LAST_FLUSH_MS);
      destination.flush(() => {
        clearTimeout(limit);
        resolve();
      });
    });
  return { logger, end };
};
