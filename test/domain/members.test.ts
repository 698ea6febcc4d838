import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError, type ErrorCode } from '../../src/domain/errors.js';
import {
  decideMembers,
  type MemberCommand,
  type Members,
  type Role,
  roles,
} from '../../src/domain/members.js';

const since = '2026-01-15T10:30:00.000Z';
const of = (members: Readonly<Record<string, Role>>): Members =>
  Object.entries(members).map(([userId, role]) => ({ userId, role, since }));
const decide = (members: Readonly<Record<string, Role>>, command: MemberCommand) =>
  decideMembers(of(members), command);
const refused = (members: Readonly<Record<string, Role>>, command: MemberCommand): ErrorCode | undefined => {
  try {
    decide(members, command);
    return undefined;
  } catch (error) {
    return (error as DomainError).code;
  }
};
const add = (by: string, role: Role, userId = 'new') => ({ type: 'AddMember' as const, userId, role, by });
const change = (by: string, userId: string, role: Role) => ({
  type: 'ChangeRole' as const,
  userId,
  role,
  by,
});
const remove = (by: string, userId: string) => ({ type: 'RemoveMember' as const, userId, by });
const team = { owner: 'owner', admin: 'admin', member: 'member' } as const;

describe('members of a workspace', () => {
  it('are added by owners and admins, with a role that is not above their own', () => {
    const may = (by: Role, role: Role) => refused(team, add(by, role)) === undefined;
    expect(roles.map((by) => roles.map((role) => may(by, role)))).toEqual([
      [true, true, true],
      [false, true, true],
      [false, false, false],
    ]);
    expect(decide(team, add('admin', 'member'))).toEqual([
      { change: 'joins', userId: 'new', role: 'member' },
    ]);
    expect(refused(team, add('member', 'member'))).toBe('access_denied');
    expect(refused(team, add('stranger', 'member'))).toBe('not_found');
  });

  it('are not added twice: the same role changes nothing, another one is for a change of role', () => {
    expect(decide(team, add('owner', 'member', 'member'))).toEqual([]);
    expect(refused(team, add('owner', 'admin', 'member'))).toBe('validation_failed');
  });

  it('get another role from whoever has neither a lower role than they had nor than they get', () => {
    const may = (by: Role, of: Role, to: Role) =>
      refused({ ...team, two: of, other: 'owner' }, change(by, 'two', to)) === undefined;
    expect([may('owner', 'admin', 'owner'), may('owner', 'owner', 'member')]).toEqual([true, true]);
    expect([may('admin', 'member', 'admin'), may('admin', 'admin', 'member')]).toEqual([true, true]);
    expect([may('admin', 'member', 'owner'), may('admin', 'owner', 'member')]).toEqual([false, false]);
    expect(refused(team, change('member', 'member', 'admin'))).toBe('access_denied');
    expect(refused(team, change('owner', 'stranger', 'admin'))).toBe('not_found');
    expect(decide(team, change('owner', 'member', 'member'))).toEqual([]);
  });

  it('are removed by whoever has no lower role; everybody may leave', () => {
    expect(decide(team, remove('admin', 'member'))).toEqual([{ change: 'leaves', userId: 'member' }]);
    expect(decide(team, remove('member', 'member'))).toEqual([{ change: 'leaves', userId: 'member' }]);
    expect(refused(team, remove('member', 'admin'))).toBe('access_denied');
    expect(refused({ ...team, two: 'owner' }, remove('admin', 'two'))).toBe('access_denied');
    expect(refused(team, remove('owner', 'stranger'))).toBe('not_found');
    expect(refused(team, remove('stranger', 'stranger'))).toBe('not_found');
  });

  it('keep an owner: the last one is neither removed nor demoted', () => {
    expect(refused(team, remove('owner', 'owner'))).toBe('cannot_delete');
    expect(refused(team, change('owner', 'owner', 'member'))).toBe('validation_failed');
    const two = { ...team, second: 'owner' } as const;
    expect(refused(two, remove('owner', 'owner'))).toBeUndefined();
    expect(refused(two, change('second', 'owner', 'member'))).toBeUndefined();
  });

  it('lose somebody who is erased; without another owner the longest-serving admin inherits, else member', () => {
    const erase = (members: Members, userId = 'owner') =>
      decideMembers(members, { type: 'EraseMember', userId });
    expect(erase(of(team), 'member')).toEqual([{ change: 'leaves', userId: 'member' }]);
    expect(erase(of(team), 'stranger')).toEqual([]);
    expect(erase(of({ owner: 'owner', other: 'owner' }))).toEqual([{ change: 'leaves', userId: 'owner' }]);
    expect(erase(of({ owner: 'owner' }))).toEqual([{ change: 'ends' }]);
    const later = { userId: 'young', role: 'admin', since: '2027-01-01T00:00:00.000Z' } as const;
    expect(erase([...of({ owner: 'owner', member: 'member' }), later, ...of({ admin: 'admin' })])).toEqual([
      { change: 'joins', userId: 'admin', role: 'owner' },
      { change: 'leaves', userId: 'owner' },
    ]);
    expect(erase(of({ owner: 'owner', member: 'member' }))).toEqual([
      { change: 'joins', userId: 'member', role: 'owner' },
      { change: 'leaves', userId: 'owner' },
    ]);
  });

  it('always have an owner, whatever is done to them by whomever', () => {
    const person = fc.constantFrom('a', 'b', 'c', 'd');
    const role = fc.constantFrom(...roles);
    const command: fc.Arbitrary<MemberCommand> = fc.oneof(
      fc.record({ type: fc.constant('AddMember' as const), userId: person, role, by: person }),
      fc.record({ type: fc.constant('ChangeRole' as const), userId: person, role, by: person }),
      fc.record({ type: fc.constant('RemoveMember' as const), userId: person, by: person }),
      fc.record({ type: fc.constant('EraseMember' as const), userId: person }),
    );
    const after = (members: Members, one: MemberCommand): Members | undefined => {
      let next = members;
      for (const decided of decideMembers(members, one)) {
        if (decided.change === 'ends') return undefined;
        const others = next.filter(({ userId }) => userId !== decided.userId);
        next = decided.change === 'leaves' ? others : [...others, { ...decided, since }];
      }
      return next;
    };
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        let members = of({ a: 'owner' });
        for (const one of commands) {
          try {
            const next = after(members, one);
            if (!next) return;
            members = next;
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
          }
          expect(members.some((member) => member.role === 'owner')).toBe(true);
        }
      }),
    );
  });
});
