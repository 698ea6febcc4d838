// The effects around decisions about workspaces: integer ids, slugs, the clock.
import { type EventLog, RevisionConflict } from '../adapters/event-log/port.js';
import type { JsonObject } from '../domain/decider.js';
import { DomainError, invalid } from '../domain/errors.js';
import { isSlug, slugFrom } from '../domain/slugs.js';
import { isAbove, type Tier } from '../domain/tiers.js';
import {
  ReservationLost,
  type Workspace,
  type WorkspaceChanges,
  type WorkspaceEvent,
  type WorkspaceRecord,
  workspace,
} from '../domain/workspaces.js';
import { type CommandContext, idFor, randomFor, systemContext } from './context.js';
import type { Handled } from './folding.js';
import { type Streams, streams } from './handle.js';
import { nextNumber } from './numbers.js';
import { type Reservations, reservations, withReservation } from './reservations.js';

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
  readonly streams: WorkspaceStreams;
};

const DEFAULT_SETTINGS: JsonObject = { timezone: 'UTC', locale: 'en_GB' };
const slugTaken = () => invalid({ slug: 'The slug has already been taken.' });

const optionsFor = (id: string, { ifMatch }: Asking) =>
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

const workspaceReservations = (log: EventLog, handled: WorkspaceStreams, now: () => Date): Reservations =>
  reservations(
    log,
    'slug',
    {
      async look(owner, slug) {
        const { state, revision } = await handled.load(owner);
        return { holds: state.record?.slug === slug && !state.deleted, revision };
      },
      async withdraw(owner, slug, reservation, revision) {
        try {
          const command = { type: 'WithdrawSlug', workspaceId: owner, slug, reservation } as const;
          // Another tenant's stream: nothing in it tells who wanted the name.
          await handled.handle(owner, command, systemContext('reservations'), { ifMatch: revision });
        } catch (error) {
          // The claimant moved meanwhile: look again.
          if (error instanceof DomainError) throw new RevisionConflict(owner, revision, -1);
          throw error;
        }
      },
    },
    now,
  );

export const workspaceCommands = (log: EventLog, now: () => Date): WorkspaceCommands => {
  const handled: WorkspaceStreams = streams(log, 'workspace', workspace, { now });
  const slugs = workspaceReservations(log, handled, now);

  /** A free slug: the wanted one or 422; else from the name, with a suffix when taken, else from the id. */
  const reserveSlug = async (input: NewWorkspace, id: string, context: CommandContext) => {
    const base = input.slug ?? slugFrom(input.name);
    for (let tries = 0; tries < 8; tries++) {
      const suffix = randomFor(context, `slug-${tries}`).toString('hex').slice(0, 6);
      const slug = base === '' ? `workspace-${suffix}` : tries === 0 ? base : `${base}-${suffix}`;
      const reservation = isSlug(slug) ? await slugs.reserve(slug, id, context) : undefined;
      if (reservation !== undefined) return { slug, reservation };
      if (input.slug !== undefined) throw slugTaken();
    }
    throw slugTaken();
  };

  /** The record as a change finds it: at the revision that the caller saw, when they say so. */
  const seen = (id: string, { ifMatch }: Asking) =>
    ifMatch === undefined ? handled.load(id) : handled.at(id, ifMatch);

  /**
   * A rename holds only on the revision that was read before its reservation. So another rename cannot have given the
   * name up in between and release the very reservation that this one rests on.
   */
  const rename = async (id: string, slug: string, changes: WorkspaceChanges, asking: Asking) => {
    const { command, caller } = asking;
    const { state, revision } = await seen(id, asking);
    const before = state.record?.slug;
    const renames = before !== undefined && before !== slug && !state.deleted;
    const base = { type: 'UpdateWorkspace', changes, by: caller.userId } as const;
    // Without a reservation the decision is a refusal, or that the slug stays as it is.
    if (!renames) return handled.handle(id, base, command, optionsFor(id, asking));
    const left = await slugs.held(before, id);
    const reservation = await slugs.reserve(slug, id, command);
    if (reservation === undefined) throw slugTaken();
    const renaming = { ...base, reservation };
    const options = { subject: id, ifMatch: asking.ifMatch ?? revision };
    const result = await handled.handle(id, renaming, command, options).catch((error: unknown) => {
      const moved = error instanceof DomainError && error.code === 'precondition_failed';
      throw moved && asking.ifMatch === undefined ? new ReservationLost() : error;
    });
    if (left !== undefined) await slugs.release(before, id, command, left);
    return result;
  };

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
          reserveSlug(input, id, command),
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
      const { record } = (await handled.load(id)).state;
      if (changes.tier !== record?.tier) requireTier(changes.tier, asking);
      const { slug } = changes;
      if (slug !== undefined) return answer(await withReservation(() => rename(id, slug, changes, asking)));
      const change = { type: 'UpdateWorkspace', changes, by: caller.userId } as const;
      return answer(await handled.handle(id, change, command, optionsFor(id, asking)));
    },

    async remove(id, asking) {
      const deletion = { type: 'DeleteWorkspace', by: asking.caller.userId } as const;
      const done = answer(await handled.handle(id, deletion, asking.command, optionsFor(id, asking)));
      await slugs.release(done.record.slug, id, asking.command);
      return done;
    },
  };
};
