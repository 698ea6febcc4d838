// What can happen to a namespace: a part of a workspace or of a user, with a plan and a use of its own. Pure.
import { z } from 'zod';
import { type Decider, event, type JsonObject } from './decider.js';
import { DomainError, notFound } from './errors.js';
import { given, merged, requireSmall, same } from './merging.js';
import { ReservationLost } from './workspaces.js';

export const ownerTypes = ['User', 'Workspace'] as const;
export type OwnerType = (typeof ownerTypes)[number];

const settings = z.record(z.string(), z.json());
/** A workspace by its id and its integer id, which never change. */
const billing = z.object({ id: z.uuid(), number: z.int() }).nullable();
/** `workspaceId`: the billing workspace, else the owning one; null = a user's own namespace that nobody else pays for. */
const target = { namespaceId: z.uuid(), workspaceId: z.uuid().nullable() };
const changes = z.object({
  name: z.string().optional(),
  slug: z.string().optional(),
  description: z.string().nullable().optional(),
  billing: billing.optional(),
  settings: settings.optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.string().nullable()).optional(),
  isDefault: z.boolean().optional(),
  isActive: z.boolean().optional(),
  /** Follows its entitlements; nobody can ask for it. */
  isSuspended: z.boolean().optional(),
});

export const NamespaceEvent = z.discriminatedUnion('type', [
  event('NamespaceCreated', {
    ...target,
    number: z.int(),
    name: z.string(),
    slug: z.string(),
    description: z.string().nullable(),
    ownerType: z.enum(ownerTypes),
    ownerId: z.uuid(),
    ownerNumber: z.int(),
    /** The workspace that pays where that is said expressly. */
    billing,
    settings,
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.string()),
    isDefault: z.boolean(),
    isActive: z.boolean(),
  }),
  event('NamespaceUpdated', { ...target, changes }),
  event('NamespaceDeleted', target),
  // A reservation of a slug by this namespace was taken over: `reservation` is the revision that no longer counts.
  event('NamespaceSlugWithdrawn', { namespaceId: z.uuid(), slug: z.string(), reservation: z.int() }),
]);
export type NamespaceEvent = z.infer<typeof NamespaceEvent>;
export type NamespaceChanges = z.infer<typeof changes>;
export type NamespaceCreated = Extract<NamespaceEvent, { type: 'NamespaceCreated' }>['data'];

/** A slug comes with the revision of its reservation, so that one taken over meanwhile is refused. */
export type NamespaceCommand =
  | { type: 'CreateNamespace'; data: Omit<NamespaceCreated, 'workspaceId'>; reservation: number }
  | { type: 'UpdateNamespace'; changes: NamespaceChanges; reservation?: number }
  | { type: 'DeleteNamespace' }
  /** Another namespace (UUID) of the same owner became the default at an instant: older defaults give way. */
  | { type: 'YieldDefault'; to: string; since: string }
  /** A workspace (UUID) no longer pays. */
  | { type: 'StopBilling'; workspaceId: string }
  | { type: 'FollowSuspension'; isSuspended: boolean }
  | { type: 'WithdrawSlug'; namespaceId: string; slug: string; reservation: number };

/** The whole record, as folded from its stream. */
export type NamespaceRecord = {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly slug: string;
  readonly description: string | null;
  readonly ownerType: OwnerType;
  readonly ownerId: string;
  readonly ownerNumber: number;
  readonly billing: { readonly id: string; readonly number: number } | null;
  /** The billing workspace, else the owning one, with its integer id. */
  readonly workspaceId: string | null;
  readonly workspaceNumber: number | null;
  readonly settings: JsonObject;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly isDefault: boolean;
  /** Since when it is its owner's default; null when it is not. */
  readonly defaultSince: string | null;
  readonly isActive: boolean;
  /** Whether its entitlements are suspended. */
  readonly isSuspended: boolean;
  /** A suspended one is so whether it is active or not. */
  readonly status: 'active' | 'inactive' | 'suspended';
  readonly createdAt: string;
  readonly updatedAt: string;
};
export type Namespace = {
  readonly record?: NamespaceRecord;
  readonly deleted: boolean;
  /** Reservations that were taken over: slug → highest revision that no longer counts. */
  readonly withdrawn: Readonly<Record<string, number>>;
};

type Owned = Pick<NamespaceRecord, 'ownerType' | 'ownerId' | 'ownerNumber' | 'billing'>;

/** The workspace that a namespace belongs to: who pays for it, else who owns it. */
const workspaceOf = ({ ownerType, ownerId, ownerNumber, billing: payer }: Owned) => {
  const own = ownerType === 'Workspace' ? { id: ownerId, number: ownerNumber } : null;
  const found = payer ?? own;
  return { workspaceId: found?.id ?? null, workspaceNumber: found?.number ?? null };
};

