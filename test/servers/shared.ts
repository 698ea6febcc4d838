// The servers that all test files share: started once by the global setup, told to the workers.
import { inject } from 'vitest';
import type { Skipped, TestServer } from './server.js';

/** What a worker is told of a server. */
export type SharedServer = Pick<TestServer, 'url' | 'used'>;
export type SharedServers = {
  readonly eventstore: SharedServer;
  readonly mongodb: SharedServer | Skipped;
  readonly redis: SharedServer | Skipped;
};

declare module 'vitest' {
  interface ProvidedContext {
    readonly servers: SharedServers | undefined;
  }
}

/** The servers of this run; undefined when the tests run on the embedded stores. */
export const sharedServers = (): SharedServers | undefined => inject('servers');

/** One of them. It may hold other data too: tests use names of their own in it. Throws outside `npm run test:servers`. */
export const shared = <N extends keyof SharedServers>(name: N): SharedServers[N] => {
  const servers = sharedServers();
  if (!servers) throw new Error('This test needs servers: npm run test:servers.');
  return servers[name];
};
