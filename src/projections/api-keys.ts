// The read model behind GET /api-keys, and behind every request: a key is found by its hash.
import type { Row, Term } from '../adapters/read-models/port.js';
import { ApiKeyEvent } from '../domain/api-key-events.js';
import { type ApiKey, type ApiKeyRecord, type ApiKeyStatus, apiKey } from '../domain/api-keys.js';
import { NEVER } from '../domain/decider.js';
import { shared } from './fields.js';
import { type Projection, recordProjection, searchText, typesOf } from './projection.js';

/** A revoked key is no deleted row: it is still listed where a list asks for `revoked`. */
export type ApiKeyRow = Row & ApiKeyRecord & { readonly search: string };

export const apiKeys: Projection<ApiKeyRow> = recordProjection<ApiKey, ApiKeyRow>({
  name: 'api-keys',
  version: 1,
  holds: 'An API key. The key itself is stored nowhere.',
  fields: {
    number: shared.number,
    workspaceId: shared.workspaceId,
    userId: ['uuid', 'The user that it acts for.'],
    name: ['text', 'Its name.'],
    prefix: ['text', 'Its first characters, to recognise it by.'],
    environment: ['text', '`live` or `test`.'],
    secretHash: ['text', 'SHA-256 of the whole key, in hex.'],
    scopes: ['text[]', 'What it may do.'],
    rateLimitTier: ['text?', 'The tier of its rate limit; null = that of the workspace.'],
    workspaceTier: ['text', 'The tier of its workspace when the key was made.'],
    expiresAt: ['instant', 'When it expires, or never.'],
    graceEndsAt: ['instant', 'After a rotation, when it ends; never before one.'],
    endsAt: ['instant', 'The earlier of the two: from then on it is refused.'],
    isEnabled: ['boolean', 'False while it is switched off.'],
    revoked: ['boolean', 'True once it was revoked. A revoked key is no tombstone.'],
    allowedIps: ['text[]', 'Addresses and networks that it may be used from; empty = from everywhere.'],
    metadata: shared.metadata,
    dialect: ['text?', 'The dialect that it is answered in; null = the server’s own.'],
    rotatedFrom: ['object?', '`{id, number}` of the key that it replaced.'],
    rotatedTo: ['object?', '`{id, number}` of the key that replaced it.'],
    search: shared.search,
    createdAt: shared.createdAt,
    updatedAt: shared.updatedAt,
  },
  indexes: ['number', 'secretHash', 'workspaceId'],
  events: typesOf(ApiKeyEvent),
  evolve: apiKey.evolve,
  toState: (record) => (record ? { record } : {}),
  toRow: ({ record }) => record && { ...record, search: searchText(record.name, record.prefix) },
});

/** The rows that have a status at an instant (ISO, ms): `apiKeyStatus` as a query. */
export const apiKeyStatusTerms: Readonly<Record<ApiKeyStatus, (now: string) => Term[]>> = (() => {
  const notRevoked: Term = { field: 'revoked', op: 'eq', value: false };
  const alive = (now: string): Term[] => [notRevoked, { field: 'endsAt', op: 'gt', value: now }];
  const enabled: Term = { field: 'isEnabled', op: 'eq', value: true };
  return {
    active: (now) => [...alive(now), enabled, { field: 'graceEndsAt', op: 'eq', value: NEVER }],
    rotating: (now) => [...alive(now), enabled, { field: 'graceEndsAt', op: 'lt', value: NEVER }],
    disabled: (now) => [...alive(now), { field: 'isEnabled', op: 'eq', value: false }],
    expired: (now) => [notRevoked, { field: 'endsAt', op: 'lte', value: now }],
    revoked: () => [{ field: 'revoked', op: 'eq', value: true }],
  };
})();
