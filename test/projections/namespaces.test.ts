import { describe, expect, it } from 'vitest';
import type { NamespaceEvent } from '../../src/domain/namespaces.js';
import { namespaces } from '../../src/projections/namespaces.js';
import { projected } from '../support/projected.js';

const id = '01980000-0000-7000-8000-000000000001';
const owner = '01980000-0000-7000-8000-00000000000a';
const payer = '01980000-0000-7000-8000-00000000000b';
const created: NamespaceEvent = {
  type: 'NamespaceCreated',
  data: {
    namespaceId: id,
    workspaceId: owner,
    number: 7,
    name: 'ACME',
    slug: 'acme',
    description: null,
    ownerType: 'Workspace',
    ownerId: owner,
    ownerNumber: 3,
    billing: null,
    settings: {},
    tags: [],
    metadata: {},
    isDefault: true,
    isActive: true,
  },
};
const target = { namespaceId: id, workspaceId: owner };
const rowAfter = (...events: NamespaceEvent[]) => projected(namespaces, `namespace-${id}`, events);

describe('the namespaces read model', () => {
  it('has a row for a created namespace, found by whoever reaches it and by a case-folded search text', () => {
    expect(rowAfter(created)).toEqual({
      id,
      number: 7,
      name: 'ACME',
      slug: 'acme',
      description: null,
      ownerType: 'Workspace',
      ownerId: owner,
      ownerNumber: 3,
      billing: null,
      billingId: null,
      workspaceId: owner,
      workspaceNumber: 3,
      settings: {},
      tags: [],
      metadata: {},
      isDefault: true,
      defaultSince: '2026-01-15T10:30:00.000Z',
      isActive: true,
      isSuspended: false,
      status: 'active',
      reach: [owner],
      search: 'acme\nacme',
      createdAt: '2026-01-15T10:30:00.000Z',
      updatedAt: '2026-01-15T10:30:00.000Z',
    });
  });

  it('follows updates: who reaches it changes with who pays', () => {
    const changes = { name: 'New', slug: 'new', billing: { id: payer, number: 9 }, isDefault: false };
    expect(rowAfter(created, { type: 'NamespaceUpdated', data: { ...target, changes } })).toMatchObject({
      name: 'New',
      search: 'new\nnew',
      reach: [owner, payer],
      billingId: payer,
      workspaceId: payer,
      workspaceNumber: 9,
      defaultSince: null,
      updatedAt: '2026-01-15T10:30:01.000Z',
    });
  });

  it('is suspended while its entitlements are, and what it was before after that', () => {
    const updated = (changes: object): NamespaceEvent => ({
      type: 'NamespaceUpdated',
      data: { ...target, changes },
    });
    const suspended = [created, updated({ isActive: false }), updated({ isSuspended: true })];
    expect(rowAfter(...suspended)).toMatchObject({ isSuspended: true, status: 'suspended' });
    const resumed = rowAfter(...suspended, updated({ isSuspended: false }));
    expect(resumed).toMatchObject({ isSuspended: false, status: 'inactive' });
  });

  it('is reached by a user who owns it alone', () => {
    const data = { ...created.data, ownerType: 'User' as const, workspaceId: null };
    expect(rowAfter({ type: 'NamespaceCreated', data } as NamespaceEvent)).toMatchObject({
      reach: [owner],
      workspaceId: null,
      workspaceNumber: null,
    });
  });

  it('loses the row when the namespace is deleted', () => {
    expect(rowAfter(created, { type: 'NamespaceDeleted', data: target })).toBeNull();
  });

  it('has no row for a claimant that was only withdrawn', () => {
    const data = { namespaceId: id, slug: 'acme', reservation: 0 };
    expect(rowAfter({ type: 'NamespaceSlugWithdrawn', data })).toBeUndefined();
  });
});
