// The route table of the product.
import type { McpServer } from '../adapters/mcp-servers/port.js';
import type { ReadModels, Surely } from '../adapters/read-models/port.js';
import type { Config } from '../config.js';
import { testCall } from '../deliveries/test-call.js';
import { apiKeyRoutes } from '../http/api-keys/routes.js';
import { type BatchDeps, batchRoutes } from '../http/batch.js';
import { batchResources } from '../http/batch-resources.js';
import { deliveryRoutes } from '../http/deliveries.js';
import { namespaceCheckRoutes, namespaceHoldings } from '../http/entitlements/namespaces.js';
import { provisioningRoutes } from '../http/entitlements/provisioning.js';
import { entitlementRoutes } from '../http/entitlements/usage.js';
import { eventTypeRoutes } from '../http/event-types.js';
import { eventRoutes } from '../http/events.js';
import { mcpRoutes } from '../http/mcp.js';
import { memberRoutes } from '../http/members.js';
import { namespaceRoutes } from '../http/namespaces.js';
import { pixelRoutes } from '../http/pixel.js';
import type { Limiter } from '../http/rate-limit.js';
import type { Route } from '../http/route.js';
import { seoRoutes } from '../http/seo.js';
import { showUsers } from '../http/shown-users.js';
import { argumentChecker } from '../http/tool-arguments.js';
import { usageRoutes } from '../http/usage.js';
import { userRoutes } from '../http/users.js';
import { webhookRoutes } from '../http/webhooks.js';
import { workspaceRoutes } from '../http/workspaces.js';
import type { Commands } from './commands.js';
import type { Deliveries } from './deliveries.js';
import { inMemory } from './models.js';
import type { Stores } from './stores.js';

/** What is needed to tell what a namespace may use. */
const held = (readModels: ReadModels, { usage, provisioning, plans }: Commands) => ({
  readModels,
  stand: usage.stand,
  granted: provisioning.streams,
  plans,
});

/** The endpoints of the records that take batches. */
export const recordRoutes = (
  readModels: ReadModels,
  commands: Commands,
  { poster }: Pick<Deliveries, 'poster'>,
  limiter: Limiter,
  surely: Surely,
  config: Config,
): Route[] => {
  const { workspaces, namespaces, apiKeys, uses, webhooks, users, secrets, turns } = commands;
  const { members, finishErasure } = commands;
  const shown = showUsers(readModels, users);
  return [
    ...workspaceRoutes({ readModels, workspaces, showUsers: shown, turns }),
    ...memberRoutes({ readModels, workspaces: workspaces.streams, members, users, inMemory }),
    ...userRoutes({ readModels, users, finishErasure, inMemory }),
    ...namespaceRoutes({
      readModels,
      namespaces,
      showUsers: shown,
      holdings: namespaceHoldings(held(readModels, commands)),
    }),
    ...apiKeyRoutes({ readModels, apiKeys, uses, limiter, surely, showUsers: shown }),
    ...webhookRoutes({
      readModels,
      webhooks,
      testCall: testCall({ poster, secrets, timeoutMs: config.WEBHOOK_TIMEOUT_MS }),
      targets: { allowPrivate: config.WEBHOOK_ALLOW_PRIVATE_TARGETS },
      retentionDays: config.DELIVERY_RETENTION_DAYS,
    }),
  ];
};

export const wireRoutes = (
  { readModels, log }: Stores,
  commands: Commands,
  { payloads }: Deliveries,
  mcpServers: readonly McpServer[],
  config: Config,
  batches: BatchDeps,
): Route[] => {
  const { events, mcp, deliveries, requests, seo, pixel, plans, usage, provisioning } = commands;
  const retentionDays = config.DELIVERY_RETENTION_DAYS;
  return [
    ...batches.routes,
    ...batchRoutes(batchResources, batches),
    ...deliveryRoutes({
      readModels,
      log,
      deliveries,
      payloads,
      schedule: config.WEBHOOK_RETRY_SCHEDULE,
      retentionDays,
    }),
    ...entitlementRoutes({ readModels, usage, plans, namespaces: commands.namespaces }),
    ...namespaceCheckRoutes(held(readModels, commands)),
    ...provisioningRoutes({ readModels, provisioning }),
    ...eventTypeRoutes(),
    ...eventRoutes({ events }),
    ...usageRoutes({ readModels, requests, waitFor: batches.waitFor }),
    ...seoRoutes({ readModels, seo }),
    ...pixelRoutes({ readModels, pixel }),
    ...mcpRoutes({ servers: mcpServers, mcp, checkArguments: argumentChecker() }),
  ];
};
