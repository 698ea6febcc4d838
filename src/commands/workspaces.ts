// The effects around decisions about workspaces: integer ids, slugs, the clock.
import type { EventLog } from '../adapters/event-log/port.js';
import type { JsonObject } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { isAbove, type Tier } from '../domain/tiers.js';
import {
  type Workspace,
  type WorkspaceChanges,
  type WorkspaceEvent,
  type WorkspaceRecord,
  workspace,
} from '../domain/workspaces.js';
import { type CommandContext, idFor } from './context.js';
import type { Handled } from './folding.js';
import { type Streams, streams } from './handle.js';
import { nextNumber } from './numbers.js';
import { ownersIn, type Resting, reservations, withReservation } from './reservations.js';
import { type Slugged, slugKeeper } from './slugs.js';

/** Who asks for a write, as far as commands care. */
export type Asking = {
  readonly command: CommandContext;
  readonly caller: { readonly userId: string; readonly home: { readonly tier: Tier } };
  readonly ifMatch?: number;
  holds(scope: string): boolean;
};
export type NewWorkspace = {
  readonly name: string;
  readonly slug?: string | undefined;
  readonly tier: Tier;
  readonly settings?: JsonObject | undefined;
  readonly tags?: string[] | undefined;
  readonly metadata?: Record<string, string> | undefined;
};
/** The record after a command, its stream's revision (ETag) and the position to wait for. */
export type WorkspaceAnswer = {
  readonly record: WorkspaceRecord;
  readonly revision: number;
  readonly position: number;
};

export type WorkspaceStreams = Streams<Workspace, Parameters<typeof workspace.decide>[0], WorkspaceEvent>;
export type WorkspaceCommands = {
  create(input: NewWorkspace, asking: Asking): Promise<WorkspaceAnswer>;
  update(id: string, changes: WorkspaceChanges, asking: Asking): Promise<WorkspaceAnswer>;
  remove(id: string, asking: Asking): Promise<WorkspaceAnswer>;
  /** Ends the membership of somebody who was erased; with the last member the workspace ends too. The position. */
  endMembership(id: string, userId: string, command: CommandContext): Promise<number>;
  readonly streams: WorkspaceStreams;
};

const DEFAULT_SETTINGS: JsonObject = { timezone: 'UTC', locale: 'en_GB' };

const optionsFor = (id: string, { ifMatch }: Pick<Asking, 'ifMatch'>) =>
  ifMatch === undefined ? { subject: id } : { subject: id, ifMatch };

const answer = ({ state, revision, position }: Handled<Workspace, WorkspaceEvent>): WorkspaceAnswer => {
  if (!state.record) throw new Error('a workspace command left no record');
  return { record: state.record, revision, position };
};

/** A tier above the acting workspace's own needs `entitlements:manage`. */
export const requireTier = (
  tier: Tier | null | undefined,
  { caller, holds }: Pick<Asking, 'caller' | 'holds'>,
): void => {
  if (tier != null && isAbove(tier, caller.home.tier) && !holds('entitlements:manage'))
    throw new DomainError('access_denied', 'Insufficient permissions. Required scope: entitlements:manage', {
      required_scope: 'entitlements:manage',
    });
};

export const workspaceCommands = (log: EventLog, now: () => Date): WorkspaceCommands => {
  const handled: WorkspaceStreams = streams(log, 'workspace', workspace, { now });
  const heldBy = ({ record, deleted }: Workspace): Slugged | undefined =>
    record && !deleted ? { slug: record.slug, scope: '' } : undefined;
  const owners = ownersIn(
    handled,
    (state, slug) => heldBy(state)?.slug === slug,
    (workspaceId, slug, reservation) => ({ type: 'WithdrawSlug', workspaceId, slug, reservation }) as const,
  );
  const names = reservations(log, 'slug', owners, now);
  const slugs = slugKeeper({ kind: 'workspace', names, streams: handled, heldBy });

  return {
    streams: handled,

    async create(input, asking) {
      const { command } = asking;
      const id = idFor(command, 'stream');
      const earlier = await handled.found(id, command);
      if (earlier) return answer(earlier);
      requireTier(input.tier, asking);
      const numbered = nextNumber(log, 'workspace', command, now);
      return withReservation(async () => {
        const [number, { slug, reservation }] = await Promise.all([
          numbered,
          slugs.forNew(input, '', id, command),
        ]);
        const data = {
          workspaceId: id,
          number,
          name: input.name,
          slug,
          tier: input.tier,
          settings: { ...DEFAULT_SETTINGS, ...input.settings },
          tags: input.tags ?? [],
          metadata: input.metadata ?? {},
          ownerId: asking.caller.userId,
        };
        return answer(
          await handled.handle(id, { type: 'CreateWorkspace', data, reservation }, command, { subject: id }),
        );
      });
    },

    async update(id, changes, asking) {
      const { command, caller } = asking;
      const earlier = await handled.found(id, command);
      if (earlier) return answer(earlier);
      if (changes.tier !== undefined) {
        const { record } = (await handled.load(id)).state;
        if (changes.tier !== record?.tier) requireTier(changes.tier, asking);
      }
      const base = { type: 'UpdateWorkspace', changes, by: caller.userId } as const;
      const { slug } = changes;
      if (slug === undefined) return answer(await handled.handle(id, base, command, optionsFor(id, asking)));
      const rename = ({ reservation, ifMatch }: Resting) =>
        handled.handle(
          id,
          reservation === undefined ? base : { ...base, reservation },
          command,
          optionsFor(id, ifMatch === undefined ? {} : { ifMatch }),
        );
      return answer(await withReservation(() => slugs.change(id, slug, asking, rename)));
    },

    async remove(id, asking) {
      const deletion = { type: 'DeleteWorkspace', by: asking.caller.userId } as const;
      const done = answer(await handled.handle(id, deletion, asking.command, optionsFor(id, asking)));
      await slugs.free({ slug: done.record.slug, scope: '' }, id, asking.command);
      return done;
    },

    async endMembership(id, userId, command) {
      const { state, position } = await handled.handle(id, { type: 'EraseMember', userId }, command, {
        subject: id,
      });
      if (state.deleted && state.record)
        await slugs.free({ slug: state.record.slug, scope: '' }, id, command);
      return position;
    },
  };
};
