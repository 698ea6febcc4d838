import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiKeyCreated, ApiKeyEvent, ApiKeySuccessor } from '../../src/domain/api-key-events.js';
import { apiKey, apiKeyStatus } from '../../src/domain/api-keys.js';
import { NEVER } from '../../src/domain/decider.js';
import { AT, given } from '../support/given.js';

const id = '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c001';
const workspaceId = '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c002';
const userId = '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c003';
const nextId = '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c004';
const LATER = '2026-01-16T10:30:00.000Z';
const FAR = '2027-01-15T10:30:00.000Z';
const target = { apiKeyId: id, workspaceId };

const data: ApiKeyCreated = {
  ...target,
  userId,
  number: 2,
  name: 'Mobile App Key',
  prefix: 'sk_live_abc',
  environment: 'live',
  secretHash: 'a'.repeat(64),
  scopes: ['posts:read', 'users:read'],
  rateLimitTier: null,
  workspaceTier: 'pro',
  expiresAt: FAR,
  isEnabled: true,
  allowedIps: ['10.0.0.0/8'],
  metadata: { team: 'mobile' },
  dialect: '2024',
};
const created: ApiKeyEvent = { type: 'ApiKeyCreated', data };
const fresh = {
  apiKeyId: nextId,
  number: 3,
  userId,
  prefix: 'sk_live_xyz',
  secretHash: 'b'.repeat(64),
  workspaceTier: 'free' as const,
};
const successor: ApiKeySuccessor = { ...data, ...fresh, rotatedFrom: { id, number: 2 } };
const rotated: ApiKeyEvent = { type: 'ApiKeyRotated', data: { ...target, graceEndsAt: LATER, successor } };
const revoked: ApiKeyEvent = { type: 'ApiKeyRevoked', data: target };
const updated = (changes: object): ApiKeyEvent => ({ type: 'ApiKeyUpdated', data: { ...target, changes } });

const create = (over: Partial<ApiKeyCreated> = {}, held = ['*']) =>
  ({ type: 'CreateApiKey', data: { ...data, ...over }, held, now: AT }) as const;
const update = (changes: object, held = ['*']) => ({ type: 'UpdateApiKey', changes, held, now: AT }) as const;
const rotate = (held = ['*'], now = AT) =>
  ({ type: 'RotateApiKey', successor: fresh, graceEndsAt: LATER, held, now }) as const;
const revoke = { type: 'RevokeApiKey' } as const;

describe('creating a key', () => {
  it('is a fact with all that was given', () => given(apiKey).when(create()).then(created));
  it('is refused when the key exists', () => given(apiKey, created).when(create()).thenRefused('conflict'));
  it('is refused with an end that is past, or just now', () => {
    given(apiKey)
      .when(create({ expiresAt: '2026-01-15T10:29:59.999Z' }))
      .thenRefused('validation_failed');
    given(apiKey)
      .when(create({ expiresAt: AT }))
      .thenRefused('validation_failed');
  });
  it('is refused for a scope that the asking key does not hold, naming it', () =>
    given(apiKey)
      .when(create({ scopes: ['posts:read', 'posts:write'] }, ['*:read', 'api-keys:write']))
      .thenRefused('access_denied', /^Insufficient permissions. Required scope: posts:write$/));
  it('is refused for all actions to a key that holds only some', () =>
    given(apiKey)
      .when(create({ scopes: ['posts:*'] }, ['read', 'write', 'delete']))
      .thenRefused('access_denied'));
  it('without scopes needs none', () =>
    given(apiKey)
      .when(create({ scopes: [] }, ['api-keys:write']))
      .then({ ...created, data: { ...data, scopes: [] } }));
});

describe('updating a key', () => {
  it('keeps only what differs', () =>
    given(apiKey, created)
      .when(
        update({
          name: 'New',
          scopes: [...data.scopes],
          metadata: { team: 'mobile', crm: '1' },
          isEnabled: false,
        }),
      )
      .then(updated({ name: 'New', isEnabled: false, metadata: { crm: '1' } })));
  it('that changes nothing is no event', () =>
    given(apiKey, created)
      .when(update({ name: data.name, metadata: { absent: null }, dialect: '2024' }))
      .then());
  it('is refused for scopes that the asking key does not hold', () =>
    given(apiKey, created)
      .when(update({ scopes: ['*'] }, ['api-keys:*']))
      .thenRefused('access_denied'));
  it('leaves alone scopes that are stronger than the asking key', () =>
    given(apiKey, created)
      .when(update({ name: 'New', scopes: data.scopes }, ['api-keys:write']))
      .then(updated({ name: 'New' })));
  it('is refused with an end in the past', () =>
    given(apiKey, created)
      .when(update({ expiresAt: '2025-01-01T00:00:00.000Z' }))
      .thenRefused('validation_failed'));
  it('is refused beyond 50 keys of metadata', () =>
    given(apiKey, created)
      .when(update({ metadata: Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, ''])) }))
      .thenRefused('validation_failed'));
  it('finds no key where there is none, or a revoked one', () => {
    given(apiKey)
      .when(update({ name: 'New' }))
      .thenRefused('not_found', /^Resource not found\.$/);
    given(apiKey, created, revoked)
      .when(update({ name: 'New' }))
      .thenRefused('not_found');
  });
});

