// Endpoints of usage: may it be used, it was used, what is left.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { UsageCommands } from '../../commands/entitlements/usage.js';
import type { NamespaceCommands } from '../../commands/namespaces.js';
import type { Dialect } from '../../dialects/dialect.js';
import {
  checkAnswer,
  correctionShown,
  summaryEntry,
  unknownFeatureAnswer,
  usageAnswer,
} from '../../dialects/entitlements.js';
import { told } from '../../dialects/envelopes.js';
import type { Plans } from '../../domain/entitlements/plans.js';
import { publicId } from '../../domain/ids.js';
import { whenThere } from '../../domain/soon.js';
import type { NamespaceRow } from '../../projections/namespaces.js';
import { type Route, route } from '../route.js';
import { chains, payersSince } from './chain.js';
import { CheckQuery, CorrectionBody, entitlementDocs, UsageBody } from './forms.js';
import { allStandings } from './standings.js';

export type EntitlementRouteDeps = {
  readonly readModels: ReadModels;
  readonly usage: UsageCommands;
  readonly plans: Plans;
  readonly namespaces: Pick<NamespaceCommands, 'paidSince'>;
};

const namespaceId = (dialect: Dialect, { id, number }: NamespaceRow) =>
  dialect === '2026' ? number : publicId('namespace', id);

export const entitlementRoutes = (deps: EntitlementRouteDeps): Route[] => {
  const { usage, plans } = deps;
  const { of } = chains(deps.readModels);
  const payers = payersSince(deps.readModels, deps.namespaces);
  return [
    route({
      method: 'GET',
      path: '/entitlements/check',
      scope: 'entitlements:read',
      query: CheckQuery,
      doc: entitlementDocs.check,
      handle: async (exchange) => {
        const { feature: code, quantity = 1 } = exchange.query;
        const feature = plans.features.get(code);
        if (!feature) return { status: 200, body: unknownFeatureAnswer(code, exchange.upgradeUrl()) };
        const { chain } = await of(exchange);
        const standing = await usage.stand(chain, feature, exchange.now.toISOString());
        return { status: 200, body: checkAnswer(standing, quantity, exchange.upgradeUrl()) };
      },
    }),
    route({
      method: 'POST',
      path: '/entitlements/usage',
      scope: 'entitlements:write',
      body: UsageBody,
      doc: entitlementDocs.record,
      // Answered as soon as it is on disk: check and summary know it, and no list has to wait for it.
      handle: (exchange) =>
        whenThere(of(exchange), ({ chain }) => {
          const { body, command, namespace } = exchange;
          const paidSince = namespace && ((since: string) => payers(namespace, since));
          const recording = usage.record(chain, body, command, paidSince);
          return recording.then((one) => ({ status: 200, body: usageAnswer(one), logged: true }));
        }),
    }),
    route({
      method: 'POST',
      path: '/entitlements/usage/:id/correct',
      scope: 'entitlements:write',
      body: CorrectionBody,
      doc: entitlementDocs.correct,
      handle: async (exchange) => {
        const { params, body, command, dialect, caller, namespace } = exchange;
        const { chain, payer } = await of(exchange);
        // Whoever reaches a namespace only uses the pool of a workspace that they do not belong to.
        const mine = [
          ...(namespace ? [namespace.id] : []),
          ...(payer.memberIds.includes(caller.userId) ? [payer.id] : []),
        ];
        const correction = { ...body, mine };
        const corrected = await usage.correct(chain, params['id'] ?? '', correction, command);
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
        const { namespace, now } = exchange;
        const { chain, payer } = await of(exchange);
        const at = now.toISOString();
        const standings = await allStandings({ stand: usage.stand, plans }, chain, at);
        const entries = standings.map((standing) => [standing.feature.code, summaryEntry(standing)]);
        return {
          status: 200,
          body: {
            data: {
              workspace_id: payer.number,
              ...(namespace ? { namespace_id: namespaceId(exchange.dialect, namespace) } : {}),
              tier: payer.tier,
              entitlements: Object.fromEntries(entries),
            },
          },
        };
      },
    }),
  ];
};
