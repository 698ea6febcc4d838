// The composition root: opens the stores, wires commands, projections, deliveries and HTTP, starts and stops them.
import type { Server } from 'node:http';
import type { ReadModels } from './adapters/read-models/port.js';
import { type Commands, wireCommands } from './app/commands.js';
import { type Deliveries, wireDeliveries } from './app/deliveries.js';
import { drafting } from './app/drafting.js';
import { firstStarts, nothingFirst } from './app/first-start.js';
import { wireFollowing } from './app/following.js';
import { watchWrites } from './app/health.js';
import { closeServer, listenOn } from './app/listening.js';
import { openMcpServers } from './app/mcp-servers.js';
import { models, projections } from './app/models.js';
import { watch } from './app/observe.js';
import { loadPlans } from './app/plans.js';
import type { Report } from './app/report.js';
import { requiring } from './app/requiring.js';
import { recordRoutes, wireRoutes } from './app/routes.js';
import { wireSharing } from './app/sharing.js';
import { openStores, type Stores } from './app/stores.js';
import { handleCliRequest } from './cli/requests.js';
import { type Bootstrap, bootstrap, type FirstStart } from './commands/bootstrap.js';
import { keptTurns } from './commands/turns.js';
import type { Config } from './config.js';
import type { Json, JsonObject } from './domain/decider.js';
import { rateLimits } from './domain/rate-limits.js';
import { createOnce } from './http/idempotency.js';
import { createMetrics, type Metrics } from './http/metrics.js';
import { openApiOperations } from './http/openapi.js';
import { operations, type Readiness } from './http/operations.js';
import { createLimiter } from './http/rate-limit.js';
import { recentEventsRoute } from './http/recent-events.js';
import { failureLog } from './http/reply.js';
import type { Route } from './http/route.js';
import { createServer } from './http/server.js';
import { createLinks } from './http/target.js';
import type { Logger } from './logger.js';
import type { Follower } from './projections/follower.js';
import { forgetting } from './projections/forgetting.js';
import { ownAppends } from './projections/own-appends.js';

export type App = {
  readonly config: Config;
  readonly stores: Stores;
  readonly commands: Commands;
  readonly follower: Follower;
  readonly deliveries: Deliveries;
  readonly routes: readonly Route[];
  readonly server: Server;
  readonly metrics: Metrics;
  readonly bootstrap: Bootstrap;
  readiness(): Promise<Readiness>;
  /** Answers a request of the command line. */
  answersCli(request: JsonObject): Promise<Json>;
  /** Follows the log until everything has caught up, and no more. */
  follow(): Promise<void>;
  /** Follows the log until everything has caught up, makes the first key where there is none, then sends webhooks. */
  start(): Promise<FirstStart>;
  /** Listens; the URL. */
  listen(): Promise<string>;
  /** Stops listening, finishes what is in hand (up to `graceMs` each for requests and deliveries), closes the stores. */
  stop(graceMs?: number): Promise<void>;
};

/**
 * Everything wired but nothing running. Waits for an EventStoreDB that is not there yet, until `signal` comes. Throws
 * one plain sentence when the stores cannot be opened.
 */
