// How many records of one kind a workspace may have, by its tier.
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import { DomainError } from '../domain/errors.js';
import type { Tier } from '../domain/tiers.js';
import { turns as newTurns, type Turns } from './turns.js';

export type QuotaOptions = {
  readonly readModels: ReadModels;
  /** Read model whose rows are counted; they have a field `workspaceId`. */
  readonly model: string;
  readonly limits: Readonly<Record<Tier, number>>;
  /** Name of the feature in the refusal. */
  readonly feature: string;
  /** Shared by those who create side by side. */
  readonly turns?: Turns | undefined;
};
/** Runs `create`, which makes record `id`, or throws `feature_limit_reached`. `where` says which rows count. */
export type Quota = <T>(
  workspace: { readonly id: string; readonly tier: Tier },
  id: string,
  where: readonly Term[],
  create: () => Promise<T>,
) => Promise<T>;

/**
 * Lets one creation at a time through per workspace, and counts what its rows do not show yet. Exact within this
 * process; several processes together may overshoot by one record each.
 */
export const quota = ({ readModels, model, limits, feature, turns = newTurns() }: QuotaOptions): Quota => {
  /** Records made here lately, by workspace: they count until they have rows. */
  const fresh = new Map<string, ReadonlySet<string>>();

  /** As many as `limit` need no further counting. Rows come second: one that appears meanwhile is in both, once. */
  const used = async (workspaceId: string, where: readonly Term[], limit: number): Promise<number> => {
    const made = fresh.get(workspaceId) ?? new Set();
    const shown = await readModels.load(model, [...made]);
    const unseen = new Set([...made].filter((id) => !shown.has(id)));
    if (unseen.size === 0) fresh.delete(workspaceId);
    else fresh.set(workspaceId, unseen);
    const own: Term = { field: 'workspaceId', op: 'eq', value: workspaceId };
    const rows = await readModels.find(model, { where: [own, ...where], limit });
    return new Set([...rows.map(({ id }) => id), ...unseen]).size;
  };

  return async ({ id: workspaceId, tier }, id, where, create) => {
    const limit = limits[tier];
    if (limit === Number.POSITIVE_INFINITY) return create();
    const admit = async () => {
      if ((await used(workspaceId, where, limit)) >= limit)
        throw new DomainError('feature_limit_reached', 'You have reached your limit for this feature.', {
          feature,
        });
      const made = await create();
      fresh.set(workspaceId, new Set([...(fresh.get(workspaceId) ?? []), id]));
      return made;
    };
    return turns(`${feature} ${workspaceId}`, admit);
  };
};
