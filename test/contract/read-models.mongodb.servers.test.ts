// The read models in MongoDB: the common contract, several processes, and a database that fails, is old or vanishes.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VersionedModel } from '../../src/adapters/read-models/documents.js';
import { openMongoReadModels } from '../../src/adapters/read-models/mongodb.js';
import { type Checkpoint, type ReadModels, RowsLost } from '../../src/adapters/read-models/port.js';
import { type TestDatabase, testDatabase } from '../servers/databases.js';
import { expectUnavailable, onceAvailable, reports } from '../servers/expectations.js';
import { startLocalMongo } from '../servers/mongodb.js';
import { shared } from '../servers/shared.js';
import { type Item, readModelsContract } from './read-models.js';

const server = shared('mongodb');
const broken = await startLocalMongo();
afterAll(async () => {
  if (!('skipped' in broken)) await broken.stop();
});

const items: VersionedModel = { name: 'items', version: 1, indexes: ['workspaceId', 'number'] };
const at = (position: number, changes: Partial<Checkpoint> = {}): Checkpoint => ({
  log: 'log-a',
  version: 1,
  position,
  ...changes,
});
const item = (id: string, position: number, name = `${id} at ${position}`): Item => ({ id, position, name });

describe.skipIf('skipped' in server)('MongoDB', () => {
  const url = 'skipped' in server ? '' : server.url;

  readModelsContract(
    'MongoDB',
    async (models) => {
      const { prefix, drop } = testDatabase(url);
      const { report } = reports();
      const versioned = models.map((model) => ({ ...model, version: 1 }));
      const store = await openMongoReadModels({ url, prefix, report, models: versioned });
      return {
        store,
        async dispose() {
          await store.close();
          await drop();
        },
      };
    },
    { runs: 15 },
  );

  describe('documents and processes', () => {
    let database: TestDatabase;
    const opened: ReadModels[] = [];
    const open = async (models: readonly VersionedModel[] = [items]) => {
      const { prefix } = database;
      const store = await openMongoReadModels({ url, prefix, report: reports().report, models });
      opened.push(store);
      return store;
    };
    beforeEach(() => {
      database = testDatabase(url);
    });
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
      await database.drop();
    });

    test('a row is a document with its own field names, found by the declared indexes', async () => {
      const store = await open();
      await store.apply(
        'items',
        [{ id: 'a', position: 7, revision: 2, name: 'Ä', tags: ['x'] } as Item],
        at(7),
      );
      const collection = database.db.collection('items_v1');
      expect(await collection.findOne()).toEqual({
        _id: 'a',
        position: 7,
        revision: 2,
        name: 'Ä',
        tags: ['x'],
      });
      const indexes = (await collection.indexes()).map(({ key }) => key);
      expect(indexes).toEqual(expect.arrayContaining([{ _id: 1 }, { workspaceId: 1 }, { number: 1 }]));
    });

    test('keys that callers chose come back as they were, whatever characters they have', async () => {
      const store = await open();
      const metadata = {
        ...{
          'a.b': 1,
          $ne: { '$.': [{ '.': null }] },
          '%24': '%',
          '': 'empty',
          'n\0l': '\0',
          'ключ 😀': true,
        },
        ['__proto__']: 'own',
      };
      const row = { id: 'a', position: 1, metadata } as unknown as Item;
      await store.apply('items', [row], at(1));
      expect(await store.get('items', 'a')).toEqual(row);
      expect([...(await store.load('items', ['a'])).values()]).toEqual([row]);
    });

    test('text to look for may hold any character', async () => {
      const store = await open();
      const name = 'a\0b\nc-d/e#f&g h"i\'j]k^l';
      await store.apply('items', [item('a', 1, name), item('b', 2, 'other')], at(2));
      for (const character of ['\0', '\n', '-', '/', '#', '&', ' ', '"', "'", ']', '^', name]) {
        const found = await store.find('items', {
          where: [{ field: 'name', op: 'contains', value: character }],
        });
        expect(found.map(({ id }) => id)).toEqual(['a']);
      }
    });

    test('tombstones are found by queries that ask for them', async () => {
      const store = await open();
      await store.apply('items', [{ ...item('a', 1), deleted: true }, item('b', 2)], at(2));
      const ids = async (deleted?: true) =>
        (await store.find('items', { where: [], ...(deleted && { deleted }) })).map(({ id }) => id);
      expect(await ids()).toEqual(['b']);
      expect(await ids(true)).toEqual(['a', 'b']);
    });

    test('rows that are stored already keep none beside them from being stored', async () => {
      const store = await open();
      await store.apply('items', [item('a', 5), item('c', 5), item('e', 5)], at(5));
      const again = ['a', 'b', 'c', 'd', 'e'].map((id) => item(id, id === 'e' ? 6 : 5));
      await store.apply('items', again, at(6));
      expect(await store.find('items', { where: [] })).toEqual(again);
    });

    test('two processes that store the same events in any order leave the newest rows and checkpoint', async () => {
      const [one, two] = await Promise.all([open(), open()]);
      const ids = Array.from({ length: 60 }, (_, index) => `row-${index}`);
      const batch = (position: number) => ids.map((id) => item(id, position));
      for (const position of [10, 20, 30])
        await Promise.all([
          one.apply('items', batch(position), at(position)),
          two.apply('items', batch(position - 5), at(position - 5)),
          two.apply('items', batch(position + 1), at(position + 1)),
        ]);
      const rows = await one.find<Item>('items', { where: [] });
      expect(rows).toHaveLength(60);
      expect(new Set(rows.map(({ name = '' }) => name?.split(' at ')[1]))).toEqual(new Set(['31']));
      expect(await one.checkpoint('items')).toEqual(at(31));
    });

    test('rows of a raised version stand beside the old ones, which go a day after nobody writes them any more', async () => {
      const raised = { ...items, version: 2 };
      const old = await open();
      await old.apply('items', [item('a', 5, 'old')], at(5));
      const fresh = await open([raised]);
      expect(await fresh.checkpoint('items')).toBeUndefined();
      await fresh.apply('items', [item('a', 5, 'new')], at(5, { version: 2 }));
      expect(await old.get('items', 'a')).toMatchObject({ name: 'old' });
      expect(await fresh.get('items', 'a')).toMatchObject({ name: 'new' });
      await open([raised]);
      expect(await old.checkpoint('items')).toEqual(at(5));
      const dayAgo = new Date(Date.now() - 24 * 3_600_000);
      await database.db
        .collection('checkpoints')
        .updateOne({ position: 5, version: 1 }, { $set: { at: dayAgo } });
      await open([raised]);
      expect(await old.get('items', 'a')).toBeUndefined();
      expect(await old.checkpoint('items')).toBeUndefined();
      expect(await fresh.get('items', 'a')).toMatchObject({ name: 'new' });
    });

    test('after the database was dropped nothing is stored on top of nothing until the rows are built again', async () => {
      const store = await open();
      await store.apply('items', [item('a', 1), item('b', 2)], at(2));
      await database.db.dropDatabase();
      await expect(store.apply('items', [item('a', 3, 'half a row')], at(3))).rejects.toThrow(RowsLost);
      await expect(store.apply('items', [], at(4))).rejects.toThrow(RowsLost);
      expect((await store.load('items', ['a', 'b'])).size).toBe(0);
      expect(await store.checkpoint('items')).toBeUndefined();
      await store.drop('items');
      await store.apply('items', [item('a', 1), item('b', 2)], at(2));
      expect(await store.count('items', [])).toBe(2);
      expect(await database.db.collection('items_v1').indexes()).toHaveLength(3);
    });

    test('a checkpoint without rows does not hide that the database was dropped', async () => {
      const store = await open();
      await store.apply('items', [item('a', 1)], at(1));
      await database.db.dropDatabase();
      await expect(store.apply('items', [], at(2))).rejects.toThrow(RowsLost);
    });

    test('rows put back from an older copy are noticed, and go on from their checkpoint', async () => {
      const store = await open();
      await store.apply('items', [item('a', 1)], at(1));
      await store.apply('items', [item('a', 9)], at(9));
      await database.db.collection('checkpoints').updateOne({}, { $set: { position: 1 } });
      await database.db.collection('items_v1').updateOne({}, { $set: { position: 1, name: 'a at 1' } });
      await expect(store.apply('items', [item('a', 10)], at(10))).rejects.toThrow(RowsLost);
      expect(await store.get('items', 'a')).toMatchObject({ position: 1 });
      expect(await store.checkpoint('items')).toEqual(at(1));
      await expect(store.apply('items', [item('a', 9)], at(9))).rejects.toThrow(RowsLost);
      expect(await store.resume('items')).toMatchObject(at(1));
      await store.apply('items', [item('a', 9)], at(9));
      expect(await store.get('items', 'a')).toMatchObject({ position: 9 });
    });

    test('rows built again are others, however far they have come, to whoever looks', async () => {
      const [writer, reader] = await Promise.all([open(), open()]);
      await writer.apply('items', [item('a', 1), item('b', 2)], at(2));
      const before = await reader.standing('items');
      expect(before).toEqual({ build: expect.any(String), checkpoint: at(2) });
      await writer.apply('items', [], at(3));
      expect(await reader.standing('items')).toEqual({ ...before, checkpoint: at(3) });
      await database.db.dropDatabase();
      await writer.resume('items');
      await writer.drop('items');
      await writer.apply('items', [item('a', 1)], at(3));
      const after = await reader.standing('items');
      expect(after.checkpoint).toEqual(at(3));
      expect(after.build).not.toBe(before.build);
    });

    test('of a database that is half dropped nothing is taken for all, and what is folded from it is refused', async () => {
      const store = await open();
      await store.apply('items', [item('a', 1), item('b', 2)], at(2));
      await database.db.collection('items_v1').drop();
      expect(await store.checkpoint('items')).toBeUndefined();
      await expect(store.apply('items', [item('a', 3, 'half a row')], at(3))).rejects.toThrow(RowsLost);
      // Nor when somebody has written to it meanwhile.
      await database.db.collection<{ _id: string }>('items_v1').insertOne({ _id: 'c' });
      expect(await store.resume('items')).toBeUndefined();
      await store.drop('items');
      await store.apply('items', [item('a', 1)], at(1));
      expect(await store.checkpoint('items')).toEqual(at(1));
    });

    test('a checkpoint that was stored before rows are dropped does not count for those after', async () => {
      const [frozen, other] = await Promise.all([open(), open()]);
      await frozen.resume('items');
      await database.db.dropDatabase();
      await other.drop('items');
      await frozen.apply('items', [], at(7));
      expect(await other.checkpoint('items')).toBeUndefined();
    });

    test('rows are not stored in another collection than that which was there at the start', async () => {
      const [store, other] = await Promise.all([open(), open()]);
      await store.resume('items');
      await database.db.dropDatabase();
      await other.drop('items');
      await expect(store.apply('items', [item('a', 1)], at(1))).rejects.toThrow(RowsLost);
      expect(await store.count('items', [])).toBe(0);
    });

    test('the first start of all loses nothing in the eyes of others', async () => {
      const [writer, reader] = await Promise.all([open(), open()]);
      const before = await reader.standing('items');
      await writer.drop('items');
      await writer.apply('items', [item('a', 1)], at(1));
      expect(await reader.standing('items')).toEqual({ ...before, checkpoint: at(1) });
    });

    test('a checkpoint of an earlier release, which names no rows, counts, and names them from then on', async () => {
      const old = await open();
      await old.apply('items', [item('a', 1)], at(1));
      const checkpoints = database.db.collection('checkpoints');
      await checkpoints.updateOne({}, { $unset: { rows: '' } });
      const store = await open();
      expect(await store.resume('items')).toMatchObject(at(1));
      await store.apply('items', [item('a', 2)], at(2));
      expect(await checkpoints.findOne()).toMatchObject({
        position: 2,
        rows: (await store.standing('items')).build,
      });
    });

    test.each([0, 2])(
      'a database with the schema version %i is refused in a sentence naming MONGODB_URL',
      async (version) => {
        const meta = database.db.collection<{ _id: string; version: number }>('meta');
        await meta.insertOne({ _id: 'schema', version });
        await expect(open()).rejects.toThrow(/^MONGODB_URL names the database .* schema version/);
      },
    );
  });

  test('a user whom the server does not know is refused in a sentence naming MONGODB_URL', async () => {
    const stranger = url.replace(/\/\/([^@/]*@)?/, '//nobody:secret@');
    await expect(
      openMongoReadModels({ url: stranger, prefix: '', report: reports().report, models: [] }),
    ).rejects.toThrow('MONGODB_URL: the server refused the user or the password.');
  });

  test('what is no connection string is refused in a sentence naming MONGODB_URL', async () => {
    const wrong = openMongoReadModels({
      url: 'http://u:secret@x',
      prefix: '',
      report: reports().report,
      models: [],
    });
    await expect(wrong).rejects.toThrow(/^MONGODB_URL is not a connection string of MongoDB/);
    await expect(wrong).rejects.not.toThrow(/secret/);
  });
});