export const buildApp = async (
  config: Config,
  logger: Logger,
  now: () => Date = () => new Date(),
  signal: AbortSignal = new AbortController().signal,
): Promise<App> => {
  const report: Report = {
    info: (message, details = {}) => logger.info(details, message),
    warn: (message, details) => logger.warn(details, message),
  };
  const metrics = createMetrics();
  const mcpServers = await openMcpServers(config, report);
  const plans = loadPlans(config.CATALOGUE_FILE);
  const opened = await openStores({ config, models, report, metrics, signal });
  const writes = watchWrites();
  const own = ownAppends(opened.log, writes.heard);
  const stores: Stores = { ...opened, log: own.log };
  const { log, counters, idempotency, keys } = stores;
  const commands = wireCommands(stores, config, plans, now, report);
  const deliveries = wireDeliveries(stores, commands, config, now, report, (outcome) =>
    metrics.deliveryAttempts.inc({ outcome }),
  );
  const following = wireFollowing({
    ...{ stores, commands, deliveries, config, report, now },
    told: (name, position) => stores.hints.tell({ [name]: position }),
  });
  const { follower, readModels, surely } = following;
  const sharing = wireSharing({ stores, following, deliveries, config, report });
  const forgetter = forgetting({
    ...{ log, readModels: stores.readModels, now, report },
    retentionDays: config.DELIVERY_RETENTION_DAYS,
  });
  const waitFor = async (position: number) => {
    const reached = await follower.waitForEach(({ types }) => own.concerns(types, position));
    if (!reached) metrics.lateReads.inc();
  };
  const starter = bootstrap({ ...stores, ...commands, now, waitFor });
  const makeFirst = firstStarts(stores, () => starter.firstStart(config.BOOTSTRAP_API_KEY));
  const limiter = createLimiter({
    counters,
    tables: {
      2026: config.RATE_LIMITS_2026 ?? rateLimits['2026'],
      2024: config.RATE_LIMITS_2024 ?? rateLimits['2024'],
    },
    addressPerMinute: config.RATE_LIMIT_ADDRESS_PER_MINUTE,
    logger,
  });
  const routesOf = (rows: ReadModels, some: Commands) =>
    recordRoutes(rows, some, deliveries, limiter, surely, config);
  const routes = wireRoutes({ ...stores, readModels }, commands, deliveries, mcpServers, config, {
    routes: routesOf(readModels, commands),
    batches: commands.batches,
    readModels,
    draft: drafting({ ...stores, readModels }, commands, config, now, routesOf),
    // Rows are counted once they show all that was written before.
    keepTurns: () =>
      keptTurns(commands.turns, async () => follower.waitFor(await log.head(), rowsOf, 10_000)),
    waitFor,
    clock: () => performance.now(),
    failed: failureLog(logger),
  });
  const isApi = config.ROLES.includes('api');
  let [started, serving] = [false, false];
  const isServing = () => serving;
  const rowsOf = projections.map(({ name }) => name);
  const readiness = watch({
    ...{ metrics, follower, stores, writes, config, isServing },
    models: rowsOf,
  });
  const server = createServer({
    routes,
    toolRoutes: [...routes, recentEventsRoute(log)],
    operations: operations({
      readiness,
      metricsText: metrics.text,
      metricsType: metrics.registry.contentType,
      ...openApiOperations(routes, config.PUBLIC_URL),
    }),
    readModels,
    limiter,
    once: createOnce({ idempotency, logId: log.id, fingerprintKey: keys.fingerprint, logger }),
    metrics,
    logger,
    dialect: config.API_DIALECT,
    links: createLinks(config.PUBLIC_URL, config.UPGRADE_URL),
    trustProxy: config.TRUST_PROXY,
    now,
    waitFor,
    noteKeyUse: (keyId, at) => commands.uses.note(keyId, at),
    countRequest: commands.requests.count,
    sealAddress: commands.personal.sealAddress,
    personSeal: commands.personal,
    surely,
    requireRows: requiring(follower, () => started && isApi),
    // Longer than the slowest there is: a tool whose server must be started, twice; a test call to a slow receiver.
    timeouts: {
      stalled: 4 * Math.max(config.MCP_TIMEOUT_MS, config.WEBHOOK_TIMEOUT_MS, 15_000) + 60_000,
    },
  });
  const answersCli = handleCliRequest({
    ...{ readModels, bootstrap: starter, waitFor, now },
    ...{ apiKeys: commands.apiKeys, uses: commands.uses },
  });

  return {
    config,
    stores,
    commands,
    follower,
    deliveries,
    routes,
    server,
    metrics,
    bootstrap: starter,
    readiness,
    answersCli,
    follow: sharing.start,
    async start() {
      await sharing.start();
      const first = isApi ? await makeFirst() : nothingFirst;
      if (isApi) commands.uses.start();
      if (isApi) commands.requests.start();
      if (config.ROLES.includes('deliveries')) deliveries.work();
      if (config.ROLES.includes('projections')) forgetter.start();
      stores.lock?.onRequest(answersCli);
      started = serving = true;
      return first;
    },
    listen: () => listenOn(server, config, logger),
    async stop(graceMs = 10_000) {
      serving = false;
      await closeServer(server, graceMs);
      await sharing.stopDeliveries();
      await Promise.all([deliveries.stop(graceMs), ...mcpServers.map((each) => each.close())]);
      // What cannot be written any more is written at the next start: the stores are closed all the same.
      const note = (error: unknown) => report.warn('not written at the end', { error: String(error) });
      await commands.uses.stop().catch(note);
      await commands.requests.stop();
      await commands.pixel.stop();
      await sharing.stop();
      await forgetter.stop();
      await stores.close();
    },
  };
};
