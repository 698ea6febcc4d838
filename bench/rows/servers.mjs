// The product on EventStoreDB, MongoDB and Redis against bare loops on the same servers. What is no such server gives no
// figure: there, and with --dry, everything runs to its end once, on little.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { deliver } from '../lib/deliveries.mjs';
import { alternate } from '../lib/pairs.mjs';
import { openServers } from '../lib/servers.mjs';

/** One child per measurement, so that neither side inherits the other's heap. */
const work = (mode, input) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['bench/lib/servers-work.mjs', mode], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.on('close', (code) =>
      code === 0
        ? resolve(JSON.parse(text))
        : reject(new Error(`servers-work.mjs ${mode} ended with ${code}`)),
    );
    child.stdin.end(JSON.stringify(input));
  });

const freshPrefix = () => `b${randomBytes(6).toString('hex')}_`;
const slower = (one, other) =>
  one.operations / one.seconds < other.operations / other.seconds ? one : other;

/** The rows: what is measured, against what, on which servers, how much of it (and how little when dry). */
const rowsOn = ({ EVENTSTORE_URL, MONGODB_URL, REDIS_URL }, size) => {
  const { url } = EVENTSTORE_URL;
  const child = (mode, input) => () => work(mode, { url, prefix: freshPrefix(), ...input });
  const updates = { operations: size(20_000, 80), inFlight: 64 };
  const filled = { url, prefix: freshPrefix(), operations: size(100_000, 100), lanes: size(2_000, 5) };
  const sent = { operations: size(20_000, 40), endpoints: size(50, 4) };
  const core = () => ({
    EVENTSTORE_URL: url,
    MONGODB_URL: MONGODB_URL.url,
    REDIS_URL: REDIS_URL.url,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    STORE_PREFIX: freshPrefix(),
  });
  return [
    {
      name: 'Commands of one append, 64 in flight on 64 streams',
      on: [EVENTSTORE_URL],
      target: 0.8,
      subject: { name: 'updates of workspaces', measure: child('commands', { ...updates, lanes: 64 }) },
      baseline: {
        name: 'appendToStream, same payload',
        measure: child('appends', { ...updates, lanes: 64 }),
      },
    },
    {
      name: 'Commands of one append, 64 in flight on 8 streams',
      on: [EVENTSTORE_URL],
      target: 1,
      subject: { name: 'updates of workspaces', measure: child('commands', { ...updates, lanes: 8 }) },
      baseline: { name: 'appendToStream, same payload', measure: child('appends', { ...updates, lanes: 8 }) },
    },
    {
      name: 'Projections catching up',
      on: [EVENTSTORE_URL, MONGODB_URL],
      target: 0.6,
      prepare: () => work('fill', filled),
      subject: {
        name: 'every projection, from empty collections',
        measure: () => work('catch-up', { ...filled, mongoUrl: MONGODB_URL.url }),
      },
      baseline: { name: 'a loop over subscribeToAll', measure: () => work('subscribe', filled) },
    },
    {
      name: 'Deliveries',
      on: [EVENTSTORE_URL, MONGODB_URL, REDIS_URL],
      target: 0.5,
      subject: { name: 'published events until they are received', measure: () => deliver(core(), sent) },
      baseline: {
        name: 'the slower of no-op jobs and appends of outcomes',
        async measure() {
          const { operations } = sent;
          const jobs = { operations, redisUrl: REDIS_URL.url, inFlight: 500 };
          const outcomes = { operations, lanes: sent.endpoints, group: 5 };
          return slower(await child('jobs', jobs)(), await child('outcomes', outcomes)());
        },
      },
    },
  ];
};

export const run = async () => {
  const { servers, stop } = await openServers();
  const asked = process.argv.includes('--dry');
  for (const [setting, { is }] of Object.entries(servers)) console.log(`${setting}: ${is}`);
  const results = [];
  try {
    const isReal = ({ on }) => on.every(({ real }) => real);
    for (const [index, row] of rowsOn(servers, (full) => full).entries()) {
      const dry = asked || !isReal(row);
      if (!dry) {
        await row.prepare?.();
        results.push(await alternate({ ...row, pairs: 5 }));
        continue;
      }
      const small = rowsOn(servers, (_, little) => little)[index];
      await small.prepare?.();
      await small.subject.measure();
      await small.baseline.measure();
      const why = asked ? 'a dry run' : row.on.flatMap(({ is, real }) => (real ? [] : [is])).join(' and ');
      results.push({ name: row.name, note: `ran to its end; no figure: ${why}` });
    }
  } finally {
    stop();
  }
  return results;
};
