import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../src/domain/decider.js';
import { oldestClaim, type PixelSiteRow, pixelSites } from '../../src/projections/pixel.js';
import { projected } from '../support/projected.js';

const workspaceId = '01980000-0000-7000-8000-000000000001';
const created = (settings: object): DomainEvent => ({
  type: 'WorkspaceCreated',
  data: { workspaceId, number: 7, settings },
});
const updated = (settings?: object): DomainEvent => ({
  type: 'WorkspaceUpdated',
  data: { workspaceId, changes: settings ? { settings } : { name: 'New' } },
});
const rowAfter = (...events: DomainEvent[]) => projected(pixelSites, `workspace-${workspaceId}`, events);

describe('the site of a workspace', () => {
  it('is there from its creation, without domains where it names none', () => {
    expect(rowAfter(created({}))).toEqual({
      id: workspaceId,
      number: 7,
      domains: [],
      since: [],
      enabled: true,
    });
    expect(rowAfter(created({ domains: ['a.example'] }))).toMatchObject({
      domains: ['a.example'],
      since: [0],
    });
  });
  it('claims a domain since it was named, for as long as it is named without a break', () => {
    const history = [created({ domains: ['a.example'] }), updated({ domains: ['b.example', 'a.example'] })];
    expect(rowAfter(...history)).toMatchObject({ domains: ['b.example', 'a.example'], since: [1, 0] });
    expect(
      rowAfter(...history, updated({ domains: ['b.example'] }), updated({ domains: ['a.example'] })),
    ).toMatchObject({
      domains: ['a.example'],
      since: [3],
    });
  });
  it('keeps what a change does not mention', () => {
    const history = [created({ domains: ['a.example'], pixel: { enabled: false } })];
    for (const change of [updated(), updated({ timezone: 'UTC' })])
      expect(rowAfter(...history, change)).toMatchObject({
        domains: ['a.example'],
        since: [0],
        enabled: false,
      });
    expect(rowAfter(...history, updated({ pixel: { enabled: true } }))).toMatchObject({
      domains: ['a.example'],
      enabled: true,
    });
  });
  it('goes with the workspace', () =>
    expect(rowAfter(created({}), { type: 'WorkspaceDeleted', data: { workspaceId } })).toBeNull());
});

it('a domain that several name belongs to the first of them', () => {
  const site = (id: string, domains: string[], since: number[]): PixelSiteRow => ({
    id,
    number: 1,
    domains,
    since,
    enabled: true,
    position: 99,
  });
  const rows = [site('late', ['a.example'], [7]), site('early', ['b.example', 'a.example'], [9, 3])];
  expect(oldestClaim(rows, 'a.example')?.id).toBe('early');
  expect(oldestClaim(rows.toReversed(), 'a.example')?.id).toBe('early');
  expect(oldestClaim([], 'a.example')).toBeUndefined();
});
