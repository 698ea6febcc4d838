// Wires the commands of all areas to the log and the other stores they use.
import { seal, unseal } from '../adapters/seal.js';
import { type ApiKeyCommands, apiKeyCommands } from '../commands/api-keys.js';
import { type BatchCommands, type BatchHolder, batchCommands } from '../commands/batch.js';
import { type DeliveryCommands, deliveryCommands } from '../commands/deliveries.js';
import { type ProvisioningCommands, provisioningCommands } from '../commands/entitlements/provisioning.js';
import { type UsageCommands, usageCommands } from '../commands/entitlements/usage.js';
import { type FinishErasure, finishErasure } from '../commands/erasure.js';
import { type EventCommands, eventCommands } from '../commands/events.js';
import { type KeyUses, keyUses } from '../commands/key-uses.js';
import { type McpCommands, mcpCommands } from '../commands/mcp.js';
import { type MemberCommands, memberCommands } from '../commands/members.js';
import { type NamespaceCommands, namespaceCommands } from '../commands/namespaces.js';
import { type PersonalData, personalData } from '../commands/personal-data.js';
import { type PixelHits, pixelHits } from '../commands/pixel.js';
import { type SeoCommands, seoCommands } from '../commands/seo.js';
import { type Turns, turns } from '../commands/turns.js';
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
  readonly members: MemberCommands;
  readonly finishErasure: FinishErasure;
  /** Seals what belongs to a person. */
  readonly personal: PersonalData;
  readonly apiKeys: ApiKeyCommands;
  readonly batches: BatchCommands;
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
  readonly pixel: PixelHits;
  readonly outcomes: ReturnType<typeof outcomes>;
  /** Opens the sealed secrets of endpoints. */
  readonly secrets: SecretBox;
  /** What one request does after the other, where rows are counted. */
  readonly turns: Turns;
};

/** The commands whose decisions may be taken together with others, as long as they are not written. */
export const wireRecords = (
  { log, readModels, keys, vault }: Pick<Stores, 'log' | 'readModels' | 'keys' | 'vault'>,
  config: Config,
  now: () => Date,
  turns: Turns,
) => {
  const secretKey = keys['webhook-secret'];
  const secrets: SecretBox = {
    seal: (plain, aad) => seal(secretKey, plain, aad),
    open: (sealed, aad) => unseal(secretKey, sealed, aad).toString('utf8'),
  };
  const checkTarget = (url: string) =>
    checkTargetUrl(url, { allowPrivate: config.WEBHOOK_ALLOW_PRIVATE_TARGETS });
  const personal = personalData(vault, keys.email);
  const workspaces = workspaceCommands(log, now);
  const users = userCommands({ log, readModels, personal, now });
  return {
    workspaces,
    users,
    members: memberCommands({ workspaces: workspaces.streams, users }),
    finishErasure: finishErasure({ personal, workspaces, readModels }),
    namespaces: namespaceCommands({ log, readModels, now }),
    personal,
    apiKeys: apiKeyCommands({ log, readModels, now, turns }),
    webhooks: webhookCommands({ log, readModels, secrets, checkTarget, now, turns }),
    secrets,
    turns,
  };
};

export const wireCommands = (
  stores: Stores,
  config: Config,
  plans: Plans,
  now: () => Date,
  report: Report,
): Commands => {
  const { log, readModels, keys } = stores;
  const written = outcomes(log, now);
  const records = wireRecords(stores, config, now, turns());
  const { workspaces, namespaces, users, apiKeys, webhooks } = records;
  const provisioning = provisioningCommands({ log, plans, workspaces, namespaces, now });
  const holders = new Map<string, BatchHolder>([
    ['workspace', workspaces.streams],
    ['namespace', namespaces.streams],
    ['user', users.streams],
    ['apiKey', apiKeys.streams],
    ['webhookEndpoint', webhooks.streams],
  ]);
  return {
    ...records,
    batches: batchCommands(log, holders, now),
    uses: keyUses({ log, readModels, now, report }),
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
    pixel: pixelHits({ log, now, report }),
    outcomes: written,
  };
};
