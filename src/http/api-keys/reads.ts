// Reading API keys: lists, single ones, the key of the request.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { KeyUses } from '../../commands/key-uses.js';
import { apiKeyViews, type ShownApiKey } from '../../dialects/api-keys.js';
import type { ApiKeyRow } from '../../projections/api-keys.js';
import { type Includes, listAnswer, listQuery, singleAnswer, singleQuery } from '../list-query.js';
import { type Route, route } from '../route.js';
import { shownNames } from '../shown-names.js';
import { apiKeyDocs } from './docs.js';
import { notRevoked, spec } from './input.js';
import { findApiKey, showApiKey, showApiKeys } from './showing.js';

export const apiKeyReads = (deps: {
  readModels: ReadModels;
  uses: KeyUses;
  includes: Includes<ApiKeyRow>;
}): Route[] => {
  const { readModels, uses, includes } = deps;
  return [
    route({
      method: 'GET',
      path: '/api-keys',
      scope: 'api-keys:read',
      query: listQuery(spec),
      shows: shownNames(apiKeyViews, 'list', includes),
      doc: apiKeyDocs.list,
      handle: (exchange) =>
        listAnswer<ApiKeyRow, ShownApiKey>(exchange, {
          readModels,
          model: 'api-keys',
          where: [{ field: 'workspaceId', op: 'eq', value: exchange.workspace.id }],
          spec,
          views: apiKeyViews,
          includes,
          join: (rows) => showApiKeys(uses, rows, exchange),
        }),
    }),
    route({
      method: 'GET',
      path: '/api-keys/current',
      scope: 'any',
      query: singleQuery,
      shows: shownNames(apiKeyViews, 'single', includes),
      doc: apiKeyDocs.current,
      async handle(exchange) {
        const { key, home } = exchange.caller;
        const record = await showApiKey(uses, key, { now: exchange.now, workspace: home });
        return singleAnswer<ApiKeyRow, ShownApiKey>(exchange, {
          row: key,
          views: apiKeyViews,
          includes,
          record,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/api-keys/:id',
      scope: 'api-keys:read',
      query: singleQuery,
      shows: shownNames(apiKeyViews, 'single', includes),
      doc: apiKeyDocs.get,
      async handle(exchange) {
        const row = await findApiKey(readModels, exchange, [notRevoked]);
        const record = await showApiKey(uses, row, exchange);
        return singleAnswer<ApiKeyRow, ShownApiKey>(exchange, { row, views: apiKeyViews, includes, record });
      },
    }),
  ];
};