describe('rotating a key', () => {
  it('commits the whole successor on the old key’s stream', () =>
    given(apiKey, created).when(rotate()).then(rotated));
  it('carries over what was changed since the creation', () =>
    given(apiKey, created, updated({ name: 'New', isEnabled: false }))
      .when(rotate())
      .then({
        type: 'ApiKeyRotated',
        data: { ...target, graceEndsAt: LATER, successor: { ...successor, name: 'New', isEnabled: false } },
      }));
  it('twice is refused, during the grace and after it', () => {
    given(apiKey, created, rotated).when(rotate()).thenRefused('rotation_in_progress');
    given(apiKey, created, rotated)
      .when(rotate(['*'], FAR))
      .thenRefused('rotation_in_progress');
  });
  it('is refused to a key that does not hold the scopes', () =>
    given(apiKey, created)
      .when(rotate(['api-keys:write', 'posts:read']))
      .thenRefused('access_denied', /users:read/));
  it('is refused for an expired key', () =>
    given(apiKey, created)
      .when(rotate(['*'], FAR))
      .thenRefused('conflict'));
  it('finds no revoked key', () => given(apiKey, created, revoked).when(rotate()).thenRefused('not_found'));
  it('is finished once, however often it is tried', () => {
    const finished: ApiKeyEvent = { type: 'ApiKeyCreatedByRotation', data: successor };
    given(apiKey).when({ type: 'FinishRotation', data: successor }).then(finished);
    given(apiKey, finished).when({ type: 'FinishRotation', data: successor }).then();
    given(apiKey, finished, revoked).when({ type: 'FinishRotation', data: successor }).then();
  });
});

describe('revoking a key', () => {
  it('is a fact', () => given(apiKey, created).when(revoke).then(revoked));
  it('finds no key where there is none, or a revoked one', () => {
    given(apiKey).when(revoke).thenRefused('not_found');
    given(apiKey, created, revoked).when(revoke).thenRefused('not_found');
  });
});

describe('the record', () => {
  const { apiKeyId: _, ...fields } = data;
  const record = {
    ...fields,
    id,
    graceEndsAt: NEVER,
    endsAt: FAR,
    revoked: false,
    rotatedFrom: null,
    rotatedTo: null,
    createdAt: AT,
    updatedAt: AT,
  };
  it('follows from the creation', () => expect(given(apiKey, created).state().record).toEqual(record));
  it('of a successor names the key it replaced', () => {
    const { apiKeyId, ...rest } = successor;
    expect(given(apiKey, { type: 'ApiKeyCreatedByRotation', data: successor }).state().record).toEqual({
      ...record,
      ...rest,
      id: apiKeyId,
    });
  });
  it('follows updates: a new end, merged and removed metadata, a cleared dialect', () =>
    expect(
      given(
        apiKey,
        created,
        updated({ expiresAt: LATER, metadata: { team: null, crm: '1' }, dialect: null }),
      ).state().record,
    ).toEqual({ ...record, expiresAt: LATER, endsAt: LATER, metadata: { crm: '1' }, dialect: null }));
  it('ends with its grace when it was rotated, also when the end is moved later', () => {
    expect(given(apiKey, created, rotated).state().record).toMatchObject({
      graceEndsAt: LATER,
      endsAt: LATER,
      rotatedTo: { id: nextId, number: 3 },
    });
    expect(given(apiKey, created, rotated, updated({ expiresAt: NEVER })).state().record).toMatchObject({
      expiresAt: NEVER,
      endsAt: LATER,
    });
  });
  it('ends at its expiry when that comes before the grace’s end', () =>
    expect(
      given(apiKey, created, updated({ expiresAt: '2026-01-15T11:00:00.000Z' }), rotated).state().record
        ?.endsAt,
    ).toBe('2026-01-15T11:00:00.000Z'));
  it('is marked when revoked', () =>
    expect(given(apiKey, created, revoked).state().record?.revoked).toBe(true));
  it('does not come from events without a creation', () =>
    expect(given(apiKey, revoked).state()).toEqual({}));
});

describe('the status of a key', () => {
  const base = { revoked: false, isEnabled: true, endsAt: NEVER, graceEndsAt: NEVER };
  it.each([
    [base, 'active'],
    [{ ...base, graceEndsAt: LATER, endsAt: LATER }, 'rotating'],
    [{ ...base, isEnabled: false }, 'disabled'],
    [{ ...base, isEnabled: false, graceEndsAt: LATER, endsAt: LATER }, 'disabled'],
    [{ ...base, endsAt: AT }, 'expired'],
    [{ ...base, endsAt: '2026-01-15T10:30:00.001Z' }, 'active'],
    [{ ...base, isEnabled: false, endsAt: AT }, 'expired'],
    [{ ...base, revoked: true, endsAt: AT, isEnabled: false }, 'revoked'],
  ])('of %j is %s', (record, status) => expect(apiKeyStatus(record, AT)).toBe(status));
});

it('no history of any commands makes a key stronger than those who asked', () => {
  const scope = fc.constantFrom('*', 'posts:*', 'posts:read', 'read', 'users:write');
  const command = fc.record({
    kind: fc.constantFrom('update', 'rotate'),
    scopes: fc.array(scope),
    held: fc.array(scope),
  });
  fc.assert(
    fc.property(fc.array(command), (commands) => {
      let state = given(apiKey, { ...created, data: { ...data, scopes: ['posts:read'] } }).state();
      const holders = new Set(['posts:read']);
      for (const { kind, scopes, held } of commands) {
        const wanted = kind === 'update' ? update({ scopes }, held) : rotate(held);
        try {
          for (const event of apiKey.decide(wanted, state))
            state = apiKey.evolve(state, { ...event, metadata: { at: AT } });
          for (const one of held) holders.add(one);
        } catch {
          // refused
        }
      }
      if (!holders.has('*')) expect(state.record?.scopes).not.toContain('*');
    }),
  );
});