describe.skipIf('skipped' in broken)('MongoDB, broken', () => {
  if ('skipped' in broken) return;
  const { url } = broken;
  const open = (heard = reports()) =>
    openMongoReadModels({ url, prefix: 'broken_', report: heard.report, models: [items] });
  const position = () => Math.floor(performance.now() * 1000);

  test('killed or frozen, it fails within 5 s; back again, all rows are there and it goes on', async () => {
    const store = await open();
    const change = () => store.apply('items', [item('a', position())], at(position()));
    await store.apply('items', [item('a', position()), item('kept', position())], at(position()));
    await broken.kill();
    await expectUnavailable(() => store.get('items', 'a'));
    await expectUnavailable(change);
    const begun = performance.now();
    await expectUnavailable(change);
    expect(performance.now() - begun).toBeLessThan(500); // it is known to be away by now
    await broken.start();
    expect(await onceAvailable(() => store.get('items', 'kept'))).toMatchObject({ id: 'kept' });
    await onceAvailable(change);
    await broken.freeze();
    await expectUnavailable(() => store.find('items', { where: [] }));
    await expectUnavailable(change);
    broken.thaw();
    await onceAvailable(change);
    expect(await onceAvailable(() => store.count('items', []))).toBe(2);
    await store.close();
  });

  test('started after the process, it is used as soon as it is there', async () => {
    await broken.kill();
    const heard = reports();
    const store = await open(heard);
    expect(heard.sentences).toEqual([
      expect.stringMatching(/^MONGODB_URL: the server cannot be reached yet/),
    ]);
    await expectUnavailable(() => store.checkpoint('items'));
    await broken.start();
    await onceAvailable(() => store.apply('items', [item('b', position())], at(position())));
    expect(await store.get('items', 'b')).toMatchObject({ id: 'b' });
    await store.close();
  });
});
