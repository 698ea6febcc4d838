// Endpoints of usage: may it be used, it was used, what is left.
import type { UsageCommands } from '../../commands/entitlements/usage.js';
import {
  checkAnswer,
  correctionShown,
  summaryEntry,
  unknownFeatureAnswer,
  usageAnswer,
} from '../../dialects/entitlements.js';
import { told } from '../../dialects/envelopes.js';
import type { Plans } from '../../domain/entitlements/plans.js';
import { type Route, route } from '../route.js';
import { chainOf } from './chain.js';
import { CheckQuery, CorrectionBody, entitlementDocs, UsageBody } from './forms.js';

export type EntitlementRouteDeps = {
  readonly usage: UsageCommands;
  readonly plans: Plans;
  readonly upgradeUrl: string;
};

export const entitlementRoutes = ({ usage, plans, upgradeUrl }: EntitlementRouteDeps): Route[] => [
  route({
    method: 'GET',
    path: '/entitlements/check',
    scope: 'entitlements:read',
    query: CheckQuery,
    doc: entitlementDocs.check,
    handle: async (exchange) => {
      const { feature: code, quantity = 1 } = exchange.query;
      const feature = plans.features.get(code);
      if (!feature) return { status: 200, body: unknownFeatureAnswer(code, upgradeUrl) };
      const standing = await usage.stand(chainOf(exchange), feature, exchange.now.toISOString());
      return { status: 200, body: checkAnswer(standing, quantity, upgradeUrl) };
    },
  }),
  route({
    method: 'POST',
    path: '/entitlements/usage',
    scope: 'entitlements:write',
    body: UsageBody,
    doc: entitlementDocs.record,
    // Answered as soon as it is on disk: check and summary know it, and no list has to wait for it.
    handle: async (exchange) => ({
      status: 200,
      body: usageAnswer(await usage.record(chainOf(exchange), exchange.body, exchange.command)),
    }),
  }),
  route({
    method: 'POST',
    path: '/entitlements/usage/:id/correct',
    scope: 'entitlements:write',
    body: CorrectionBody,
    doc: entitlementDocs.correct,
    handle: async (exchange) => {
      const { params, body, command, dialect } = exchange;
      const corrected = await usage.correct(chainOf(exchange), params['id'] ?? '', body, command);
      return {
        status: 200,
        body: told(dialect, 'Usage corrected successfully.', correctionShown(corrected)),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/entitlements/summary',
    scope: 'entitlements:read',
    doc: entitlementDocs.summary,
    handle: async (exchange) => {
      const { workspace, now } = exchange;
      const chain = chainOf(exchange);
      const at = now.toISOString();
      const standings = await Promise.all(
        [...plans.features.values()].map((feature) => usage.stand(chain, feature, at)),
      );
      const entries = standings
        .filter(({ included }) => included)
        .map((standing) => [standing.feature.code, summaryEntry(standing)]);
      return {
        status: 200,
        body: {
          data: {
            workspace_id: workspace.number,
            tier: workspace.tier,
            entitlements: Object.fromEntries(entries),
          },
        },
      };
    },
  }),
];
