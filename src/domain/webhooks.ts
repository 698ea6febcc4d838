// What can happen to a webhook endpoint, and why a command is refused. Pure.
import { z } from 'zod';
import { type Decider, event, Instant } from './decider.js';
import { DomainError, notFound } from './errors.js';
import { differing, merged, requireFewKeys } from './merging.js';

/** How an endpoint's X-Webhook-Signature is made and its bodies look: fixed at creation. */
export const schemes = ['2026', '2024'] as const;
export type Scheme = (typeof schemes)[number];
export const disablingReasons = ['failures', 'gone'] as const;
export type DisablingReason = (typeof disablingReasons)[number];

/** Seconds after a delivery's creation at which its attempts are due; null = the server's own schedule. */
const retrySchedule = z.array(z.int().nonnegative()).nullable();
const target = { endpointId: z.uuid(), workspaceId: z.uuid() };
const changes = z.object({
  url: z.string().optional(),
  events: z.array(z.string()).optional(),
  isActive: z.boolean().optional(),
  description: z.string().nullable().optional(),
  metadata: z.record(z.string(), z.string().nullable()).optional(),
  retrySchedule: retrySchedule.optional(),
});

export const WebhookEvent = z.discriminatedUnion('type', [
  event('WebhookEndpointCreated', {
    ...target,
    number: z.int(),
    url: z.string(),
    events: z.array(z.string()),
    secret: z.string(), // sealed
    description: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    scheme: z.enum(schemes),
    retrySchedule,
  }),
  // Holds only what differs: `isActive: true` in it always means an activation.
  event('WebhookEndpointUpdated', { ...target, changes }),
  event('WebhookSecretRotated', { ...target, secret: z.string(), previousUntil: Instant }),
  // `decidedAt` is the position of the decision on the fan-out's stream.
  event('WebhookEndpointDisabled', { ...target, reason: z.enum(disablingReasons), decidedAt: z.int() }),
  event('WebhookEndpointDeleted', target),
]);
export type WebhookEvent = z.infer<typeof WebhookEvent>;
export type WebhookChanges = z.infer<typeof changes>;
export type WebhookCreated = Extract<WebhookEvent, { type: 'WebhookEndpointCreated' }>['data'];

export type WebhookCommand =
  | { type: 'CreateWebhook'; data: WebhookCreated }
  | { type: 'UpdateWebhook'; changes: WebhookChanges }
  | { type: 'RotateWebhookSecret'; secret: string; previousUntil: string }
  /** `endpointRevision`: what the decision knew of this endpoint's stream. */
  | { type: 'DisableWebhook'; reason: DisablingReason; decidedAt: number; endpointRevision: number }
  | { type: 'DeleteWebhook' };

/** The whole record, as folded from its stream. Secrets are sealed. */
export type WebhookRecord = {
  readonly id: string;
  readonly workspaceId: string;
  readonly number: number;
  readonly url: string;
  readonly events: readonly string[];
  readonly isActive: boolean;
  /** `inactive` = switched off by its owner, `disabled` = by the service. */
  readonly status: 'active' | 'inactive' | 'disabled';
  readonly disabledAt: string | null;
  readonly disabledReason: DisablingReason | null;
  /** Revision at which it last became active. */
  readonly activatedAt: number;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly scheme: Scheme;
  readonly retrySchedule: readonly number[] | null;
  readonly secret: string;
  /** The secret before the last rotation; it counts until `previousUntil`. */
  readonly previousSecret: string | null;
  readonly previousUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
};
/** `revision` counts the events folded, so that a decision made elsewhere can be compared with an activation. */
export type Webhook = {
  readonly record?: WebhookRecord;
  readonly deleted: boolean;
  readonly revision: number;
};

const update = (record: WebhookRecord, wanted: WebhookChanges): WebhookEvent[] => {
  const changed = differing(record, wanted);
  if (Object.keys(changed).length === 0) return [];
  requireFewKeys(merged(record.metadata, changed.metadata ?? {}));
  return [
    {
      type: 'WebhookEndpointUpdated',
      data: { endpointId: record.id, workspaceId: record.workspaceId, changes: changed },
    },
  ];
};

