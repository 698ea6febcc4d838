// What the documentation says about the endpoints of API keys.
import { pageExample } from '../doc-examples.js';
import type { RouteDoc } from '../route.js';

const tag = 'API keys';
const params = { id: 'API key id' };
const key = 'sk_live_abc123def456ghi789jkl012mno345pq';
const prefixed = 'key_01kf0d8x2zfyt9hp5g7q3n4c6e';
const named = { id: 1, name: 'Production API Key' };
const times = {
  last_used_at: '2026-01-15T10:30:00Z',
  expires_at: null,
  created_at: '2026-01-01T00:00:00Z',
};
const granted = { scopes: ['posts:read', 'posts:write'], rate_limit_tier: 'pro' };
const whole = { ...named, prefix: 'sk_live_abc', ...granted, ...times };
const whole2024 = { ...whole, id: prefixed, prefix: 'sk_live_' };
const asked = {
  name: 'Mobile App Key',
  scopes: ['posts:read', 'users:read'],
  rate_limit_tier: 'pro',
  expires_at: '2027-01-01T00:00:00Z',
};
const made = { id: 2, name: asked.name, key, scopes: asked.scopes };
const madeAt = { created_at: '2026-01-15T10:30:00Z' };
const rotated = { ...made, id: 3, grace_period_ends_at: '2026-01-16T10:30:00Z' };

const single = { example: { data: whole }, example2024: { data: whole2024 } };

/** What may be null. */
const nullable = ['last_used_at', 'expires_at'];

export const apiKeyDocs = {
  list: {
    id: 'listApiKeys',
    tag,
    summary: 'List API keys',
    description: 'Revoked keys are listed only with `status=revoked`.',
    success: {
      nullable,
      status: 200,
      description: 'A page of the workspace’s keys.',
      ...pageExample('/api-keys', [whole], [whole2024]),
    },
  },
  current: {
    id: 'getCurrentApiKey',
    tag,
    summary: 'Get the API key of this request',
    success: {
      nullable,
      status: 200,
      description: 'The key that the request was made with.',
      ...single,
    },
  },
  get: {
    id: 'getApiKey',
    tag,
    summary: 'Get an API key',
    params,
    success: {
      nullable,
      status: 200,
      description: 'The key, without its secret.',
      ...single,
    },
  },
  create: {
    id: 'createApiKey',
    tag,
    summary: 'Create an API key',
    description:
      'The whole key is in this answer and nowhere else. A key cannot be given scopes that the asking key does not hold.',
    requestExample: asked,
    success: {
      nullable,
      status: 201,
      description: 'The new key.',
      example: {
        message: 'API key created successfully.',
        data: { ...made, rate_limit_tier: asked.rate_limit_tier, expires_at: asked.expires_at, ...madeAt },
      },
      example2024: { data: { ...made, id: prefixed, ...madeAt } },
    },
  },
  update: {
    id: 'updateApiKey',
    tag,
    summary: 'Update an API key',
    params,
    requestExample: { name: 'Renamed Key', is_enabled: false },
    success: {
      nullable,
      status: 200,
      description: 'The key after the change.',
      example: { message: 'API key updated successfully.', data: { ...whole, name: 'Renamed Key' } },
      example2024: { data: { ...whole2024, name: 'Renamed Key' } },
    },
  },
  rotate: {
    id: 'rotateApiKey',
    tag,
    summary: 'Rotate an API key',
    description:
      'Makes a new key with a new id in place of this one. Both work until the grace period ends; 0 hours end the old key at once. The new key belongs to the user who asked.',
    params,
    requestExample: { grace_period_hours: 24 },
    success: {
      status: 200,
      description: 'The new key.',
      example: { message: 'API key rotated successfully.', data: rotated },
      example2024: { data: { ...rotated, id: prefixed } },
    },
    refusals: { 409: 'The key has already been rotated, or has expired.' },
  },
  revoke: {
    id: 'revokeApiKey',
    tag,
    summary: 'Revoke an API key',
    params,
    success: { status: 204, description: 'The key does not work any more.' },
  },
} satisfies Record<string, RouteDoc>;
