// Deliveries through the whole server on its three servers, from the published event to the receiver.
import { createServer } from 'node:http';
import { startCore } from './core.mjs';
import { cpuSecondsOf } from './process.mjs';

/** Answers 204 to everything; `reached(n)` resolves when n requests have come. */
const receiver = async () => {
  let count = 0;
  const waiting = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(204).end();
      count += 1;
      for (const { wanted, resolve } of waiting) if (count >= wanted) resolve();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    reached: (wanted) =>
      new Promise((resolve) => {
        if (count >= wanted) resolve();
        else waiting.push({ wanted, resolve });
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

/** Time until `operations` deliveries have come, spread over so many endpoints, in a fresh installation. */
export const deliver = async (env, { operations, endpoints }) => {
  const to = await receiver();
  const core = await startCore({ ...env, WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' }, [], 1);
  const post = async (path, body, expected) => {
    const response = await fetch(`${core.url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${core.keys[0]}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== expected) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
  try {
    for (let n = 0; n < endpoints; n++)
      await post('/webhooks', { url: `${to.url}${n}`, events: ['bench.happened'] }, 201);
    const cpu = cpuSecondsOf(core.pid);
    const started = performance.now();
    const arrived = to.reached(operations);
    const each = Array.from({ length: operations / endpoints }, (_, n) => n);
    await Promise.all(each.map((n) => post('/events', { type: 'bench.happened', data: { n } }, 202)));
    await arrived;
    const seconds = (performance.now() - started) / 1000;
    const cpuSeconds = cpu === undefined ? undefined : cpuSecondsOf(core.pid) - cpu;
    return { operations, seconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
  } finally {
    await core.stop();
    to.close();
  }
};
