import { describe, expect, it } from 'vitest';
import type { WorkspaceEvent } from '../../src/domain/workspaces.js';
import { workspaces } from '../../src/projections/workspaces.js';
import { projected } from '../support/projected.js';

const id = '01980000-0000-7000-8000-000000000001';
const owner = '01980000-0000-7000-8000-00000000000a';
const member = '01980000-0000-7000-8000-00000000000b';
const created: WorkspaceEvent = {
  type: 'WorkspaceCreated',
  data: {
    workspaceId: id,
    number: 7,
    name: 'ACME',
    slug: 'acme',
    tier: 'free',
    settings: {},
    tags: [],
    metadata: {},
    ownerId: owner,
  },
};
const rowAfter = (...events: WorkspaceEvent[]) => projected(workspaces, `workspace-${id}`, events);

describe('the workspaces read model', () => {
  it('has a row for a created workspace, found by its members and by a case-folded search text', () => {
    expect(rowAfter(created)).toEqual({
      id,
      number: 7,
      name: 'ACME',
      slug: 'acme',
      tier: 'free',
      status: 'active',
      settings: {},
      tags: [],
      metadata: {},
      members: [{ userId: owner, role: 'owner', since: '2026-01-15T10:30:00.000Z' }],
      memberIds: [owner],
      search: 'acme\nacme',
      createdAt: '2026-01-15T10:30:00.000Z',
      updatedAt: '2026-01-15T10:30:00.000Z',
    });
  });

  it('follows updates', () => {
    const row = rowAfter(created, {
      type: 'WorkspaceUpdated',
      data: { workspaceId: id, changes: { name: 'New', slug: 'new', settings: { a: 1 } } },
    });
    expect(row).toMatchObject({
      name: 'New',
      slug: 'new',
      settings: { a: 1 },
      search: 'new\nnew',
      updatedAt: '2026-01-15T10:30:01.000Z',
    });
  });

  it('is suspended while its entitlements are', () => {
    const updated = (isSuspended: boolean): WorkspaceEvent => ({
      type: 'WorkspaceUpdated',
      data: { workspaceId: id, changes: { isSuspended } },
    });
    expect(rowAfter(created, updated(true))).toMatchObject({ status: 'suspended' });
    expect(rowAfter(created, updated(true), updated(false))).toMatchObject({ status: 'active' });
  });

  it('follows members', () => {
    const joined: WorkspaceEvent = {
      type: 'MemberAdded',
      data: { workspaceId: id, userId: member, role: 'admin' },
    };
    expect(rowAfter(created, joined)).toMatchObject({ memberIds: [owner, member] });
    expect(
      rowAfter(created, joined, { type: 'MemberRemoved', data: { workspaceId: id, userId: member } }),
    ).toMatchObject({ memberIds: [owner] });
  });

  it('loses the row when the workspace is deleted', () => {
    expect(rowAfter(created, { type: 'WorkspaceDeleted', data: { workspaceId: id } })).toBeNull();
  });

  it('has no row for a claimant that was only withdrawn', () => {
    expect(
      rowAfter({ type: 'WorkspaceSlugWithdrawn', data: { workspaceId: id, slug: 'acme', reservation: 0 } }),
    ).toBeUndefined();
  });
});
