// The HTTP frame around routes of a test's own, on the stores of a running application.
import { createOnce } from '../../src/http/idempotency.js';
import { createLimiter } from '../../src/http/rate-limit.js';
import { type Answer, type Route, route } from '../../src/http/route.js';
import { createServer, type ServerDeps } from '../../src/http/server.js';
import { createLinks } from '../../src/http/target.js';
import type { TestApp } from './api.js';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A GET or POST route that any valid key may call. */
export const testRoute = (
  path: string,
  handle: Route['handle'],
  more: Partial<
    Pick<Route, 'method' | 'endsKey' | 'body' | 'query' | 'scope' | 'bucket' | 'cors' | 'maxBody'>
  > = {},
): Route =>
  route({
    method: 'POST',
    scope: 'any',
    ...more,
    path,
    doc: {
      id: path.replace(/\W/g, '_'),
      tag: 'Test',
      summary: path,
      success: { status: 200, description: 'Done.' },
    },
    handle,
  }) as Route;

export type Frame = { readonly url: string; stop(): Promise<void> };

/** `deps`: parts to replace. */
export const startFrame = async (
  { app }: TestApp,
  routes: readonly Route[],
  deps: Partial<ServerDeps> = {},
): Promise<Frame> => {
  const { config, stores, follower, metrics, commands } = app;
  const server = createServer({
    routes,
    operations: [],
    readModels: stores.readModels,
    limiter: createLimiter({
      counters: stores.counters,
      tables: { 2026: config.RATE_LIMITS_2026, 2024: config.RATE_LIMITS_2024 },
      addressPerMinute: config.RATE_LIMIT_ADDRESS_PER_MINUTE,
      logger: silent,
    }),
    once: createOnce({
      idempotency: stores.idempotency,
      logId: stores.log.id,
      fingerprintKey: stores.keys.fingerprint,
      logger: silent,
    }),
    metrics,
    logger: silent,
    dialect: '2026',
    links: createLinks(undefined, 'https://example.com/upgrade'),
    trustProxy: false,
    now: () => new Date(),
    waitFor: (position) => follower.waitFor(position),
    noteKeyUse: () => undefined,
    countRequest: () => undefined,
    sealAddress: async () => undefined,
    personSeal: commands.personal,
    ...deps,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** A request to a frame with the `*` key of the application. */
export const ask = async (
  frame: Frame,
  key: string | null,
  path: string,
  {
    method = 'POST',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
) => {
  const response = await fetch(`${frame.url}/api/v1${path}`, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  };
};

/** A route that does its work and then loses the answer; `lost` is told what it was. */
export const losing = (route: Route, lost: (answer: Answer) => unknown): Route => ({
  ...route,
  async handle(exchange) {
    await lost(await route.handle(exchange));
    throw new Error('the answer was lost');
  },
});
