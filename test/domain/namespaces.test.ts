import { describe, expect, it } from 'vitest';
import { type NamespaceEvent, namespace } from '../../src/domain/namespaces.js';
import { ReservationLost } from '../../src/domain/workspaces.js';
import { AT, given } from '../support/given.js';

const id = '01980000-0000-7000-8000-000000000001';
const other = '01980000-0000-7000-8000-000000000002';
const owner = '01980000-0000-7000-8000-00000000000a';
const payer = { id: '01980000-0000-7000-8000-00000000000b', number: 8 };
const data = {
  namespaceId: id,
  number: 7,
  name: 'Client: Acme',
  slug: 'client-acme',
  description: null,
  ownerType: 'Workspace' as const,
  ownerId: owner,
  ownerNumber: 3,
  billing: null,
  settings: { color: 'red', size: 1 },
  tags: ['a'],
  metadata: { crm: '42' },
  isDefault: false,
  isActive: true,
};
type Owned = { ownerType: 'User' | 'Workspace'; billing: typeof payer | null; isDefault: boolean };
const created = (more: Partial<Owned> = {}): NamespaceEvent => {
  const all = { ...data, ...more };
  const workspaceId = all.billing?.id ?? (all.ownerType === 'Workspace' ? owner : null);
  return { type: 'NamespaceCreated', data: { ...all, workspaceId } };
};
const updated = (changes: object, workspaceId: string | null = owner): NamespaceEvent => ({
  type: 'NamespaceUpdated',
  data: { namespaceId: id, workspaceId, changes },
});
const deleted: NamespaceEvent = { type: 'NamespaceDeleted', data: { namespaceId: id, workspaceId: owner } };
const update = (changes: object) => ({ type: 'UpdateNamespace' as const, changes });
const recordOf = (...events: NamespaceEvent[]) => given(namespace, ...events).state().record;

