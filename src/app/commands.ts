// Wires the commands of all areas to the log and the other stores they use.
import { seal, unseal } from '../adapters/seal.js';
import { type ApiKeyCommands, apiKeyCommands } from '../commands/api-keys.js';
import { type DeliveryCommands, deliveryCommands } from '../commands/deliveries.js';
import { type ProvisioningCommands, provisioningCommands } from '../commands/entitlements/provisioning.js';
import { type UsageCommands, usageCommands } from '../commands/entitlements/usage.js';
import { type EventCommands, eventCommands } from '../commands/events.js';
import { type KeyUses, keyUses } from '../commands/key-uses.js';
import { type McpCommands, mcpCommands } from '../commands/mcp.js';
import { type NamespaceCommands, namespaceCommands } from '../commands/namespaces.js';
import { type PersonalData, personalData } from '../commands/personal-data.js';
import { type SeoCommands, seoCommands } from '../commands/seo.js';
import { type RequestCounts, requestCounts } from '../commands/usage.js';
import { type UserCommands, userCommands } from '../commands/users.js';
import { type SecretBox, type WebhookCommands, webhookCommands } from '../commands/webhooks.js';
import { type WorkspaceCommands, workspaceCommands } from '../commands/workspaces.js';
import type { Config } from '../config.js';
import { outcomes } from '../deliveries/outcomes.js';
import { checkTargetUrl } from '../deliveries/target-address.js';
import type { Plans } from '../domain/entitlements/plans.js';
import type { Report } from './report.js';
import type { Stores } from './stores.js';

export type Commands = {
  readonly workspaces: WorkspaceCommands;
  readonly namespaces: NamespaceCommands;
  readonly users: UserCommands;
  /** Seals what belongs to a person. */
  readonly personal: PersonalData;
  readonly apiKeys: ApiKeyCommands;
  readonly uses: KeyUses;
  readonly webhooks: WebhookCommands;
  readonly events: EventCommands;
  readonly mcp: McpCommands;
  readonly deliveries: DeliveryCommands;
  readonly requests: RequestCounts;
  readonly seo: SeoCommands;
  /** What is sold. */
  readonly plans: Plans;
  readonly provisioning: ProvisioningCommands;
  readonly usage: UsageCommands;
  readonly outcomes: ReturnType<typeof outcomes>;
  /** Opens the sealed secrets of endpoints. */
  readonly secrets: SecretBox;
};

export const wireCommands = (
  stores: Stores,
  config: Config,
  plans: Plans,
  now: () => Date,
  report: Report,
): Commands => {
  const { log, readModels, keys, vault } = stores;
  const secretKey = keys['webhook-secret'];
  const secrets: SecretBox = {
    seal: (plain, aad) => seal(secretKey, plain, aad),
    open: (sealed, aad) => unseal(secretKey, sealed, aad).toString('utf8'),
  };
  const checkTarget = (url: string) =>
    checkTargetUrl(url, { allowPrivate: config.WEBHOOK_ALLOW_PRIVATE_TARGETS });
  const written = outcomes(log, now);
  const personal = personalData(vault, keys.email);
  const provisioning = provisioningCommands({ log, plans, now });
  return {
    workspaces: workspaceCommands(log, now),
    namespaces: namespaceCommands({ log, readModels, now }),
    users: userCommands({ log, readModels, personal, now }),
    personal,
    apiKeys: apiKeyCommands({ log, readModels, now }),
    uses: keyUses({ log, readModels, now, report }),
    webhooks: webhookCommands({ log, readModels, secrets, checkTarget, now }),
    events: eventCommands(log, now),
    mcp: mcpCommands(log, keys['tool-answer'], now),
    deliveries: deliveryCommands(readModels, written, now),
    requests: requestCounts({ log, now, report }),
    seo: seoCommands(log, now),
    plans,
    provisioning,
    usage: usageCommands({
      log,
      plans,
      granted: provisioning.streams,
      now,
      admitOver: config.USAGE_OVER_LIMIT === 'record',
    }),
    outcomes: written,
    secrets,
  };
};
