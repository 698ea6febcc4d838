import { describe, expect, it } from 'vitest';
import { type UserEvent, user } from '../../src/domain/users.js';
import { ReservationLost } from '../../src/domain/workspaces.js';
import { AT, given } from '../support/given.js';

const id = '01980000-0000-7000-8000-000000000001';
const data = {
  userId: id,
  number: 1,
  name: 'sealed name',
  email: 'sealed address',
  emailHash: 'h1',
  tier: 'free' as const,
};
const created: UserEvent = { type: 'UserCreated', data };
const updated = (changes: object): UserEvent => ({ type: 'UserUpdated', data: { userId: id, changes } });
const withdrawn: UserEvent = {
  type: 'UserEmailWithdrawn',
  data: { userId: id, emailHash: 'h1', reservation: 3 },
};
const email = { address: 'sealed other', hash: 'h2' };

describe('a user', () => {
  it('is created once', () => {
    given(user).when({ type: 'CreateUser', data, reservation: 0 }).then(created);
    given(user, created).when({ type: 'CreateUser', data, reservation: 0 }).thenRefused('conflict');
  });

  it('is not created on a reservation that was taken over, but is on a newer one', () => {
    const decide = (reservation: number) =>
      user.decide({ type: 'CreateUser', data, reservation }, given(user, withdrawn).state());
    expect(() => decide(3)).toThrow(ReservationLost);
    expect(decide(4)).toEqual([created]);
  });

  it('changes name and address', () => {
    given(user, created)
      .when({ type: 'UpdateUser', changes: { name: null } })
      .then(updated({ name: null }));
    given(user, created)
      .when({ type: 'UpdateUser', changes: { email }, reservation: 0 })
      .then(updated({ email }));
    given(user, created).when({ type: 'UpdateUser', changes: {} }).then();
    given(user)
      .when({ type: 'UpdateUser', changes: { name: null } })
      .thenRefused('not_found', 'Resource not found.');
  });

  it('does not change to an address whose reservation was taken over', () => {
    const lost: UserEvent = {
      type: 'UserEmailWithdrawn',
      data: { userId: id, emailHash: 'h2', reservation: 5 },
    };
    const state = given(user, created, lost).state();
    expect(() => user.decide({ type: 'UpdateUser', changes: { email }, reservation: 5 }, state)).toThrow(
      ReservationLost,
    );
  });

  it('is told when a reservation of theirs was taken over', () =>
    given(user, created)
      .when({ type: 'WithdrawEmail', userId: id, emailHash: 'h1', reservation: 3 })
      .then(withdrawn));

  it('has no verified address any more after a change of it, but after a change of name', () => {
    const { record, withdrawn: none } = given(user, created).state();
    if (!record) throw new Error('no record');
    const verified = { record: { ...record, emailVerifiedAt: AT }, withdrawn: none };
    const changedBy = (changes: object) =>
      user.evolve(verified, { ...updated(changes), metadata: { at: AT } }).record;
    expect(changedBy({ email })?.emailVerifiedAt).toBeNull();
    expect(changedBy({ name: null })?.emailVerifiedAt).toBe(AT);
  });

  it('changes to another address on a reservation only; its own needs none', () => {
    const state = given(user, created).state();
    expect(() => user.decide({ type: 'UpdateUser', changes: { email } }, state)).toThrow(ReservationLost);
    const spelling = { email: { address: 'sealed anew', hash: 'h1' } };
    expect(user.decide({ type: 'UpdateUser', changes: spelling }, state)).toEqual([updated(spelling)]);
  });

  it('is erased once, and then nothing is known of them and nothing changes any more', () => {
    const erased: UserEvent = { type: 'UserErased', data: { userId: id } };
    given(user, created).when({ type: 'EraseUser' }).then(erased);
    given(user).when({ type: 'EraseUser' }).thenRefused('not_found');
    given(user, created, erased).when({ type: 'EraseUser' }).thenRefused('not_found');
    given(user, created, erased)
      .when({ type: 'UpdateUser', changes: { name: 'sealed' } })
      .thenRefused('not_found');
    given(user, created, erased).when({ type: 'CreateUser', data, reservation: 9 }).thenRefused('conflict');
    expect(given(user, created, erased).state().record).toMatchObject({
      number: 1,
      name: null,
      email: null,
      emailHash: null,
      emailVerifiedAt: null,
      erasedAt: AT,
    });
  });

  it('is what the events say', () => {
    const { userId, ...fields } = data;
    const record = {
      id: userId,
      ...fields,
      emailVerifiedAt: null,
      erasedAt: null,
      createdAt: AT,
      updatedAt: AT,
    };
    expect(given(user, created).state().record).toEqual(record);
    expect(given(user, created, updated({ name: null })).state().record).toEqual({ ...record, name: null });
    expect(given(user, created, updated({ email })).state().record).toEqual({
      ...record,
      email: 'sealed other',
      emailHash: 'h2',
    });
    expect(given(user, created, withdrawn).state().record).toEqual(record);
    expect(given(user, updated({ name: null })).state().record).toBeUndefined();
  });
});
