// What a namespace may use, by its path: the older reference's check, and what its record shows of its plan.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { GrantStreams, Stand } from '../../commands/entitlements/standing.js';
import { together } from '../../commands/together.js';
import {
  namespaceCheckAnswer,
  namespaceEntry,
  packageShown,
  unknownFeatureInNamespace,
} from '../../dialects/entitlements.js';
import { isActive } from '../../domain/entitlements/grants.js';
import type { Plans } from '../../domain/entitlements/plans.js';
import type { NamespaceRow } from '../../projections/namespaces.js';
import { namespaceOfPath } from '../namespace-access.js';
import type { NamespaceHoldings } from '../namespace-includes.js';
import { type Exchange, type Route, route } from '../route.js';
import { chains } from './chain.js';
import { CheckBody, entitlementDocs } from './forms.js';
import { AT_ONCE, allStandings } from './standings.js';

export type NamespaceEntitlementDeps = {
  readonly readModels: ReadModels;
  readonly stand: Stand;
  readonly granted: GrantStreams;
  readonly plans: Plans;
};

export const namespaceCheckRoutes = ({ readModels, stand, plans }: NamespaceEntitlementDeps): Route[] => {
  const { ofNamespace } = chains(readModels);
  return [
    route({
      method: 'POST',
      path: '/namespaces/:id/entitlements/check',
      scope: 'entitlements:read',
      body: CheckBody,
      doc: entitlementDocs.checkNamespace,
      handle: async (exchange) => {
        const { row } = await namespaceOfPath(readModels, exchange);
        const { feature: code, quantity } = exchange.body;
        const feature = plans.features.get(code);
        if (!feature) return { status: 200, body: unknownFeatureInNamespace(code) };
        const { chain } = await ofNamespace(row, exchange);
        const standing = await stand(chain, feature, exchange.now.toISOString());
        return { status: 200, body: namespaceCheckAnswer(standing, quantity) };
      },
    }),
  ];
};

/** Packages are a namespace's own; entitlements are all that it may use, wherever they come from. */
export const namespaceHoldings = (deps: NamespaceEntitlementDeps): NamespaceHoldings => {
  const { readModels, granted, plans } = deps;
  const { ofNamespace } = chains(readModels);

  const heldBy = async (row: NamespaceRow, exchange: Exchange<unknown, unknown>) => {
    const at = exchange.now.toISOString();
    const { chain } = await ofNamespace(row, exchange);
    const { state } = await granted.load(row.id);
    const packages = state.packages
      .filter((one) => isActive(one, at))
      .map((one) => packageShown(plans.packages.get(one.package) ?? nameless(one.package), one.expiresAt));
    const standings = await allStandings(deps, chain, at);
    const entries = standings.map((standing) => [standing.feature.code, namespaceEntry(standing)]);
    return [row.id, { packages, entitlements: Object.fromEntries(entries) }] as const;
  };

  return async (rows, exchange) => new Map(await together(rows, AT_ONCE, (row) => heldBy(row, exchange)));
};

/** A package that is sold no more: it gives nothing, but is still held. */
const nameless = (code: string) => ({ code, name: code, base: false, features: {} });
