// An installation of several processes on servers of its own, all of which may be killed, frozen, emptied, started late.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDouble } from '../servers/eventstoredb.js';
import { startLocalMongo } from '../servers/mongodb.js';
import { startLocalRedis } from '../servers/redis.js';
import type { LocalServer, Skipped } from '../servers/server.js';
import { type ServerProcess, startServer } from './server.js';

/** The servers by the setting that names them. EventStoreDB is always the double here: the real one is not ours to kill. */
export type BreakableServers = {
  readonly EVENTSTORE_URL: LocalServer;
  readonly MONGODB_URL: LocalServer;
  readonly REDIS_URL: LocalServer;
};
export type ServerSetting = keyof BreakableServers;

/** Starts them; skipped when one of them cannot be had here. */
export const startBreakableServers = async (): Promise<BreakableServers | Skipped> => {
  const [eventstore, mongodb, redis] = await Promise.all([
    startDouble(),
    startLocalMongo(),
    startLocalRedis(),
  ]);
  const all = [eventstore, mongodb, redis];
  const skipped = all.find((one): one is Skipped => 'skipped' in one);
  if ('skipped' in mongodb || 'skipped' in redis) {
    for (const one of all) if (!('skipped' in one)) await one.stop();
    return { skipped: skipped?.skipped ?? '' };
  }
  return { EVENTSTORE_URL: eventstore, MONGODB_URL: mongodb, REDIS_URL: redis };
};

export const urlsOf = (servers: BreakableServers): Record<ServerSetting, string> => ({
  EVENTSTORE_URL: servers.EVENTSTORE_URL.url,
  MONGODB_URL: servers.MONGODB_URL.url,
  REDIS_URL: servers.REDIS_URL.url,
});

export type Fleet = {
  /** Settings that all processes share. */
  readonly settings: Readonly<Record<string, string>>;
  /** A `*` key of workspace 1. */
  readonly key: string;
  /** The processes that run now. */
  readonly processes: readonly ServerProcess[];
  /** Those of them that have a role, in the order of their starts. */
  withRole(role: string): readonly ServerProcess[];
  /** Starts a process of these roles (all, unless told otherwise); resolves when it serves them. */
  start(roles?: string): Promise<ServerProcess>;
  /** SIGKILL. */
  kill(process: ServerProcess): Promise<void>;
  /** Ends the processes, not the servers. */
  stop(): Promise<void>;
};

const KEY = `sk_test_${'f'.repeat(40)}`;

/** A new installation on servers with these URLs, without any process yet. */
export const newFleet = async (
  urls: Readonly<Record<ServerSetting, string>>,
  overrides: Readonly<Record<string, string>> = {},
): Promise<Fleet> => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-fleet-'));
  const settings = {
    STORE_PREFIX: `t${randomBytes(5).toString('hex')}_`,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ...urls,
    BOOTSTRAP_API_KEY: KEY,
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    WEBHOOK_RETRY_SCHEDULE: '0,1,2,3,4,5,6,7,8,9,10,20,30',
    WEBHOOK_DISABLE_AFTER: '1000000',
    ...overrides,
  };
  /** With the roles of each. */
  const processes = new Map<ServerProcess, string>();
  const kill = async (process: ServerProcess) => {
    processes.delete(process);
    await process.kill();
  };
  return {
    settings,
    key: KEY,
    get processes() {
      return [...processes.keys()];
    },
    withRole: (role) =>
      [...processes].flatMap(([process, roles]) => (roles.split(',').includes(role) ? [process] : [])),
    async start(roles = 'api,projections,deliveries') {
      const process = await startServer({ ...settings, DATA_DIR: dir, ROLES: roles });
      processes.set(process, roles);
      return process;
    },
    kill,
    async stop() {
      await Promise.all([...processes.keys()].map(kill));
      await rm(dir, { recursive: true, force: true });
    },
  };
};
