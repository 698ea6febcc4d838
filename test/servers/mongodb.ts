// MongoDB for tests: MONGODB_URL, else a container, else FerretDB on SQLite, built from the Go module beside this file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  hasContainers,
  imageOf,
  type LocalServer,
  localServer,
  type Skipped,
  skippedBecause,
  type TestServer,
} from './server.js';

const moduleDir = resolve('test/servers/ferretdb');
const cacheDir = resolve('node_modules/.cache/core-api');
const longestBuildMs = 900_000;

const inContainer = async (): Promise<TestServer> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const image = await imageOf('mongodb');
  const container = await new GenericContainer(image)
    .withExposedPorts(27017)
    .withWaitStrategy(Wait.forLogMessage('Waiting for connections'))
    .start();
  return {
    url: `mongodb://${container.getHost()}:${container.getMappedPort(27017)}`,
    used: `${image} in a container`,
    stop: async () => void (await container.stop()),
  };
};

const binaryPath = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(resolve(moduleDir, file)));
  return resolve(cacheDir, `ferretdb-${hash.digest('hex').slice(0, 12)}`);
};

/** Builds once, also when several test files ask at the same time: the others wait for the folder to go. */
const build = async (binary: string) => {
  const lock = `${binary}.building`;
  await mkdir(cacheDir, { recursive: true });
  while (!existsSync(binary)) {
    const mine = await mkdir(lock).then(
      () => true,
      () => false,
    );
    if (!mine) {
      const since = await stat(lock).then(({ mtimeMs }) => mtimeMs, Date.now);
      if (Date.now() - since > longestBuildMs) await rm(lock, { recursive: true, force: true });
      await delay(500);
      continue;
    }
    try {
      console.info('MongoDB: building FerretDB, which takes some minutes the first time');
      const built = spawnSync('go', ['build', '-o', `${binary}.new`, '.'], {
        cwd: moduleDir,
        encoding: 'utf8',
        timeout: longestBuildMs,
      });
      if (built.status !== 0) throw new Error(`go build failed:\n${built.stderr}`);
      await rename(`${binary}.new`, binary);
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
};

/** FerretDB as a process of this machine, for tests that kill it or freeze it. */
export const startLocalMongo = async (): Promise<LocalServer | Skipped> => {
  const binary = await binaryPath();
  if (!existsSync(binary)) {
    if (spawnSync('go', ['version']).status !== 0)
      return skippedBecause('there is no go to build FerretDB, which stands in for MongoDB');
    await build(binary);
  }
  return localServer(
    binary,
    (port, dir) => [`127.0.0.1:${port}`, dir],
    (port) => ({ url: `mongodb://127.0.0.1:${port}`, used: 'FerretDB 1.24.2 on SQLite in place of MongoDB' }),
  );
};

/** A server that may hold other data too: tests use databases of their own in it. */
export const startMongo = async (): Promise<TestServer | Skipped> => {
  const url = process.env['MONGODB_URL'];
  if (url) return { url, used: 'MONGODB_URL', stop: async () => undefined };
  return (await hasContainers()) ? inContainer() : startLocalMongo();
};
