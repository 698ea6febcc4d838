// Creating, changing, rotating and revoking API keys.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { ApiKeyCommands } from '../../commands/api-keys.js';
import type { KeyUses } from '../../commands/key-uses.js';
import { apiKeyViews, createdApiKey, rotatedApiKey } from '../../dialects/api-keys.js';
import { updated } from '../../dialects/envelopes.js';
import { NEVER } from '../../domain/decider.js';
import { type Route, route } from '../route.js';
import { apiKeyDocs } from './docs.js';
import { CreateBody, RotateBody, UpdateBody } from './input.js';
import { findApiKey, showApiKey } from './showing.js';

export const apiKeyWrites = (deps: {
  readModels: ReadModels;
  apiKeys: ApiKeyCommands;
  uses: KeyUses;
}): Route[] => {
  const { readModels, apiKeys, uses } = deps;
  return [
    route({
      method: 'POST',
      path: '/api-keys',
      scope: 'api-keys:write',
      body: CreateBody,
      doc: apiKeyDocs.create,
      async handle(exchange) {
        const { body } = exchange;
        const input = {
          name: body.name,
          scopes: body.scopes,
          rateLimitTier: body.rate_limit_tier ?? null,
          expiresAt: body.expires_at ?? NEVER,
          environment: body.environment,
          allowedIps: body.allowed_ips,
          metadata: body.metadata,
          dialect: body.dialect ?? null,
        };
        const { record, key, revision, position } = await apiKeys.create(input, exchange);
        const shownKey = await showApiKey(uses, record, exchange);
        return { status: 201, body: createdApiKey(exchange.dialect, shownKey, key), revision, position };
      },
    }),
    route({
      method: 'PATCH',
      path: '/api-keys/:id',
      scope: 'api-keys:write',
      body: UpdateBody,
      doc: apiKeyDocs.update,
      async handle(exchange) {
        const { body } = exchange;
        const { id } = await findApiKey(readModels, exchange);
        const changes = {
          name: body.name,
          scopes: body.scopes,
          rateLimitTier: body.rate_limit_tier,
          expiresAt: body.expires_at,
          allowedIps: body.allowed_ips,
          isEnabled: body.is_enabled,
          metadata: body.metadata,
          dialect: body.dialect,
        };
        const { record, revision, position } = await apiKeys.update(id, changes, exchange);
        const shownKey = await showApiKey(uses, record, exchange);
        return {
          status: 200,
          body: updated(exchange.dialect, 'API key', apiKeyViews, shownKey),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'POST',
      path: '/api-keys/:id/rotate',
      scope: 'api-keys:write',
      body: RotateBody,
      changesRecord: true,
      endsKey: 'grace',
      doc: apiKeyDocs.rotate,
      async handle(exchange) {
        const { id } = await findApiKey(readModels, exchange);
        const hours = exchange.body.grace_period_hours;
        const { record, key, graceEndsAt, revision, position } = await apiKeys.rotate(id, hours, exchange);
        const shownKey = await showApiKey(uses, record, exchange);
        return {
          status: 200,
          body: rotatedApiKey(exchange.dialect, shownKey, key, graceEndsAt),
          revision,
          position,
        };
      },
    }),
    route({
      method: 'DELETE',
      path: '/api-keys/:id',
      scope: 'api-keys:delete',
      endsKey: 'revoked',
      doc: apiKeyDocs.revoke,
      async handle(exchange) {
        const { id } = await findApiKey(readModels, exchange);
        const { position } = await apiKeys.revoke(id, exchange);
        return { status: 204, position };
      },
    }),
  ];
};
