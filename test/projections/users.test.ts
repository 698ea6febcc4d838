import { expect, it } from 'vitest';
import type { UserEvent } from '../../src/domain/users.js';
import { users } from '../../src/projections/users.js';
import { projected } from '../support/projected.js';

const id = '01980000-0000-7000-8000-000000000001';
const data = { userId: id, number: 1, name: null, email: 'sealed', emailHash: 'h1', tier: 'free' as const };
const created: UserEvent = { type: 'UserCreated', data };
const rowAfter = (...events: UserEvent[]) => projected(users, `user-${id}`, events);

it('a user has a row with sealed name and address, found by the address’s hash', () => {
  expect(users.indexes).toContain('emailHash');
  expect(rowAfter(created)).toEqual({
    id,
    number: 1,
    name: null,
    email: 'sealed',
    emailHash: 'h1',
    tier: 'free',
    emailVerifiedAt: null,
    erasedAt: null,
    createdAt: '2026-01-15T10:30:00.000Z',
    updatedAt: '2026-01-15T10:30:00.000Z',
  });
});

it('the row follows changes', () => {
  const changes = { name: 'sealed name', email: { address: 'sealed other', hash: 'h2' } };
  expect(rowAfter(created, { type: 'UserUpdated', data: { userId: id, changes } })).toMatchObject({
    name: 'sealed name',
    email: 'sealed other',
    emailHash: 'h2',
    updatedAt: '2026-01-15T10:30:01.000Z',
  });
});

it('an erased user keeps a row, for records that name them, with nothing of the person in it', () => {
  expect(rowAfter(created, { type: 'UserErased', data: { userId: id } })).toEqual({
    id,
    number: 1,
    name: null,
    email: null,
    emailHash: null,
    tier: 'free',
    emailVerifiedAt: null,
    erasedAt: '2026-01-15T10:30:01.000Z',
    createdAt: '2026-01-15T10:30:00.000Z',
    updatedAt: '2026-01-15T10:30:01.000Z',
  });
});

it('a claimant that was only withdrawn has no row', () => {
  expect(
    rowAfter({ type: 'UserEmailWithdrawn', data: { userId: id, emailHash: 'h1', reservation: 0 } }),
  ).toBeUndefined();
});
