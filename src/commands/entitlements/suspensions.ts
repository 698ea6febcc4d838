// A workspace or namespace whose entitlements are suspended says so itself: its own stream follows theirs.
import type { Recorded } from '../../domain/decider.js';
import type { GrantEvent, Owner } from '../../domain/entitlements/grants.js';
import type { NamespaceEvent } from '../../domain/namespaces.js';
import type { WorkspaceEvent } from '../../domain/workspaces.js';
import type { CommandContext } from '../context.js';
import type { NamespaceCommands } from '../namespaces.js';
import type { Progress } from '../progress.js';
import { type Cause, checkpointOnly, consequence, reactor, unlessGone } from '../reactor.js';
import type { WorkspaceCommands } from '../workspaces.js';
import type { GrantStreams } from './standing.js';

export const suspensions = checkpointOnly(
  'suspensions',
  'workspaces and namespaces say whether their entitlements are suspended',
);

/**
 * Brings an owner's record to what its entitlements say now; the position of the change, undefined where there was none.
 * Doing it twice changes nothing; one that is gone stays gone.
 */
export type SettleSuspension = (owner: Owner, context: CommandContext) => Promise<number | undefined>;

export const settleSuspension = (deps: {
  readonly granted: GrantStreams;
  readonly workspaces: Pick<WorkspaceCommands, 'streams'>;
  readonly namespaces: Pick<NamespaceCommands, 'streams'>;
}): SettleSuspension => {
  const { granted, workspaces, namespaces } = deps;
  return async ({ type, id }, context) => {
    // A user has no status to show it in.
    if (type === 'user') return undefined;
    const { state } = await granted.load(id);
    const command = { type: 'FollowSuspension', isSuspended: state.suspension !== undefined } as const;
    const follow = async () => {
      if (type === 'workspace') return workspaces.streams.handle(id, command, context, { subject: id });
      const subject = (await namespaces.streams.load(id)).state.record?.workspaceId;
      return namespaces.streams.handle(id, command, context, subject ? { subject } : {});
    };
    const done = await unlessGone(follow());
    return done && done.events.length > 0 ? done.position : undefined;
  };
};

/** Whose suspension an event is about, or has just been written down by it. */
const ownerOf = (recorded: Recorded): Owner | undefined => {
  const event = recorded as Recorded as Recorded<GrantEvent | WorkspaceEvent | NamespaceEvent>;
  switch (event.type) {
    case 'EntitlementsSuspended':
    case 'EntitlementsResumed':
      return { type: event.data.ownerType, id: event.data.ownerId };
    case 'WorkspaceUpdated':
      return event.data.changes.isSuspended === undefined
        ? undefined
        : { type: 'workspace', id: event.data.workspaceId };
    case 'NamespaceUpdated':
      return event.data.changes.isSuspended === undefined
        ? undefined
        : { type: 'namespace', id: event.data.namespaceId };
    default:
      return undefined;
  }
};

/**
 * The follower's handler, for the process that died in between, and for two that suspended and resumed at once: what a
 * record says is looked at again after every time that it says so, so that it ends as its entitlements do.
 */
export const suspensionReactor = (deps: {
  readonly settle: SettleSuspension;
  readonly progress: Progress;
}) => {
  const touched = new Map<string, { readonly owner: Owner; readonly cause: Cause }>();
  return reactor({
    progress: deps.progress,
    model: suspensions,
    types: ['EntitlementsSuspended', 'EntitlementsResumed', 'WorkspaceUpdated', 'NamespaceUpdated'],
    note(event) {
      const owner = ownerOf(event);
      if (owner) touched.set(owner.id, { owner, cause: event });
    },
    async settle() {
      for (const [id, { owner, cause }] of touched) {
        await deps.settle(owner, consequence('entitlements', cause));
        touched.delete(id);
      }
    },
    isIdle: () => touched.size === 0,
    clear: () => touched.clear(),
  });
};
