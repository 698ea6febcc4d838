import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { ApiKeyCreated, ApiKeyEvent } from '../../src/domain/api-key-events.js';
import { apiKeyStatus, apiKeyStatuses } from '../../src/domain/api-keys.js';
import { NEVER } from '../../src/domain/decider.js';
import { apiKeyStatusTerms, apiKeys } from '../../src/projections/api-keys.js';
import { projected } from '../support/projected.js';

const id = '01980000-0000-7000-8000-000000000001';
const nextId = '01980000-0000-7000-8000-000000000002';
const workspaceId = '01980000-0000-7000-8000-00000000000a';
const target = { apiKeyId: id, workspaceId };
const data: ApiKeyCreated = {
  ...target,
  userId: '01980000-0000-7000-8000-00000000000b',
  number: 7,
  name: 'Mobile APP',
  prefix: 'sk_live_abc',
  environment: 'live',
  secretHash: 'hash',
  scopes: ['posts:read'],
  rateLimitTier: null,
  workspaceTier: 'pro',
  expiresAt: NEVER,
  isEnabled: true,
  allowedIps: [],
  metadata: {},
  dialect: null,
};
const created: ApiKeyEvent = { type: 'ApiKeyCreated', data };
const successor = {
  ...data,
  apiKeyId: nextId,
  number: 8,
  secretHash: 'next',
  rotatedFrom: { id, number: 7 },
};
const rotated: ApiKeyEvent = {
  type: 'ApiKeyRotated',
  data: { ...target, graceEndsAt: '2026-01-16T10:30:00.000Z', successor },
};
const rowAfter = (...events: ApiKeyEvent[]) => projected(apiKeys, `apiKey-${id}`, events);

describe('the API keys read model', () => {
  const { apiKeyId: _, ...fields } = data;

  it('has a row for a created key, found by its hash and by a case-folded search text', () => {
    expect(apiKeys.indexes).toContain('secretHash');
    expect(rowAfter(created)).toEqual({
      ...fields,
      id,
      graceEndsAt: NEVER,
      endsAt: NEVER,
      revoked: false,
      rotatedFrom: null,
      rotatedTo: null,
      search: 'mobile app\nsk_live_abc',
      createdAt: '2026-01-15T10:30:00.000Z',
      updatedAt: '2026-01-15T10:30:00.000Z',
    });
  });

  it('follows updates', () => {
    const changes = { name: 'New', scopes: ['*'], isEnabled: false, expiresAt: '2026-02-01T00:00:00.000Z' };
    expect(rowAfter(created, { type: 'ApiKeyUpdated', data: { ...target, changes } })).toMatchObject({
      ...changes,
      endsAt: '2026-02-01T00:00:00.000Z',
      search: 'new\nsk_live_abc',
      updatedAt: '2026-01-15T10:30:01.000Z',
    });
  });

  it('shows until when a rotated key goes on, and what replaced it', () => {
    expect(rowAfter(created, rotated)).toMatchObject({
      graceEndsAt: '2026-01-16T10:30:00.000Z',
      endsAt: '2026-01-16T10:30:00.000Z',
      rotatedTo: { id: nextId, number: 8 },
      secretHash: 'hash',
    });
  });

  it('has a row for the key that a rotation made', () => {
    const row = projected(apiKeys, `apiKey-${nextId}`, [
      { type: 'ApiKeyCreatedByRotation', data: successor },
    ]);
    expect(row).toMatchObject({
      id: nextId,
      number: 8,
      secretHash: 'next',
      rotatedFrom: { id, number: 7 },
      endsAt: NEVER,
    });
  });

  it('keeps the row of a revoked key, marked', () => {
    expect(rowAfter(created, { type: 'ApiKeyRevoked', data: target })).toMatchObject({ id, revoked: true });
  });

  it('is not disturbed by events of a key that it does not know', () => {
    expect(rowAfter(rotated)).toBeUndefined();
  });
});

it('a list by status finds exactly the keys that have that status at that instant', async () => {
  const instant = fc.constantFrom(
    '2026-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00.001Z',
    '2026-01-02T00:00:00.000Z',
    NEVER,
  );
  const now = fc.constantFrom(
    '2025-12-31T23:59:59.999Z',
    '2026-01-01T00:00:00.000Z',
    '2026-01-01T12:00:00.000Z',
    '2026-01-02T00:00:00.000Z',
  );
  const key = fc.record({
    revoked: fc.boolean(),
    isEnabled: fc.boolean(),
    expiresAt: instant,
    graceEndsAt: instant,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(key, { maxLength: 20 }), now, async (keys, at) => {
      const readModels = embeddedReadModels([apiKeys]);
      const rows = keys.map((one, n) => ({
        ...one,
        endsAt: [one.expiresAt, one.graceEndsAt].sort()[0] ?? NEVER,
        id: `key-${n}`,
        position: n,
      }));
      await readModels.apply('api-keys', rows, { log: 'log', version: 1, position: rows.length });
      for (const status of apiKeyStatuses) {
        const found = await readModels.find('api-keys', { where: apiKeyStatusTerms[status](at) });
        const expected = rows.filter((row) => apiKeyStatus(row, at) === status).map(({ id: rowId }) => rowId);
        expect(found.map(({ id: rowId }) => rowId).sort()).toEqual(expected.sort());
      }
    }),
  );
});
