import { describe, expect, it } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { Row } from '../../src/adapters/read-models/port.js';
import type { Recorded } from '../../src/domain/decider.js';
import type { Projection } from '../../src/projections/projection.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { recorded } from '../support/projected.js';

type Total = Row & { readonly total: number };
const totals: Projection<Total> = {
  name: 'totals',
  version: 1,
  holds: 'A total.',
  fields: { total: ['integer', 'The sum.'] },
  indexes: [],
  events: new Set(['Added', 'Ended']),
  idOf: ({ stream }) => stream,
  project: (row, { type, data }) =>
    type === 'Ended' ? null : { id: '', total: (row?.total ?? 0) + (data as { n: number }).n },
};
const LOG = '01980000-0000-7000-8000-000000000001';
const added = (n: number, position: number): Recorded =>
  recorded({ type: 'Added', data: { n } }, 'a', position);

const running = async () => {
  const readModels = embeddedReadModels([totals]);
  const handler = projectionHandler(totals as unknown as Projection, readModels, LOG);
  const feed = (events: Recorded[], position = events.at(-1)?.position ?? -1) =>
    handler.handle({ events, position, caughtUp: true });
  return { readModels, handler, feed };
};

describe('the runner', () => {
  it('folds a batch into rows that carry position and revision, with the checkpoint', async () => {
    const { readModels, feed } = await running();
    await feed([added(1, 0), added(2, 1)], 5);
    expect(await readModels.get('totals', 'a')).toEqual({ id: 'a', total: 3, position: 1, revision: 1 });
    expect(await readModels.checkpoint('totals')).toEqual({ log: LOG, version: 1, position: 5 });
  });

  it('given the same batch twice, or one that overlaps, counts each event once', async () => {
    const { readModels, feed } = await running();
    await feed([added(1, 0), added(2, 1)]);
    await feed([added(1, 0), added(2, 1)]);
    await feed([added(2, 1), added(4, 2)]);
    expect(await readModels.get('totals', 'a')).toMatchObject({ total: 7 });
  });

  it('folds an event into each of the rows that it changes, every one once', async () => {
    const both: Projection<Total> = {
      ...totals,
      idOf: ({ stream }) => [stream, 'all'],
      project: (row, { data }, nth) => ({
        id: '',
        total: (row?.total ?? 0) + (data as { n: number }).n * (nth === 0 ? 1 : 10),
      }),
    };
    const readModels = embeddedReadModels([both]);
    const handler = projectionHandler(both as unknown as Projection, readModels, LOG);
    const events = [added(1, 0), recorded({ type: 'Added', data: { n: 2 } }, 'b', 1)];
    for (const batch of [events, events.slice(1)])
      await handler.handle({ events: batch, position: 1, caughtUp: true });
    expect(await readModels.find('totals', { where: [] })).toMatchObject([
      { id: 'a', total: 1, position: 0 },
      { id: 'all', total: 30, position: 1 },
      { id: 'b', total: 2, position: 1 },
    ]);
  });

  it('leaves a tombstone that keeps its fields, and that an older event cannot revive', async () => {
    const { readModels, feed } = await running();
    await feed([added(1, 0), recorded({ type: 'Ended', data: {} }, 'a', 1)]);
    await feed([added(5, 0)]);
    expect(await readModels.get('totals', 'a')).toBeUndefined();
    expect((await readModels.load('totals', ['a'])).get('a')).toEqual({
      id: 'a',
      total: 1,
      position: 1,
      revision: 1,
      deleted: true,
    });
  });

  it('goes on from its checkpoint, and from the start for another log or another version', async () => {
    const { readModels, handler, feed } = await running();
    await feed([added(1, 0)]);
    expect(await handler.start()).toBe(0);
    const other = projectionHandler({ ...(totals as unknown as Projection), version: 2 }, readModels, LOG);
    expect(await other.start()).toBe(-1);
    expect(await readModels.get('totals', 'a')).toBeUndefined();
    await feed([added(1, 0)]);
    expect(await projectionHandler(totals as unknown as Projection, readModels, newLog).start()).toBe(-1);
  });
});

const newLog = '01980000-0000-7000-8000-000000000002';
