// One measurement of the append row: `log` appends through the EventLog and reports its batches; `bare` writes batches of
// the same sizes with nothing but write and fdatasync.
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openEmbeddedLog } from '../../dist/adapters/event-log/embedded.js';

const APPENDS = 120_000;
const WARM_UP = 80_000;
const IN_FLIGHT = 256;
const [mode] = process.argv.slice(2);
let text = '';
for await (const chunk of process.stdin) text += chunk;
const dir = mkdtempSync(join(tmpdir(), 'core-api-append-'));

/** Runs the work and reports operations, time and CPU time of this process. */
const measured = async (operations, work) => {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { operations, seconds, cpuSeconds: (user + system) / 1e6 };
};

const id = '01980000-0000-7000-8000-';
const metadata = {
  at: new Date().toISOString(),
  audience: [`${id}000000000001`],
  actor: { key: `${id}000000000002`, user: `${id}000000000003` },
  commandId: `${id}000000000004`,
  correlationId: 'req_0123456789abcdef',
};
/** Made beforehand: what it costs to make events is not what is measured. */
const events = Array.from({ length: APPENDS }, (_, n) => [
  {
    id: id + n.toString(16).padStart(12, '0'),
    type: 'BenchAppended',
    data: { n, workspaceId: `${id}000000000001` },
    metadata,
  },
]);
const revisions = new Array(IN_FLIGHT).fill(-1);

/** Each of the 256 appends to a stream of its own, with the exact revision, one after the other. */
const appendAll = async (log, count) => {
  let next = 0;
  const worker = async (_, stream) => {
    const name = `bench-${id}${stream.toString(16).padStart(12, '0')}`;
    for (let n = next++; n < count; n = next++) {
      const revision = revisions[stream];
      const appended = await log.append(name, events[n], revision === -1 ? 'no_stream' : revision);
      revisions[stream] = appended.revision;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
};

if (mode === 'log') {
  let batches = [];
  const log = await openEmbeddedLog({ dir, onSync: ({ bytes }) => batches.push(bytes) });
  await appendAll(log, WARM_UP);
  batches = [];
  const result = await measured(APPENDS, () => appendAll(log, APPENDS));
  await log.close();
  console.log(JSON.stringify({ ...result, batches, bytes: statSync(join(dir, 'events.log')).size }));
} else {
  const { batches } = JSON.parse(text);
  const file = openSync(join(dir, 'bare.log'), 'a');
  const buffer = Buffer.alloc(Math.max(...batches), 'x');
  const sync = promisify(fdatasync);
  const result = await measured(APPENDS, async () => {
    for (const length of batches) {
      writeSync(file, buffer, 0, length);
      await sync(file);
    }
  });
  closeSync(file);
  console.log(JSON.stringify(result));
}
rmSync(dir, { recursive: true, force: true });
