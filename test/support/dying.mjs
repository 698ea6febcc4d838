// The built server, which kills itself with -9 where it is about to append an event of the type that DIES_BEFORE names.
import { buildApp } from '../../dist/app.js';
import { loadConfig } from '../../dist/config.js';
import { createLogger } from '../../dist/logger.js';

const app = await buildApp(loadConfig(), createLogger('silent').logger);
const { log } = app.stores;
const { append } = log;
log.append = (stream, events, expected) => {
  if (events.some(({ type }) => type === process.env.DIES_BEFORE)) process.kill(process.pid, 'SIGKILL');
  return append(stream, events, expected);
};
await app.start();
console.log(`core-api listens on ${await app.listen()}`);
