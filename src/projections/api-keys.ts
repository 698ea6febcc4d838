// The read model behind GET /api-keys, and behind every request: a key is found by its hash.
import type { Row, Term } from '../adapters/read-models/port.js';
import { ApiKeyEvent } from '../domain/api-key-events.js';
import { type ApiKey, type ApiKeyRecord, type ApiKeyStatus, apiKey } from '../domain/api-keys.js';
import { NEVER } from '../domain/decider.js';
import { type Projection, recordProjection, searchText, typesOf } from './projection.js';

/** A revoked key is no deleted row: it is still listed where a list asks for `revoked`. */
export type ApiKeyRow = Row & ApiKeyRecord & { readonly search: string };

export const apiKeys: Projection<ApiKeyRow> = recordProjection<ApiKey, ApiKeyRow>({
  name: 'api-keys',
  version: 1,
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
