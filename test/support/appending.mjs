// Appends to an embedded log in a process of its own and prints what was acknowledged, until it is ended.
// Arguments: the data directory, how many appends to keep in flight, bytes of text per event.
import { randomUUID } from 'node:crypto';
import { openEmbeddedLog } from '../../dist/adapters/event-log/embedded.js';

const [dir, inFlight, bytes] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const metadata = {
  at: new Date().toISOString(),
  audience: [],
  actor: { system: 'test' },
  commandId: randomUUID(),
  correlationId: randomUUID(),
};
const eventOf = (length) => ({
  id: randomUUID(),
  type: 'Counted',
  data: { text: 'x'.repeat(length) },
  metadata,
});

const log = await openEmbeddedLog({ dir }).catch((error) => {
  say({ refused: error.name });
  process.exit(3);
});
say({ opened: log.id });

const work = async (worker) => {
  for (;;) {
    const events = Array.from({ length: 1 + (worker % 3) }, () => eventOf(bytes));
    const { position } = await log.append(`worker-${worker}`, events, 'any');
    say({ position, ids: events.map(({ id }) => id) });
  }
};
try {
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));
} catch (error) {
  say({ failed: error.name, fate: error.fate, code: error.cause?.code });
  const { position } = await log.append('small-1', [eventOf(1)], 'any');
  say({ small: position });
  await log.close();
}
