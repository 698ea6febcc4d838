// Reading API keys: lists, single ones, the key of the request.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { KeyUses } from '../../commands/key-uses.js';
import { apiKeyViews, type ShownApiKey } from '../../dialects/api-keys.js';
import type { ApiKeyRow } from '../../projections/api-keys.js';
import { type Includes, listAnswer, listQuery, singleAnswer, singleQuery } from '../list-query.js';
import { type Route, route } from '../route.js';
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
      doc: {
        id: 'listApiKeys',
        tag: 'API keys',
        summary: 'List API keys',
        description: 'Revoked keys are listed only with `status=revoked`.',
        success: { status: 200, description: 'A page of the workspace’s keys.' },
      },
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
      doc: {
        id: 'getCurrentApiKey',
        tag: 'API keys',
        summary: 'Get the API key of this request',
        success: { status: 200, description: 'The key that the request was made with.' },
      },
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
      doc: {
        id: 'getApiKey',
        tag: 'API keys',
        summary: 'Get an API key',
        params: { id: 'API key id' },
        success: { status: 200, description: 'The key, without its secret.' },
      },
      async handle(exchange) {
        const row = await findApiKey(readModels, exchange, [notRevoked]);
        const record = await showApiKey(uses, row, exchange);
        return singleAnswer<ApiKeyRow, ShownApiKey>(exchange, { row, views: apiKeyViews, includes, record });
      },
    }),
  ];
};