/**
 * A decision to disable that is older than the last activation no longer counts. `failures` stop an active endpoint;
 * `gone` also marks one that is already off, since what is pending for it is to be given up.
 */
const disable = (
  state: Webhook,
  command: Extract<WebhookCommand, { type: 'DisableWebhook' }>,
): WebhookEvent[] => {
  const { record, deleted } = state;
  const { reason, decidedAt, endpointRevision } = command;
  if (!record || deleted || record.activatedAt > endpointRevision) return [];
  if (reason === 'failures' ? !record.isActive : record.disabledReason === 'gone') return [];
  return [
    {
      type: 'WebhookEndpointDisabled',
      data: { endpointId: record.id, workspaceId: record.workspaceId, reason, decidedAt },
    },
  ];
};

/** Switching on or off by the owner; switching on also ends a disabling. */
const switched = (isActive: boolean | undefined, revision: number): Partial<WebhookRecord> => {
  if (isActive === undefined) return {};
  if (!isActive) return { isActive, status: 'inactive' };
  return { isActive, status: 'active', disabledAt: null, disabledReason: null, activatedAt: revision };
};

const evolveRecord = (
  record: WebhookRecord,
  { type, data }: Exclude<WebhookEvent, { type: 'WebhookEndpointCreated' | 'WebhookEndpointDeleted' }>,
  at: string,
  revision: number,
): WebhookRecord => {
  switch (type) {
    case 'WebhookEndpointUpdated': {
      const { metadata, isActive, ...plain } = data.changes;
      return {
        ...record,
        ...(Object.fromEntries(
          Object.entries(plain).filter(([, value]) => value !== undefined),
        ) as Partial<WebhookRecord>),
        ...(metadata === undefined ? {} : { metadata: merged(record.metadata, metadata) }),
        ...switched(isActive, revision),
        updatedAt: at,
      };
    }
    case 'WebhookSecretRotated':
      return {
        ...record,
        secret: data.secret,
        previousSecret: record.secret,
        previousUntil: data.previousUntil,
        updatedAt: at,
      };
    case 'WebhookEndpointDisabled':
      return {
        ...record,
        isActive: false,
        status: 'disabled',
        disabledAt: at,
        disabledReason: data.reason,
        updatedAt: at,
      };
  }
};

export const webhook: Decider<Webhook, WebhookCommand, WebhookEvent> = {
  initialState: { deleted: false, revision: -1 },

  decide(command, state) {
    if (command.type === 'CreateWebhook') {
      if (state.record) throw new DomainError('conflict', 'This webhook endpoint already exists.');
      return [{ type: 'WebhookEndpointCreated', data: command.data }];
    }
    if (command.type === 'DisableWebhook') return disable(state, command);
    if (!state.record || state.deleted) throw notFound();
    const { record } = state;
    const { id: endpointId, workspaceId } = record;
    switch (command.type) {
      case 'UpdateWebhook':
        return update(record, command.changes);
      case 'RotateWebhookSecret': {
        const { secret, previousUntil } = command;
        return [{ type: 'WebhookSecretRotated', data: { endpointId, workspaceId, secret, previousUntil } }];
      }
      case 'DeleteWebhook':
        return [{ type: 'WebhookEndpointDeleted', data: { endpointId, workspaceId } }];
    }
  },

  evolve(state, happened) {
    const { at } = happened.metadata;
    const revision = state.revision + 1;
    if (happened.type === 'WebhookEndpointCreated') {
      const { endpointId: id, ...fields } = happened.data;
      const record: WebhookRecord = {
        id,
        ...fields,
        isActive: true,
        status: 'active',
        disabledAt: null,
        disabledReason: null,
        activatedAt: revision,
        previousSecret: null,
        previousUntil: null,
        createdAt: at,
        updatedAt: at,
      };
      return { ...state, revision, record };
    }
    // The last record stays: what is sent about the deletion still shows it.
    if (happened.type === 'WebhookEndpointDeleted') return { ...state, revision, deleted: true };
    if (!state.record) return { ...state, revision };
    return { ...state, revision, record: evolveRecord(state.record, happened, at, revision) };
  },
};
