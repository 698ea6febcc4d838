// Tells that a workspace's base package has changed with its tier, which no stream of entitlements holds.
import type { Recorded } from '../../domain/decider.js';
import type { GrantEvent } from '../../domain/entitlements/grants.js';
import type { Plans } from '../../domain/entitlements/plans.js';
import type { Tier } from '../../domain/tiers.js';
import type { WorkspaceEvent } from '../../domain/workspaces.js';
import type { Progress } from '../progress.js';
import { type Cause, checkpointOnly, consequence, reactor } from '../reactor.js';
import type { WorkspaceCommands } from '../workspaces.js';
import type { ProvisioningCommands } from './provisioning.js';

export const baseChanges = checkpointOnly(
  'base-package-changes',
  'every change of a tier has been told as one of packages',
);

/** What is older was told long ago, or is no news any more. */
const NEWS_MS = 86_400_000;

type Changed = {
  readonly workspaceId: string;
  readonly tier: Tier;
  readonly revision: number;
  readonly cause: Cause;
};

/** The follower's handler. What was told names the event that it tells of, so it is told once. */
export const baseChangeReactor = (deps: {
  readonly plans: Plans;
  readonly workspaces: Pick<WorkspaceCommands, 'streams'>;
  readonly provisioning: Pick<ProvisioningCommands, 'tellBaseChange'>;
  readonly progress: Progress;
  readonly now: () => Date;
}) => {
  const { plans, workspaces, provisioning, progress, now } = deps;
  const untold = new Map<string, Changed>();

  const note = (recorded: Recorded) => {
    const event = recorded as Recorded as Recorded<WorkspaceEvent | GrantEvent>;
    const { id, position, revision, metadata } = event;
    if (event.type === 'PackageChanged') {
      if (metadata.causationId !== undefined) untold.delete(metadata.causationId);
      return;
    }
    if (event.type !== 'WorkspaceUpdated' || event.data.changes.tier === undefined) return;
    if (now().getTime() - Date.parse(metadata.at) > NEWS_MS) return;
    const { workspaceId, changes } = event.data;
    untold.set(id, { workspaceId, tier: changes.tier as Tier, revision, cause: { id, position, metadata } });
  };

  const tell = async ({ workspaceId, tier, revision, cause }: Changed) => {
    const before = (await workspaces.streams.at(workspaceId, revision - 1)).state.record?.tier;
    const [previous, next] = [before && plans.tiers[before].code, plans.tiers[tier].code];
    if (previous === undefined || previous === next) return;
    const about = { owner: { type: 'workspace', id: workspaceId } as const, workspaceId };
    await provisioning.tellBaseChange(about, { package: next, previous }, consequence('entitlements', cause));
  };

  return reactor({
    progress,
    model: baseChanges,
    types: ['WorkspaceUpdated', 'PackageChanged'],
    note,
    async settle() {
      for (const [id, changed] of untold) {
        await tell(changed);
        untold.delete(id);
      }
    },
    isIdle: () => untold.size === 0,
    clear: () => untold.clear(),
  });
};
