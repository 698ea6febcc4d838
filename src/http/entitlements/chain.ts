// Who is asked for a feature in the context of a request.
import type { Chain } from '../../commands/entitlements/standing.js';
import type { Exchange } from '../route.js';

/** The context workspace, with the base package of its tier. */
export const chainOf = ({ workspace }: Pick<Exchange<unknown, unknown>, 'workspace'>): Chain => [
  { owner: { type: 'workspace', id: workspace.id }, workspaceId: workspace.id, tier: workspace.tier },
];
