// Where an owner stands with all that they have.
import type { Chain, Stand, Standing } from '../../commands/entitlements/standing.js';
import { together } from '../../commands/together.js';
import type { Plans } from '../../domain/entitlements/plans.js';

/** Owners, and of each features, that are looked at at once: on a server each look reads some streams. */
export const AT_ONCE = 4;

/** Every feature that the chain has, in the order of the catalogue. */
export const allStandings = async (
  { stand, plans }: { readonly stand: Stand; readonly plans: Plans },
  chain: Chain,
  at: string,
): Promise<Standing[]> => {
  const all = await together([...plans.features.values()], AT_ONCE, (feature) => stand(chain, feature, at));
  return all.filter(({ included }) => included);
};