describe('a namespace', () => {
  it('is created once, and not again after its deletion', () => {
    const creation = { type: 'CreateNamespace' as const, data, reservation: 0 };
    given(namespace).when(creation).then(created());
    given(namespace, created()).when(creation).thenRefused('conflict');
    given(namespace, created(), deleted).when(creation).thenRefused('conflict');
  });

  it('belongs to who pays for it, else to the workspace that owns it, else to none', () => {
    const place = (event: NamespaceEvent) => {
      const { workspaceId, workspaceNumber } = recordOf(event) ?? {};
      return [workspaceId, workspaceNumber];
    };
    expect(place(created())).toEqual([owner, 3]);
    expect(place(created({ billing: payer }))).toEqual([payer.id, 8]);
    expect(place(created({ ownerType: 'User' }))).toEqual([null, null]);
    expect(place(created({ ownerType: 'User', billing: payer }))).toEqual([payer.id, 8]);
  });

  it('says with each event which workspace it belongs to after it', () => {
    given(namespace, created())
      .when(update({ billing: payer }))
      .then(updated({ billing: payer }, payer.id));
    given(namespace, created({ billing: payer }))
      .when(update({ billing: null }))
      .then(updated({ billing: null }));
    given(namespace, created({ ownerType: 'User', billing: payer }))
      .when(update({ billing: null }))
      .then(updated({ billing: null }, null));
  });

  it('merges settings and metadata by key; a change that changes nothing is none', () => {
    const changes = { settings: { size: 2 }, metadata: { crm: null, new: 'x' }, description: 'Told' };
    given(namespace, created()).when(update(changes)).then(updated(changes));
    expect(recordOf(created(), updated(changes))).toMatchObject({
      settings: { color: 'red', size: 2 },
      metadata: { new: 'x' },
      description: 'Told',
    });
    given(namespace, created())
      .when(update({ name: 'Client: Acme', metadata: { crm: '42', none: null } }))
      .then();
  });

  it('refuses more metadata and settings than a record may have, all changes together', () => {
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, '']));
    given(namespace, created()).when(update({ metadata })).thenRefused('validation_failed');
    given(namespace, created(), updated({ settings: { a: 'x'.repeat(200_000) } }))
      .when(update({ settings: { b: 'x'.repeat(100_000) } }))
      .thenRefused('validation_failed');
  });

  it('is active or inactive', () => {
    expect(recordOf(created())?.status).toBe('active');
    expect(recordOf(created(), updated({ isActive: false }))).toMatchObject({
      isActive: false,
      status: 'inactive',
    });
  });

  it('is suspended while its entitlements are, whether it is active or not', () => {
    const follow = (isSuspended: boolean) => ({ type: 'FollowSuspension' as const, isSuspended });
    const suspended = updated({ isSuspended: true });
    given(namespace, created()).when(follow(true)).then(suspended);
    given(namespace, created(), suspended).when(follow(true)).then();
    given(namespace, created(), suspended)
      .when(follow(false))
      .then(updated({ isSuspended: false }));
    given(namespace, created()).when(follow(false)).then();
    given(namespace, created(), deleted).when(follow(true)).thenRefused('not_found');
    const large = updated({ settings: { a: 'x'.repeat(300_000) } });
    given(namespace, created(), large).when(follow(true)).then(suspended);
    const inactive = updated({ isActive: false });
    expect(recordOf(created(), suspended)?.status).toBe('suspended');
    expect(recordOf(created(), suspended, inactive)?.status).toBe('suspended');
    const resumed = updated({ isSuspended: false });
    expect(recordOf(created(), suspended, inactive, resumed)?.status).toBe('inactive');
    expect(recordOf(created(), suspended, resumed)?.status).toBe('active');
  });

  it('changes its slug on a reservation only, and not on one that was taken over', () => {
    const withdrawn: NamespaceEvent = {
      type: 'NamespaceSlugWithdrawn',
      data: { namespaceId: id, slug: 'new', reservation: 3 },
    };
    const state = given(namespace, created(), withdrawn).state();
    const rename = (reservation?: number) =>
      namespace.decide(
        { ...update({ slug: 'new' }), ...(reservation === undefined ? {} : { reservation }) },
        state,
      );
    expect(() => rename()).toThrow(ReservationLost);
    expect(() => rename(3)).toThrow(ReservationLost);
    expect(rename(4)).toEqual([updated({ slug: 'new' })]);
    expect(namespace.decide(update({ slug: 'client-acme', name: 'N' }), state)).toHaveLength(1);
  });

  it('gives way as the default to a newer one of its owner, of two at once to the one with the higher id', () => {
    const yieldTo = (to: string, since: string) => ({ type: 'YieldDefault' as const, to, since });
    const later = '2026-01-15T10:30:00.001Z';
    const isDefault = created({ isDefault: true });
    const gone = updated({ isDefault: false });
    given(namespace, isDefault).when(yieldTo(other, later)).then(gone);
    given(namespace, isDefault).when(yieldTo(other, AT)).then(gone);
    given(namespace, isDefault).when(yieldTo('00000000-0000-7000-8000-000000000000', AT)).then();
    given(namespace, isDefault).when(yieldTo(other, '2026-01-15T10:29:59.999Z')).then();
    given(namespace, isDefault).when(yieldTo(id, later)).then();
    given(namespace, created()).when(yieldTo(other, later)).then();
    given(namespace, isDefault, gone).when(yieldTo(other, later)).then();
  });

  it('is the default since it became so, not since it was said again', () => {
    const state = given(namespace, created({ isDefault: true })).state();
    const event = updated({ isDefault: true, name: 'New' });
    const after = namespace.evolve(state, { ...event, metadata: { at: '2027-01-01T00:00:00.000Z' } });
    expect(after.record).toMatchObject({ defaultSince: AT, name: 'New' });
  });

  it('loses the workspace that no longer pays, and no other', () => {
    const stop = { type: 'StopBilling' as const, workspaceId: payer.id };
    given(namespace, created({ billing: payer }))
      .when(stop)
      .then(updated({ billing: null }));
    given(namespace, created()).when(stop).then();
  });

  it('is gone after its deletion: nothing else happens to it', () => {
    given(namespace, created()).when({ type: 'DeleteNamespace' }).then(deleted);
    for (const command of [
      { type: 'DeleteNamespace' } as const,
      update({ name: 'x' }),
      { type: 'StopBilling', workspaceId: owner } as const,
    ]) {
      given(namespace, created(), deleted).when(command).thenRefused('not_found', 'Resource not found.');
      given(namespace).when(command).thenRefused('not_found');
    }
  });
});
