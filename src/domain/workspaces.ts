// What can happen to a workspace and who belongs to it. Pure.
import { z } from 'zod';
import { type Decider, event, type JsonObject } from './decider.js';
import { DomainError, notFound } from './errors.js';
import {
  decideMembers,
  type Member,
  type MemberChange,
  type MemberCommand,
  requireRole,
  roles,
} from './members.js';
import { given, merged, requireSmall, same } from './merging.js';
import { type Tier, tiers } from './tiers.js';

const settings = z.record(z.string(), z.json());
const metadata = z.record(z.string(), z.string());
const changes = z.object({
  name: z.string().optional(),
  slug: z.string().optional(),
  tier: z.enum(tiers).optional(),
  settings: settings.optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.string().nullable()).optional(),
  /** Follows its entitlements; nobody can ask for it. */
  isSuspended: z.boolean().optional(),
});

export const WorkspaceEvent = z.discriminatedUnion('type', [
  event('WorkspaceCreated', {
    workspaceId: z.uuid(),
    number: z.int(),
    name: z.string(),
    slug: z.string(),
    tier: z.enum(tiers),
    settings,
    tags: z.array(z.string()),
    metadata,
    ownerId: z.uuid(),
  }),
  event('WorkspaceUpdated', { workspaceId: z.uuid(), changes }),
  event('WorkspaceDeleted', { workspaceId: z.uuid() }),
  event('MemberAdded', { workspaceId: z.uuid(), userId: z.uuid(), role: z.enum(roles) }),
  event('MemberRemoved', { workspaceId: z.uuid(), userId: z.uuid() }),
  // A reservation of a slug by this workspace was taken over: `reservation` is the revision that no longer counts.
  event('WorkspaceSlugWithdrawn', { workspaceId: z.uuid(), slug: z.string(), reservation: z.int() }),
]);
export type WorkspaceEvent = z.infer<typeof WorkspaceEvent>;
export type WorkspaceChanges = z.infer<typeof changes>;
type Created = Extract<WorkspaceEvent, { type: 'WorkspaceCreated' }>['data'];

/** A slug comes with the revision of its reservation, so that one taken over meanwhile is refused. */
export type WorkspaceCommand =
  | { type: 'CreateWorkspace'; data: Created; reservation: number }
  | { type: 'UpdateWorkspace'; changes: WorkspaceChanges; by: string; reservation?: number }
  | { type: 'DeleteWorkspace'; by: string }
  | { type: 'FollowSuspension'; isSuspended: boolean }
  | MemberCommand
  | { type: 'WithdrawSlug'; workspaceId: string; slug: string; reservation: number };

/** The whole record, as folded from its stream. */
export type WorkspaceRecord = {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly slug: string;
  readonly tier: Tier;
  readonly status: 'active' | 'suspended';
  readonly settings: JsonObject;
  readonly tags: readonly string[];
  readonly metadata: Record<string, string>;
  readonly members: readonly Member[];
  readonly createdAt: string;
  readonly updatedAt: string;
};
/** Reservations of this workspace that were taken over: slug → highest revision that no longer counts. */
type Withdrawn = Readonly<Record<string, number>>;
export type Workspace = {
  readonly record?: WorkspaceRecord;
  readonly deleted: boolean;
  readonly withdrawn: Withdrawn;
};

/** A command has no reservation that counts for its slug: look at the record again, reserve, repeat the command. */
export class ReservationLost extends Error {
  override readonly name = 'ReservationLost';
}

const apply = (
  record: WorkspaceRecord,
  { settings: patch, metadata: texts, isSuspended, ...plain }: WorkspaceChanges,
): WorkspaceRecord => ({
  ...record,
  ...(given(plain) as Partial<WorkspaceRecord>),
  ...(patch === undefined ? {} : { settings: { ...record.settings, ...patch } }),
  ...(texts === undefined ? {} : { metadata: merged<string>(record.metadata, texts) }),
  ...(isSuspended === undefined ? {} : { status: isSuspended ? 'suspended' : 'active' }),
});

const memberEvent = (workspaceId: string, decided: MemberChange): WorkspaceEvent => {
  switch (decided.change) {
    case 'joins':
      return { type: 'MemberAdded', data: { workspaceId, userId: decided.userId, role: decided.role } };
    case 'leaves':
      return { type: 'MemberRemoved', data: { workspaceId, userId: decided.userId } };
    // Nobody reaches it any more.
    case 'ends':
      return { type: 'WorkspaceDeleted', data: { workspaceId } };
  }
};

