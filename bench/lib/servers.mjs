// The servers that the row `servers` runs on: by their URLs, else programs of this machine; and which of them are real.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';

const DOUBLE = 'test/servers/eventstoredb-double/main.mjs';
const CACHE = 'node_modules/.cache/core-api';

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true) ?? socket.destroy());
    socket.on('error', () => resolve(false));
  });

/** Starts a program on a free port, with a folder of its own that `stop` removes. */
const local = async (command, argumentsFor, urlFor) => {
  const dir = mkdtempSync(join(tmpdir(), 'core-api-bench-server-'));
  const port = await freePort();
  const child = spawn(command, argumentsFor(port, dir), { stdio: ['ignore', 'ignore', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`);
    await delay(20);
  }
  const stop = () => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  return { url: urlFor(port), stop };
};

const eventStore = () =>
  local(
    process.execPath,
    (port, dir) => [DOUBLE, '--port', String(port), '--dir', dir],
    (port) => `esdb://127.0.0.1:${port}?tls=false`,
  );

const redis = () => {
  if (spawnSync('redis-server', ['--version']).status !== 0)
    throw new Error('There is neither REDIS_URL nor redis-server.');
  const kept = ['--save', '', '--appendonly', 'yes', '--loglevel', 'warning'];
  return local(
    'redis-server',
    (port, dir) => ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, ...kept],
    (port) => `redis://127.0.0.1:${port}`,
  );
};

const mongo = () => {
  const built = existsSync(CACHE)
    ? readdirSync(CACHE).find((name) => /^ferretdb-\w+$/.test(name))
    : undefined;
  if (!built)
    throw new Error('There is no MONGODB_URL, and `npm run test:servers` has not built FerretDB yet.');
  return local(
    join(CACHE, built),
    (port, dir) => [`127.0.0.1:${port}`, dir],
    (port) => `mongodb://127.0.0.1:${port}`,
  );
};

/** What each server says it is. The double says so itself, wherever it runs; FerretDB has a field of its own. */
const names = {
  async EVENTSTORE_URL(url) {
    const client = EventStoreDBClient.connectionString(url.replace(/^kurrentdb/, 'esdb'));
    const { serverVersion } = await client.capabilities;
    await client.dispose();
    const double = serverVersion.includes('double');
    return { is: double ? 'a test double of EventStoreDB' : `EventStoreDB ${serverVersion}`, real: !double };
  },
  async MONGODB_URL(url) {
    const client = new MongoClient(url);
    const info = await client.db('admin').command({ buildInfo: 1 });
    await client.close();
    const ferret = Object.keys(info).some((field) => /ferret/i.test(field));
    return { is: ferret ? 'FerretDB in place of MongoDB' : `MongoDB ${info.version}`, real: !ferret };
  },
  async REDIS_URL(url) {
    const client = new Redis(url);
    const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1];
    client.disconnect();
    return { is: `Redis ${version}`, real: true };
  },
};

/** Opens all three; `stop` ends those that were started here. Each has `url`, `is` (its name) and `real`. */
export const openServers = async () => {
  const starters = { EVENTSTORE_URL: eventStore, MONGODB_URL: mongo, REDIS_URL: redis };
  const opened = {};
  for (const [setting, start] of Object.entries(starters)) {
    const given = process.env[setting];
    const server = given ? { url: given, stop: () => undefined } : await start();
    opened[setting] = { ...server, ...(await names[setting](server.url)) };
  }
  const stop = () => {
    for (const server of Object.values(opened)) server.stop();
  };
  return { servers: opened, stop };
};
