// The real application, on embedded stores in a temporary folder or on the shared servers, and requests to it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projections } from '../../src/app/models.js';
import { type App, buildApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import type { Recorded } from '../../src/domain/decider.js';
import { sharedServers } from '../servers/shared.js';
import { eventsIn } from './embedded-log.js';
import { notes } from './notes.js';
import { storeSettings } from './stores.js';

export type Called = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests are about
  readonly body: any;
};
export type CallOptions = {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** null = no Authorization header. */
  readonly key?: string | null;
};
export type TestApp = {
  readonly url: string;
  /** A `*` key of workspace 1. */
  readonly key: string;
  readonly app: App;
  readonly dir: string;
  /** A request below /api/v1 with JSON body and the `*` key, unless told otherwise. */
  call(method: string, path: string, options?: CallOptions): Promise<Called>;
  /** What was appended while something was done. */
  appended(work: () => Promise<unknown>): Promise<Recorded[]>;
  /** Waits until projections and reactors have seen everything in the log. */
  waitForAll(): Promise<void>;
  /** A clean stop, then the same folder again. `meanwhile` is done to it in between. */
  restart(overrides?: Readonly<Record<string, string>>, meanwhile?: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
};

export const TEST_KEY = `sk_test_${'t'.repeat(40)}`;

/** `overrides`: settings by name. The clock may be set. */
export const startTestApp = async (
  overrides: Readonly<Record<string, string>> = {},
  options: { now?: () => Date } = {},
): Promise<TestApp> => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-test-'));
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const config = readConfig({
      PORT: '0',
      DATA_DIR: dir,
      BOOTSTRAP_API_KEY: TEST_KEY,
      RATE_LIMIT_ADDRESS_PER_MINUTE: '100000',
      ...storeSettings(dir),
      ...overrides,
      ...more,
    });
    const app = await buildApp(config, notes, options.now);
    await app.start();
    return { app, url: await app.listen() };
  };
  let running = await start();
  const rowsAreThere = async () => {
    const { stores, follower } = running.app;
    const names = projections.map(({ name }) => name);
    await follower.waitFor(await stores.log.head(), names, 10_000);
  };

  return {
    get url() {
      return running.url;
    },
    get app() {
      return running.app;
    },
    key: TEST_KEY,
    dir,
    async call(method, path, { body, headers = {}, key = TEST_KEY } = {}) {
      const response = await fetch(`${running.url}/api/v1${path}`, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      // MongoDB's stand-in on a busy machine may need longer than the 2 s that an answer waits for the rows.
      if (method !== 'GET' && response.ok && sharedServers()) await rowsAreThere();
      const json = response.headers.get('content-type')?.includes('json');
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: json && text !== '' ? JSON.parse(text) : undefined,
      };
    },
    async appended(work) {
      const before = await running.app.stores.log.head();
      await work();
      // The work may have restarted it.
      return (await eventsIn(running.app.stores.log)).filter(({ position }) => position > before);
    },
    async waitForAll() {
      const { stores, follower } = running.app;
      // What reactors append meanwhile is waited for as well.
      for (let seen = -1, head = await stores.log.head(); seen < head; head = await stores.log.head()) {
        await follower.waitFor(head, undefined, 10_000);
        seen = head;
      }
    },
    async restart(more, meanwhile) {
      await running.app.stop();
      await meanwhile?.();
      running = await start(more);
    },
    async stop() {
      await running.app.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** The answer when no run of a process that is gone holds the Idempotency-Key any more: on servers that takes 2 s. */
export const onceFree = async (ask: () => Promise<Called>): Promise<Called> => {
  for (;;) {
    const answer = await ask();
    if (answer.body?.error !== 'idempotency_in_progress') return answer;
  }
};

/** What callers have caused, without what the system does by itself now and then. */
export const byCallers = (events: readonly Recorded[]): Recorded[] =>
  events.filter(({ metadata }) => 'key' in metadata.actor);
