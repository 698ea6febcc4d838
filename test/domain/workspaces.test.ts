import { describe, expect, it } from 'vitest';
import { ReservationLost, type WorkspaceEvent, workspace } from '../../src/domain/workspaces.js';
import { AT, given } from '../support/given.js';

const id = '01980000-0000-7000-8000-000000000001';
const owner = '01980000-0000-7000-8000-00000000000a';
const member = '01980000-0000-7000-8000-00000000000b';
const data = {
  workspaceId: id,
  number: 7,
  name: 'Acme Corporation',
  slug: 'acme',
  tier: 'free' as const,
  settings: { timezone: 'UTC', locale: 'en_GB' },
  tags: ['a'],
  metadata: { crm: '42' },
  ownerId: owner,
};
const created: WorkspaceEvent = { type: 'WorkspaceCreated', data };
const joined = (role: 'admin' | 'member'): WorkspaceEvent => ({
  type: 'MemberAdded',
  data: { workspaceId: id, userId: member, role },
});
const deleted: WorkspaceEvent = { type: 'WorkspaceDeleted', data: { workspaceId: id } };
const withdrawn: WorkspaceEvent = {
  type: 'WorkspaceSlugWithdrawn',
  data: { workspaceId: id, slug: 'acme', reservation: 3 },
};
const update = (changes: object, by = owner) => ({ type: 'UpdateWorkspace' as const, changes, by });