/** The members with one more; somebody who is one already keeps their place and gets the role. */
const joined = (
  members: readonly Member[],
  { userId, role }: Pick<Member, 'userId' | 'role'>,
  at: string,
): Member[] =>
  members.some((member) => member.userId === userId)
    ? members.map((member) => (member.userId === userId ? { ...member, role } : member))
    : [...members, { userId, role, since: at }];

const decideExisting = (
  command: Exclude<WorkspaceCommand, { type: 'CreateWorkspace' | 'WithdrawSlug' }>,
  record: WorkspaceRecord,
): WorkspaceEvent[] => {
  const workspaceId = record.id;
  switch (command.type) {
    case 'UpdateWorkspace': {
      requireRole(record.members, command.by, ['owner', 'admin']);
      const next = apply(record, command.changes);
      if (same(next, record)) return [];
      requireSmall(next);
      return [{ type: 'WorkspaceUpdated', data: { workspaceId, changes: command.changes } }];
    }
    case 'FollowSuspension': {
      const changes = { isSuspended: command.isSuspended };
      const isSame = apply(record, changes).status === record.status;
      return isSame ? [] : [{ type: 'WorkspaceUpdated', data: { workspaceId, changes } }];
    }
    case 'DeleteWorkspace':
      requireRole(record.members, command.by, ['owner']);
      return [{ type: 'WorkspaceDeleted', data: { workspaceId } }];
    default:
      return decideMembers(record.members, command).map((decided) => memberEvent(workspaceId, decided));
  }
};

export const workspace: Decider<Workspace, WorkspaceCommand, WorkspaceEvent> = {
  initialState: { deleted: false, withdrawn: {} },

  decide(command, state) {
    if (command.type === 'WithdrawSlug') {
      const { workspaceId, slug, reservation } = command;
      return [{ type: 'WorkspaceSlugWithdrawn', data: { workspaceId, slug, reservation } }];
    }
    const slug =
      command.type === 'CreateWorkspace'
        ? command.data.slug
        : command.type === 'UpdateWorkspace'
          ? command.changes.slug
          : undefined;
    const reservation = 'reservation' in command ? command.reservation : undefined;
    if (slug !== undefined && reservation !== undefined && (state.withdrawn[slug] ?? -1) >= reservation)
      throw new ReservationLost();
    if (command.type === 'CreateWorkspace') {
      if (state.record) throw new DomainError('conflict', 'This workspace already exists.');
      return [{ type: 'WorkspaceCreated', data: command.data }];
    }
    if (!state.record || state.deleted) throw notFound('Workspace');
    // What seemed to be the slug already has changed meanwhile: it may be somebody else's by now.
    if (slug !== undefined && slug !== state.record.slug && reservation === undefined)
      throw new ReservationLost();
    return decideExisting(command, state.record);
  },

  evolve(state, { type, data, metadata: { at } }) {
    if (type === 'WorkspaceCreated') {
      const { workspaceId: id, ownerId, ...fields } = data;
      const members: Member[] = [{ userId: ownerId, role: 'owner', since: at }];
      return {
        ...state,
        record: {
          id,
          ...fields,
          settings: fields.settings as JsonObject,
          status: 'active',
          members,
          createdAt: at,
          updatedAt: at,
        },
      };
    }
    if (type === 'WorkspaceSlugWithdrawn')
      return { ...state, withdrawn: { ...state.withdrawn, [data.slug]: data.reservation } };
    // The last record stays: what is sent about the deletion still shows it.
    if (type === 'WorkspaceDeleted') return { ...state, deleted: true };
    const { record } = state;
    if (!record) return state;
    switch (type) {
      case 'WorkspaceUpdated':
        return { ...state, record: { ...apply(record, data.changes), updatedAt: at } };
      case 'MemberAdded':
        return { ...state, record: { ...record, members: joined(record.members, data, at) } };
      case 'MemberRemoved': {
        const members = record.members.filter(({ userId }) => userId !== data.userId);
        return { ...state, record: { ...record, members } };
      }
    }
  },
};
