// What a process that only answers says while the database is dropped and another one builds the rows again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VersionedModel } from '../../src/adapters/read-models/documents.js';
import { openMongoReadModels } from '../../src/adapters/read-models/mongodb.js';
import { withNewer } from '../../src/adapters/read-models/newer.js';
import { type ReadModels, type Row, StoreUnavailable } from '../../src/adapters/read-models/port.js';
import { surelyIn } from '../../src/app/requiring.js';
import type { Recorded } from '../../src/domain/decider.js';
import type { Soon } from '../../src/domain/soon.js';
import { keptIn } from '../../src/projections/checkpoints.js';
import { type Follower, follower } from '../../src/projections/follower.js';
import { type TestDatabase, testDatabase } from '../servers/databases.js';
import { reports } from '../servers/expectations.js';
import { shared } from '../servers/shared.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import { newEvent } from '../support/log-events.js';

const server = shared('mongodb');
const doors: VersionedModel = { name: 'doors', version: 1, indexes: [] };
const silent = { warn: () => undefined };
const nothingNewer = { knows: () => false, revise: <R>(_: string, __: string, row: R) => row };

describe.skipIf('skipped' in server)('rows that are lost and built again', () => {
  const url = 'skipped' in server ? '' : server.url;
  let test: TestLog;
  let database: TestDatabase;
  let answering: Follower;
  const opened: ReadModels[] = [];
  const open = async () => {
    const { prefix } = database;
    const store = await openMongoReadModels({ url, prefix, report: reports().report, models: [doors] });
    opened.push(store);
    return store;
  };

  beforeEach(async () => {
    test = await testLog();
    database = testDatabase(url);
  });
  afterEach(async () => {
    await answering.stop();
    for (const store of opened.splice(0)) await store.close();
    await database.drop();
    await test.stop();
  });

  /** The rows of `count` events, one for each, and two processes: one that stores them, one that only reads them. */
  const given = async (count: number) => {
    for (let n = 0; n < count; n++) await test.log.append('doors', [newEvent('Built', {})], 'any');
    const [writing, reading] = [await open(), await open()];
    const writer = keptIn(writing, doors, test.log.id);
    const row = (position: number): Row => ({ id: `door-${position}`, position });
    const store = (...positions: number[]) => writer.store(positions.map(row), positions.at(-1) ?? -1);
    await writer.start();
    await store(...Array.from({ length: count }, (_, position) => position));
    const { look } = keptIn(reading, doors, test.log.id);
    const never = { start: async () => -1, handle: async (_: { events: readonly Recorded[] }) => undefined };
    const handler = { name: 'doors', types: new Set(['Built']), look, ...never };
    answering = follower(test.log, { projections: [handler], reactors: [] }, silent, { shared: true });
    await answering.start([]);
    const surely = surelyIn(answering);
    const dropped = async () => {
      await database.db.dropDatabase();
      await expect(store(count)).rejects.toThrow('were lost');
      expect(await writer.start()).toBe(-1);
    };
    return { rows: withNewer(reading, nothingNewer, surely), surely, store, dropped, reading };
  };
  const unavailable = (work: Soon<unknown>) => expect(work).rejects.toThrow(StoreUnavailable);
  const all = { where: [] };

  it('are not said to be none, before anything, when some and when all of them are there again', async () => {
    const { rows, store, dropped } = await given(4);
    await dropped();
    await unavailable(rows.find('doors', all));
    await store(0, 1);
    await unavailable(rows.get('doors', 'door-3'));
    await unavailable(rows.get('doors', 'door-0')); // it is known by now
    await store(2, 3);
    await answering.lookAt(['doors']);
    expect(await rows.get('doors', 'door-3')).toMatchObject({ position: 3 });
    expect(await rows.find('doors', all)).toHaveLength(4);
    expect(await rows.get('doors', 'door-9')).toBeUndefined();
  });

  it('are not said to be none when more are there again at the first look than at the last one', async () => {
    const { rows, store, dropped } = await given(3);
    answering.heard('doors', 3);
    await test.log.append('doors', [newEvent('Built', {})], 'any');
    await dropped();
    await store(0, 1, 2);
    await unavailable(rows.get('doors', 'door-3'));
    await store(3);
    await answering.lookAt(['doors']);
    expect(await rows.get('doors', 'door-3')).toMatchObject({ position: 3 });
  });

  it('are looked for again when they were lost and came back while somebody looked', async () => {
    const { surely, store, dropped, reading } = await given(2);
    let times = 0;
    const found = await surely(
      ['doors'],
      async () => {
        if (++times > 1) return reading.get('doors', 'door-1');
        await database.db.dropDatabase();
        const nothing = await reading.get('doors', 'door-1');
        await dropped();
        await store(0, 1);
        return nothing;
      },
      (row) => row !== undefined,
    );
    expect(found).toMatchObject({ position: 1 });
    expect(times).toBe(2);
  });

  it('are not said to be none when only the collection with the rows is dropped yet', async () => {
    const { rows } = await given(2);
    await database.db.collection('doors_v1').drop();
    await unavailable(rows.count('doors', []));
  });
});
