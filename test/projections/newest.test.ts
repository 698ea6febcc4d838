// What the log says beyond rows that lag: found by get and find, and forgotten once the rows show it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { withNewer } from '../../src/adapters/read-models/newer.js';
import type { ReadModels, Row } from '../../src/adapters/read-models/port.js';
import type { DomainEvent } from '../../src/domain/decider.js';
import { type Newest, newest } from '../../src/projections/newest.js';
import type { Projection } from '../../src/projections/projection.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import { recorded } from '../support/projected.js';

type Door = Row & { readonly open: boolean };
const doors = {
  name: 'doors',
  version: 1,
  holds: 'A door.',
  fields: { open: ['boolean', 'Whether it is open.'] },
  indexes: [],
  events: new Set(['Built', 'Closed', 'Removed']),
  idOf: ({ stream }: { stream: string }) => stream,
  project: (_: unknown, { type }: DomainEvent) =>
    type === 'Removed' ? null : { id: '', open: type === 'Built' },
} as unknown as Projection;

describe('what the log says beyond the rows', () => {
  let test: TestLog;
  let rows: ReadModels;
  let fresh: ReadModels;
  let beyond: Newest;
  let shown: number;
  let next: number;
  let unsure: string[];

  /** The rows show it, or only the log does. */
  const happens = async (type: string, stream: string, where: 'rows' | 'log only') => {
    const event = recorded({ type, data: {} }, stream, next++);
    const batch = { events: [event], position: event.position, caughtUp: true };
    await beyond.handler.handle(batch);
    if (where === 'rows') await projectionHandler(doors, rows, test.log.id).handle(batch);
    if (where === 'rows') shown = event.position;
    return event;
  };
  const found = async (value: boolean, deleted?: true) =>
    (
      await fresh.find('doors', {
        where: [{ field: 'open', op: 'eq', value }],
        ...(deleted ? { deleted } : {}),
      })
    ).map(({ id }) => id);

  beforeEach(async () => {
    test = await testLog();
    [shown, next] = [-1, 0];
    rows = embeddedReadModels([doors]);
    beyond = newest(test.log, [doors], () => shown);
    unsure = [];
    fresh = withNewer(rows, beyond, async (models, read, isSure) => {
      const found = await read();
      if (!isSure(found)) unsure.push(...models);
      return found;
    });
  });
  afterEach(() => test.stop());

  it('changes a row that lags, for those who get it and for those who find it', async () => {
    await happens('Built', 'a', 'rows');
    await happens('Built', 'b', 'rows');
    await happens('Closed', 'a', 'log only');
    expect(await fresh.get<Door>('doors', 'a')).toMatchObject({ open: false, position: 2 });
    expect(await found(true)).toEqual(['b']);
    expect(await rows.get<Door>('doors', 'a')).toMatchObject({ open: true });
  });

  it('takes a row away that was deleted, but for those who look for tombstones', async () => {
    await happens('Built', 'a', 'rows');
    await happens('Removed', 'a', 'log only');
    expect(await fresh.get('doors', 'a')).toBeUndefined();
    expect([await found(true), await found(true, true)]).toEqual([[], ['a']]);
  });

  it('makes a row that is not there yet, for those who know its id', async () => {
    await happens('Built', 'a', 'log only');
    expect(await fresh.get('doors', 'a')).toEqual({ id: 'a', open: true, position: 0, revision: 0 });
  });

  it('is forgotten once the rows show it, and never counted twice', async () => {
    await happens('Built', 'a', 'rows');
    const closed = await happens('Closed', 'a', 'log only');
    expect(beyond.knows('doors')).toBe(true);
    const batch = { events: [closed], position: closed.position, caughtUp: true };
    await projectionHandler(doors, rows, test.log.id).handle(batch);
    expect(await fresh.get('doors', 'a')).toEqual(await rows.get('doors', 'a'));
    shown = closed.position;
    await beyond.handler.handle({ events: [], position: 9, caughtUp: true });
    expect(beyond.knows('doors')).toBe(false);
    expect(await fresh.get<Door>('doors', 'a')).toMatchObject({ open: false });
  });

  it('is asked to confirm what is not found, and nothing else', async () => {
    await happens('Built', 'a', 'rows');
    await fresh.get('doors', 'a');
    await found(true);
    expect(unsure).toEqual([]);
    await fresh.get('doors', 'b');
    await found(false);
    expect(await fresh.count('doors', [])).toBe(1);
    expect(unsure).toEqual(['doors', 'doors']);
    await fresh.count('doors', [{ field: 'open', op: 'eq', value: false }]);
    expect(unsure).toHaveLength(3);
  });

  it('finds what was lost and came back before it was confirmed that nothing is lost', async () => {
    const rebuilt = withNewer(rows, beyond, async (_, read, isSure) => {
      const found = await read();
      if (isSure(found)) return found;
      await happens('Built', `${next}`, 'rows');
      return read();
    });
    const [first] = await rebuilt.find<Door>('doors', { where: [{ field: 'open', op: 'eq', value: true }] });
    expect(first?.id).toBe('0');
    expect(await rebuilt.get<Door>('doors', '1')).toMatchObject({ id: '1', open: true });
  });

  it('begins at the head of the log', async () => {
    expect(await beyond.handler.start()).toBe(-1);
    await test.log.append('x', [recorded({ type: 'Built', data: {} }, 'x')], 'any');
    expect(await beyond.handler.start()).toBe(0);
  });
});