const statusOf = ({ isActive, isSuspended }: Pick<NamespaceRecord, 'isActive' | 'isSuspended'>) =>
  isSuspended ? 'suspended' : isActive ? 'active' : 'inactive';

/** The record after changes, but for when they happened. */
const apply = (
  record: NamespaceRecord,
  { settings: patch, metadata: texts, ...plain }: NamespaceChanges,
): NamespaceRecord => {
  const next: NamespaceRecord = {
    ...record,
    ...(given(plain) as Partial<NamespaceRecord>),
    ...(patch === undefined ? {} : { settings: { ...record.settings, ...(patch as JsonObject) } }),
    ...(texts === undefined ? {} : { metadata: merged<string>(record.metadata, texts) }),
  };
  return { ...next, ...workspaceOf(next), status: statusOf(next) };
};

const updated = (
  { id: namespaceId, workspaceId }: NamespaceRecord,
  changes: NamespaceChanges,
): NamespaceEvent => ({
  type: 'NamespaceUpdated',
  data: { namespaceId, workspaceId, changes: given(changes) },
});

const update = (record: NamespaceRecord, wanted: NamespaceChanges): NamespaceEvent[] => {
  const next = apply(record, wanted);
  if (same(next, record)) return [];
  requireSmall(next);
  return [updated(next, wanted)];
};

/** Of two that became the default in the same millisecond the one with the higher id is it. */
const yields = ({ id, defaultSince }: NamespaceRecord, to: string, since: string): boolean =>
  id !== to && defaultSince !== null && (defaultSince < since || (defaultSince === since && id < to));

/** Refuses a slug whose reservation does not count, or that has none although it is another one than before. */
const requireReserved = (
  { record, withdrawn }: Namespace,
  slug: string | undefined,
  reservation: number | undefined,
): void => {
  if (slug === undefined) return;
  const lost = reservation === undefined ? slug !== record?.slug : (withdrawn[slug] ?? -1) >= reservation;
  if (lost) throw new ReservationLost();
};

export const namespace: Decider<Namespace, NamespaceCommand, NamespaceEvent> = {
  initialState: { deleted: false, withdrawn: {} },

  decide(command, state) {
    if (command.type === 'WithdrawSlug') {
      const { namespaceId, slug, reservation } = command;
      return [{ type: 'NamespaceSlugWithdrawn', data: { namespaceId, slug, reservation } }];
    }
    if (command.type === 'CreateNamespace') {
      const { data, reservation } = command;
      requireReserved(state, data.slug, reservation);
      if (state.record) throw new DomainError('conflict', 'This namespace already exists.');
      return [{ type: 'NamespaceCreated', data: { ...data, workspaceId: workspaceOf(data).workspaceId } }];
    }
    const { record } = state;
    if (!record || state.deleted) throw notFound();
    switch (command.type) {
      case 'UpdateNamespace':
        requireReserved(state, command.changes.slug, command.reservation);
        return update(record, command.changes);
      case 'YieldDefault':
        return yields(record, command.to, command.since) ? update(record, { isDefault: false }) : [];
      case 'StopBilling':
        return record.billing?.id === command.workspaceId ? update(record, { billing: null }) : [];
      case 'FollowSuspension':
        // Whatever its size: limits are for those who ask for a change.
        return record.isSuspended === command.isSuspended
          ? []
          : [updated(record, { isSuspended: command.isSuspended })];
      case 'DeleteNamespace': {
        const { id: namespaceId, workspaceId } = record;
        return [{ type: 'NamespaceDeleted', data: { namespaceId, workspaceId } }];
      }
    }
  },

  evolve(state, { type, data, metadata: { at } }) {
    switch (type) {
      case 'NamespaceCreated': {
        const { namespaceId: id, workspaceId: _, ...fields } = data;
        const record: NamespaceRecord = {
          id,
          ...fields,
          settings: fields.settings as JsonObject,
          ...workspaceOf(fields),
          defaultSince: fields.isDefault ? at : null,
          isSuspended: false,
          status: statusOf({ ...fields, isSuspended: false }),
          createdAt: at,
          updatedAt: at,
        };
        return { ...state, record };
      }
      case 'NamespaceSlugWithdrawn':
        return { ...state, withdrawn: { ...state.withdrawn, [data.slug]: data.reservation } };
      // The last record stays: what is sent about the deletion still shows it.
      case 'NamespaceDeleted':
        return { ...state, deleted: true };
      case 'NamespaceUpdated': {
        if (!state.record) return state;
        const next = apply(state.record, data.changes);
        const defaultSince = next.isDefault ? (state.record.defaultSince ?? at) : null;
        return { ...state, record: { ...next, defaultSince, updatedAt: at } };
      }
    }
  },
};
