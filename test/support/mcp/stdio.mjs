// The test server on standard input and output. `PIDS`: a file that gets its process id, a line for each start.
import { appendFileSync } from 'node:fs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { makeServer } from './server.mjs';

const { PIDS, TRACE, STUBBORN, GREETING } = process.env;
if (PIDS) appendFileSync(PIDS, `${process.pid}\n`);
if (GREETING) process.stderr.write(`${GREETING}\n`);
if (STUBBORN) {
  // Goes on whatever it is told.
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1_000);
}
const server = makeServer({
  trace: TRACE,
  die: () => process.exit(1),
  write: (text) => process.stdout.write(text),
});
await server.connect(new StdioServerTransport());
