// EventStoreDB for tests: EVENTSTORE_URL, else a container, else the double beside this file, which is always called one.
import { resolve } from 'node:path';
import { hasContainers, imageOf, type LocalServer, localServer, type TestServer } from './server.js';

const double = resolve('test/servers/eventstoredb-double/main.mjs');

const inContainer = async (): Promise<TestServer> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const image = await imageOf('eventstore');
  const container = await new GenericContainer(image)
    .withEnvironment({ KURRENTDB_INSECURE: 'true', KURRENTDB_MEM_DB: 'true' })
    .withExposedPorts(2113)
    .withWaitStrategy(Wait.forHttp('/health/live', 2113).forStatusCode(204))
    .start();
  return {
    url: `esdb://${container.getHost()}:${container.getMappedPort(2113)}?tls=false`,
    used: `${image} in a container`,
    stop: async () => void (await container.stop()),
  };
};

/** How to reach a double that listens on a port; without TLS unless told otherwise. */
const insecure = (port: number) => `esdb://127.0.0.1:${port}?tls=false`;

/** The double as a process of its own, with further arguments, for tests that kill it or freeze it. */
export const startDouble = async (
  args: readonly string[] = [],
  urlOf: (port: number) => string = insecure,
): Promise<LocalServer> =>
  localServer(
    process.execPath,
    (port, dir) => [double, '--port', String(port), '--dir', dir, ...args],
    (port) => ({ url: urlOf(port), used: 'a test double of EventStoreDB, not the server itself' }),
  );

/** A server that may hold other data too: tests use prefixes of their own in it. */
export const startEventStore = async (): Promise<TestServer> => {
  const url = process.env['EVENTSTORE_URL'];
  if (url) return { url, used: 'EVENTSTORE_URL', stop: async () => undefined };
  return (await hasContainers()) ? inContainer() : startDouble();
};

/** For logs whose messages no test looks at. */
export const quiet = { info: () => undefined, warn: () => undefined };