describe('a workspace', () => {
  it('is created once', () => {
    given(workspace).when({ type: 'CreateWorkspace', data, reservation: 0 }).then(created);
    given(workspace, created).when({ type: 'CreateWorkspace', data, reservation: 0 }).thenRefused('conflict');
  });

  it('is not created, nor created again after its deletion', () => {
    given(workspace, created, deleted)
      .when({ type: 'CreateWorkspace', data, reservation: 0 })
      .thenRefused('conflict');
  });

  it('is not created on a reservation that was taken over, but is on a newer one', () => {
    const decide = (reservation: number) =>
      workspace.decide({ type: 'CreateWorkspace', data, reservation }, given(workspace, withdrawn).state());
    expect(() => decide(3)).toThrow(ReservationLost);
    expect(decide(4)).toEqual([created]);
  });

  it('changes its slug on a reservation only; one that stays as it is needs none', () => {
    const state = given(workspace, created).state();
    expect(() => workspace.decide(update({ slug: 'new' }), state)).toThrow(ReservationLost);
    expect(workspace.decide({ ...update({ slug: 'new' }), reservation: 0 }, state)).toHaveLength(1);
    expect(workspace.decide(update({ slug: 'acme', name: 'New' }), state)).toHaveLength(1);
  });

  it('takes no slug on a reservation that was taken over', () => {
    const state = given(workspace, created, {
      ...withdrawn,
      data: { ...withdrawn.data, slug: 'new' },
    } as WorkspaceEvent).state();
    expect(() => workspace.decide({ ...update({ slug: 'new' }), reservation: 2 }, state)).toThrow(
      ReservationLost,
    );
  });

  it('changes what is given and keeps the rest', () => {
    const changes = {
      name: 'Updated Name',
      settings: { timezone: 'Europe/London' },
      metadata: { crm: null, erp: '1' },
    };
    given(workspace, created)
      .when(update(changes))
      .then({ type: 'WorkspaceUpdated', data: { workspaceId: id, changes } });
    expect(
      given(workspace, created, { type: 'WorkspaceUpdated', data: { workspaceId: id, changes } }).state()
        .record,
    ).toMatchObject({
      name: 'Updated Name',
      slug: 'acme',
      settings: { timezone: 'Europe/London', locale: 'en_GB' },
      metadata: { erp: '1' },
      tags: ['a'],
    });
  });

  it('emits nothing when an update changes nothing', () => {
    given(workspace, created)
      .when(update({ name: 'Acme Corporation', settings: { locale: 'en_GB' } }))
      .then();
  });

  it('is suspended while its entitlements are', () => {
    const follow = (isSuspended: boolean) => ({ type: 'FollowSuspension' as const, isSuspended });
    const updated = (isSuspended: boolean): WorkspaceEvent => ({
      type: 'WorkspaceUpdated',
      data: { workspaceId: id, changes: { isSuspended } },
    });
    given(workspace, created).when(follow(true)).then(updated(true));
    given(workspace, created, updated(true)).when(follow(true)).then();
    given(workspace, created, updated(true)).when(follow(false)).then(updated(false));
    given(workspace, created).when(follow(false)).then();
    given(workspace, created, deleted).when(follow(true)).thenRefused('not_found');
    const statusAfter = (...events: WorkspaceEvent[]) =>
      given(workspace, created, ...events).state().record?.status;
    expect([statusAfter(), statusAfter(updated(true)), statusAfter(updated(true), updated(false))]).toEqual([
      'active',
      'suspended',
      'active',
    ]);
  });

  it('holds at most 50 metadata keys, counted after the merge', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 'v']));
    given(workspace, created)
      .when(update({ metadata: many }))
      .thenRefused('validation_failed');
    given(workspace, created)
      .when(update({ metadata: { ...many, crm: null } }))
      .then({
        type: 'WorkspaceUpdated',
        data: { workspaceId: id, changes: { metadata: { ...many, crm: null } } },
      });
  });

  it('holds at most 256 KiB of settings, counted after the merge', () => {
    const half = 'x'.repeat(140_000);
    const first: WorkspaceEvent = {
      type: 'WorkspaceUpdated',
      data: { workspaceId: id, changes: { settings: { a: half } } },
    };
    given(workspace, created)
      .when(update({ settings: { a: half } }))
      .then(first);
    given(workspace, created, first)
      .when(update({ settings: { b: half } }))
      .thenRefused('validation_failed');
    given(workspace, created, first)
      .when(update({ settings: { a: 'short' } }))
      .then({ type: 'WorkspaceUpdated', data: { workspaceId: id, changes: { settings: { a: 'short' } } } });
  });

  it('is updated by owners and admins, deleted by owners only', () => {
    given(workspace, created, joined('admin'))
      .when(update({ name: 'X' }, member))
      .then({ type: 'WorkspaceUpdated', data: { workspaceId: id, changes: { name: 'X' } } });
    given(workspace, created, joined('member'))
      .when(update({ name: 'X' }, member))
      .thenRefused('access_denied');
    given(workspace, created, joined('admin'))
      .when({ type: 'DeleteWorkspace', by: member })
      .thenRefused('access_denied');
    given(workspace, created).when({ type: 'DeleteWorkspace', by: owner }).then(deleted);
  });

  it('does not exist for strangers, before its creation and after its deletion', () => {
    given(workspace, created)
      .when(update({ name: 'X' }, member))
      .thenRefused('not_found', 'Workspace not found.');
    given(workspace)
      .when({ type: 'DeleteWorkspace', by: owner })
      .thenRefused('not_found', 'Workspace not found.');
    given(workspace, created, deleted)
      .when({ type: 'DeleteWorkspace', by: owner })
      .thenRefused('not_found', 'Workspace not found.');
  });

  it('gains and loses members, as the rules for members decide', () => {
    const add = { type: 'AddMember' as const, userId: member, role: 'member' as const, by: owner };
    const removed: WorkspaceEvent = { type: 'MemberRemoved', data: { workspaceId: id, userId: member } };
    given(workspace, created).when(add).then(joined('member'));
    given(workspace, created, joined('member')).when(add).then();
    given(workspace, created, joined('member'))
      .when({ type: 'ChangeRole', userId: member, role: 'admin', by: owner })
      .then(joined('admin'));
    given(workspace, created, joined('member'))
      .when({ type: 'RemoveMember', userId: member, by: owner })
      .then(removed);
    given(workspace, created).when({ type: 'EraseMember', userId: owner }).then(deleted);
    const membersAfter = (...events: WorkspaceEvent[]) =>
      given(workspace, created, ...events).state().record?.members;
    expect(membersAfter(joined('member'), joined('admin'))).toEqual([
      { userId: owner, role: 'owner', since: AT },
      { userId: member, role: 'admin', since: AT },
    ]);
    expect(membersAfter(joined('member'), removed)).toEqual([{ userId: owner, role: 'owner', since: AT }]);
  });

  it('has a member since they joined, whatever role they got later', () => {
    const state = given(workspace, created, joined('member')).state();
    const promoted = { ...joined('admin'), metadata: { at: '2027-01-01T00:00:00.000Z' } };
    expect(workspace.evolve(state, promoted).record?.members[1]).toEqual({
      userId: member,
      role: 'admin',
      since: AT,
    });
  });

  it('takes the times of its events', () => {
    const state = workspace.evolve(given(workspace, created).state(), {
      type: 'WorkspaceUpdated',
      data: { workspaceId: id, changes: { name: 'Later' } },
      metadata: { at: '2026-02-01T00:00:00.000Z' },
    });
    expect(state.record).toMatchObject({ createdAt: AT, updatedAt: '2026-02-01T00:00:00.000Z' });
  });
});
