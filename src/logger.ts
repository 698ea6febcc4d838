// The log of the process: one JSON object a line. Nothing secret is ever passed to it, so nothing is redacted.
import pino from 'pino';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** Lines wait no longer than this, or until there are so many bytes of them: a write each would cost more than a request. */
const FLUSH_MS = 100;
const BATCH_BYTES = 8_192;

/** `level` as in LOG_LEVEL. `flush` writes what is still waiting and stops: call it at the end. */
export const createLogger = (level: string): { logger: Logger; flush(): void } => {
  const destination = pino.destination({ fd: 1, sync: false, minLength: BATCH_BYTES });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const timer = setInterval(() => destination.flush(), FLUSH_MS);
  timer.unref();
  const flush = () => {
    clearInterval(timer);
    try {
      destination.flushSync();
    } catch {} // standard output is gone: there is nobody left to tell
  };
  process.once('exit', flush);
  return { logger, flush };
};
