// The effects around decisions about webhook endpoints: integer ids, secrets, targets, quotas.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels } from '../adapters/read-models/port.js';
import { type Tier, webhookQuota } from '../domain/tiers.js';
import {
  type DisablingReason,
  type Scheme,
  type Webhook,
  type WebhookChanges,
  type WebhookCommand,
  type WebhookEvent,
  type WebhookRecord,
  webhook,
} from '../domain/webhooks.js';
import { type CommandContext, idFor, randomFor } from './context.js';
import type { Handled } from './folding.js';
import { type Streams, streams } from './handle.js';
import { nextNumber } from './numbers.js';
import { quota } from './quotas.js';
import type { Turns } from './turns.js';

/** Seals secrets for storage; `aad` ties a text to its endpoint (its UUID). `open` throws when it was changed. */
export type SecretBox = {
  seal(plain: string, aad: string): string;
  open(sealed: string, aad: string): string;
};

export type WebhookDeps = {
  readonly log: EventLog;
  readonly readModels: ReadModels;
  readonly secrets: SecretBox;
  /** Throws a validation error on `url` when nothing may be sent there. */
  readonly checkTarget: (url: string) => Promise<void>;
  readonly now: () => Date;
  readonly turns?: Turns;
};

/** Who asks, and for which workspace. */
export type WebhookAsking = {
  readonly command: CommandContext;
  readonly workspace: { readonly id: string; readonly tier: Tier };
  readonly ifMatch?: number;
};
export type NewWebhook = {
  readonly url: string;
  readonly events: string[];
  readonly secret?: string | undefined;
  readonly description?: string | null | undefined;
  readonly metadata?: Record<string, string> | undefined;
  readonly retrySchedule?: number[] | null | undefined;
  readonly scheme: Scheme;
};
/** The record after a command, its stream's revision (ETag) and the position to wait for. */
export type WebhookAnswer = {
  readonly record: WebhookRecord;
  readonly revision: number;
  readonly position: number;
};

export type WebhookCommands = {
  /** Throws `feature_limit_reached` when the workspace has as many endpoints as its tier allows. */
  create(input: NewWebhook, asking: WebhookAsking): Promise<WebhookAnswer & { secret: string }>;
  update(id: string, changes: WebhookChanges, asking: WebhookAsking): Promise<WebhookAnswer>;
  /** A new secret; the old one counts for `graceSeconds` more. */
  rotateSecret(
    id: string,
    graceSeconds: number,
    asking: WebhookAsking,
  ): Promise<WebhookAnswer & { secret: string }>;
  remove(id: string, asking: WebhookAsking): Promise<WebhookAnswer>;
  /** Carries out a decision of the fan-out; does nothing when the endpoint was switched on since, or is gone. */
  disable(
    id: string,
    decision: { reason: DisablingReason; decidedAt: number; endpointRevision: number },
    context: CommandContext,
  ): Promise<void>;
  readonly streams: Streams<Webhook, WebhookCommand, WebhookEvent>;
};

const answer = ({ state, revision, position }: Handled<Webhook, WebhookEvent>): WebhookAnswer => {
  if (!state.record) throw new Error('a webhook command left no record');
  return { record: state.record, revision, position };
};

/** `whsec_` + base64 of 32 bytes: the form that Standard Webhooks libraries take. */
const newSecret = (context: CommandContext): string =>
  `whsec_${randomFor(context, 'webhook-secret').toString('base64')}`;

export const webhookCommands = (deps: WebhookDeps): WebhookCommands => {
  const { log, readModels, secrets, checkTarget, now, turns } = deps;
  const handled = streams(log, 'webhookEndpoint', webhook, { now });
  const withinQuota = quota({
    readModels,
    model: 'webhooks',
    limits: webhookQuota,
    feature: 'webhooks',
    turns,
  });

  /** Runs a command on an endpoint that exists. */
  const run = async (id: string, command: WebhookCommand, asking: WebhookAsking): Promise<WebhookAnswer> => {
    const ifMatch = asking.ifMatch === undefined ? {} : { ifMatch: asking.ifMatch };
    return answer(
      await handled.handle(id, command, asking.command, { subject: asking.workspace.id, ...ifMatch }),
    );
  };
  /** Shown from what is stored, so that a repeated command shows the same. */
  const withSecret = (done: WebhookAnswer) => ({
    ...done,
    secret: secrets.open(done.record.secret, done.record.id),
  });

  const append = async (endpointId: string, number: number, input: NewWebhook, asking: WebhookAsking) => {
    const { command, workspace } = asking;
    const data = {
      endpointId,
      workspaceId: workspace.id,
      number,
      url: input.url,
      events: [...new Set(input.events)],
      secret: secrets.seal(input.secret ?? newSecret(command), endpointId),
      description: input.description ?? null,
      metadata: input.metadata ?? {},
      scheme: input.scheme,
      retrySchedule: input.retrySchedule ?? null,
    };
    return run(endpointId, { type: 'CreateWebhook', data }, { command, workspace });
  };

  return {
    streams: handled,

    async create(input, asking) {
      const { command, workspace } = asking;
      const id = idFor(command, 'stream');
      // A run before a crash may have made it: then it neither counts against itself nor needs another number.
      const made = command.retry ? (await handled.load(id)).state.record : undefined;
      if (made) return withSecret(await append(id, made.number, input, asking));
      await checkTarget(input.url);
      return withinQuota(workspace, id, [], async () =>
        withSecret(await append(id, await nextNumber(log, 'webhook', command, now), input, asking)),
      );
    },

    async update(id, changes, asking) {
      const earlier = await handled.found(id, asking.command);
      if (earlier) return answer(earlier);
      if (changes.url !== undefined) await checkTarget(changes.url);
      const events = changes.events === undefined ? {} : { events: [...new Set(changes.events)] };
      return run(id, { type: 'UpdateWebhook', changes: { ...changes, ...events } }, asking);
    },

    async rotateSecret(id, graceSeconds, asking) {
      const { command } = asking;
      const secret = secrets.seal(newSecret(command), id);
      const previousUntil = new Date(Date.parse(command.now) + graceSeconds * 1000).toISOString();
      return withSecret(await run(id, { type: 'RotateWebhookSecret', secret, previousUntil }, asking));
    },

    remove: (id, asking) => run(id, { type: 'DeleteWebhook' }, asking),

    async disable(id, decision, context) {
      const { state } = await handled.load(id);
      if (!state.record) return;
      const options = { subject: state.record.workspaceId };
      await handled.handle(id, { type: 'DisableWebhook', ...decision }, context, options);
    },
  };
};
