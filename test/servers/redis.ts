// Redis for tests: REDIS_URL, else a container, else redis-server of this machine.
import { spawnSync } from 'node:child_process';
import {
  hasContainers,
  imageOf,
  type LocalServer,
  localServer,
  type Skipped,
  skippedBecause,
  type TestServer,
} from './server.js';

const inContainer = async (): Promise<TestServer> => {
  const { GenericContainer } = await import('testcontainers');
  const image = await imageOf('redis');
  const container = await new GenericContainer(image).withExposedPorts(6379).start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    used: `${image} in a container`,
    stop: async () => void (await container.stop()),
  };
};

/** A process of this machine, with further settings (the last of a name counts), for tests that kill it, freeze it or empty it. */
export const startLocalRedis = async (
  args: readonly string[] | ((port: number) => readonly string[]) = [],
  urlOf = (port: number) => `redis://127.0.0.1:${port}`,
): Promise<LocalServer | Skipped> => {
  const found = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (found.status !== 0) return skippedBecause('redis-server is not installed');
  const version = /v=([\d.]+)/.exec(found.stdout)?.[1] ?? 'of an unknown version';
  const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']; // also when it is killed
  const settings = ['--bind', '127.0.0.1', '--loglevel', 'warning', ...kept];
  return localServer(
    'redis-server',
    (port, dir) => [
      ...['--port', String(port), '--dir', dir, ...settings],
      ...(typeof args === 'function' ? args(port) : args),
    ],
    (port) => ({ url: urlOf(port), used: `local redis-server ${version}` }),
  );
};

/** A server that may hold other data too: tests use names of their own in it. */
export const startRedis = async (): Promise<TestServer | Skipped> => {
  const url = process.env['REDIS_URL'];
  if (url) return { url, used: 'REDIS_URL', stop: async () => undefined };
  return (await hasContainers()) ? inContainer() : startLocalRedis();
};
