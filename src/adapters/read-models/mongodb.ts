// Read models in MongoDB: one collection per read model and version, checkpoints in a collection of their own.
import { type Collection, type Db, MongoBulkWriteError, MongoServerError } from 'mongodb';
import type { StoreOptions } from '../connection.js';
import { connectMongo, isDuplicateKey } from '../mongo-connection.js';
import {
  collectionName,
  filterOf,
  type Stored,
  sortOf,
  toDocument,
  toRow,
  type VersionedModel,
} from './documents.js';
import { type Checkpoint, type Query, type ReadModels, type Row, RowsLost } from './port.js';

/** `_id` is the collection's name; `at` is when it last moved. */
type StoredCheckpoint = Checkpoint & { readonly _id: string; readonly at: Date };

/** The last checkpoint that this process saw of a model. `lost`: the stored one was found to be behind it. */
type Seen = { readonly checkpoint: Checkpoint; readonly lost: boolean };

// Some servers keep a cursor open for each update until the whole command has ended, and have about a hundred.
const rowsPerWrite = 40;
const oldVersionsKeptMs = 24 * 3_600_000;

const checkpointsOf = (db: Db) => db.collection<StoredCheckpoint>('checkpoints');

/** Dropping what is not there is no error. */
const dropCollection = async (db: Db, name: string) => {
  await db
    .collection(name)
    .drop()
    .catch((error: unknown) => {
      if (!(error instanceof MongoServerError) || error.code !== 26) throw error;
    });
};

const makeIndexes = async (db: Db, model: VersionedModel) => {
  for (const field of model.indexes) await db.collection(collectionName(model)).createIndex({ [field]: 1 });
};

/** Drops what an older version of the code left, once this version has passed it and nobody has written to it for a day. */
const dropOlder = async (db: Db, models: readonly VersionedModel[], now: number) => {
  const checkpoints = await checkpointsOf(db).find().toArray();
  for (const model of models) {
    const name = collectionName(model);
    const current = checkpoints.find(({ _id }) => _id === name);
    for (const old of checkpoints) {
      const [base, version] = old._id.split('_v');
      const outdated = base === model.name && Number(version) < model.version;
      if (!outdated || !current || current.position < old.position) continue;
      if (old.at.getTime() > now - oldVersionsKeptMs) continue;
      await dropCollection(db, old._id);
      await checkpointsOf(db).deleteOne({ _id: old._id });
    }
  }
};

const newestOfEach = (rows: readonly Row[]): Row[] => {
  const newest = new Map<string, Row>();
  for (const row of rows) if (row.position > (newest.get(row.id)?.position ?? -1)) newest.set(row.id, row);
  return [...newest.values()];
};

/** The rows that are not stored yet in this or a newer version. */
const stillNewer = async (rows: Collection<Stored>, wanted: readonly Row[]): Promise<Row[]> => {
  const filter = { _id: { $in: wanted.map(({ id }) => id) } };
  const stored = await rows.find(filter, { projection: { position: 1 } }).toArray();
  const positions = new Map(stored.map(({ _id, position }) => [_id, position]));
  return wanted.filter(({ id, position }) => position > (positions.get(id) ?? -1));
};

/**
 * Stores rows that are newer than the stored ones. Where a stored one is as new, the guarded upsert finds nothing to
 * update, tries to insert and meets the key: those are left out of the next try, until nothing is newer any more.
 */
const storeRows = async (rows: Collection<Stored>, changed: readonly Row[]) => {
  for (let pending = changed; pending.length > 0; pending = await stillNewer(rows, pending)) {
    const writes = pending.map((row) => ({
      replaceOne: {
        filter: { _id: row.id, position: { $lt: row.position } },
        replacement: toDocument(row),
        upsert: true,
      },
    }));
    try {
      await rows.bulkWrite(writes, { ordered: false });
      return;
    } catch (error) {
      const errors = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
      if (errors.length === 0 || !errors.every(({ code }) => code === 11_000)) throw error;
    }
  }
};

const sameRun = (a: Checkpoint, b: Checkpoint): boolean => a.log === b.log && a.version === b.version;

/** Moves the stored checkpoint forwards. False when there is none of this log and version to move. */
const advance = async (db: Db, _id: string, { log, version, position }: Checkpoint, journal: boolean) => {
  const checkpoints = checkpointsOf(db);
  const moved = await checkpoints.updateOne(
    { _id, log, version, position: { $lt: position } },
    { $set: { position, at: new Date() } },
    { writeConcern: { w: 'majority', journal } },
  );
  if (moved.matchedCount > 0) return true;
  const stored = await checkpoints.findOne({ _id });
  return stored !== null && sameRun(stored, { log, version, position }) && stored.position >= position;
};

/** Puts a checkpoint in the place of none, or of another log's or version's. */
const replaceCheckpoint = async (db: Db, _id: string, { log, version, position }: Checkpoint) => {
  const behind = [{ log: { $ne: log } }, { version: { $ne: version } }, { position: { $lt: position } }];
  try {
    const replacement = { log, version, position, at: new Date() };
    await checkpointsOf(db).replaceOne({ _id, $or: behind }, replacement, { upsert: true });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error; // another process was first, and is not behind
  }
};

/**
 * Opens the read models: collections `<model>_v<version>`, an index for each field of `indexes`. Throws one plain
 * sentence naming MONGODB_URL when the URL, the user or the database's schema version is refused.
 */
export const openMongoReadModels = async (
  options: StoreOptions & { readonly models: readonly VersionedModel[] },
): Promise<ReadModels> => {
  const models = new Map(options.models.map((model) => [model.name, model]));
  const seen = new Map<string, Seen>();
  const { run, close } = await connectMongo(options, async (db) => {
    for (const model of options.models) await makeIndexes(db, model);
    await dropOlder(db, options.models, Date.now());
  });

  const modelOf = (name: string): VersionedModel => {
    const found = models.get(name);
    if (!found) throw new Error(`There is no read model ${name}.`);
    return found;
  };
  const onRows = <T>(name: string, operation: (rows: Collection<Stored>) => Promise<T>): Promise<T> => {
    const collection = collectionName(modelOf(name));
    return run((db) => operation(db.collection<Stored>(collection)));
  };
  const readCheckpoint = async (name: string): Promise<Checkpoint | undefined> => {
    const _id = collectionName(modelOf(name));
    const stored = await run((db) => checkpointsOf(db).findOne({ _id }));
    return stored ? { log: stored.log, version: stored.version, position: stored.position } : undefined;
  };
  const see = (name: string, checkpoint: Checkpoint | undefined) => {
    if (checkpoint) seen.set(name, { checkpoint, lost: false });
    else seen.delete(name);
  };
  const lost = (name: string, checkpoint: Checkpoint): RowsLost => {
    seen.set(name, { checkpoint, lost: true });
    return new RowsLost(name);
  };

  /**
   * Before rows are stored that were folded from stored ones: these may just have vanished, and what was folded from
   * nothing must not be taken for a whole row.
   */
  const noticeLoss = async (name: string) => {
    const before = seen.get(name)?.checkpoint;
    if (!before) return;
    const stored = await readCheckpoint(name);
    if (!stored || (sameRun(stored, before) && stored.position < before.position)) throw lost(name, before);
  };

  const moveCheckpoint = async (name: string, next: Checkpoint, journal: boolean) => {
    const _id = collectionName(modelOf(name));
    const before = seen.get(name)?.checkpoint;
    if (!(await run((db) => advance(db, _id, next, journal)))) {
      if (before && sameRun(before, next)) throw lost(name, before);
      await run((db) => replaceCheckpoint(db, _id, next));
    }
    if (!before || !sameRun(before, next) || before.position < next.position) see(name, next);
  };

  return {
    async get<R extends Row>(name: string, id: string) {
      const found = await onRows(name, (rows) => rows.findOne({ _id: id, deleted: { $ne: true } }));
      return found ? toRow<R>(found) : undefined;
    },

    async find<R extends Row>(name: string, { where, sort, skip = 0, limit, deleted }: Query) {
      if (limit === 0) return []; // to the driver it means no limit
      const found = await onRows(name, (rows) =>
        rows.find(filterOf(where, deleted), { sort: sortOf(sort), skip, limit: limit ?? 0 }).toArray(),
      );
      return found.map((row) => toRow<R>(row));
    },

    count: (name, where) => onRows(name, (rows) => rows.countDocuments(filterOf(where))),

    async load<R extends Row>(name: string, ids: readonly string[]) {
      const found = await onRows(name, (rows) => rows.find({ _id: { $in: [...ids] } }).toArray());
      return new Map(found.map((row) => [row._id, toRow<R>(row)]));
    },

    async apply(name, rows, checkpoint) {
      if (seen.get(name)?.lost) throw new RowsLost(name);
      const changed = newestOfEach(rows);
      if (changed.length > 0) await noticeLoss(name);
      for (let from = 0; from < changed.length; from += rowsPerWrite)
        await onRows(name, (stored) => storeRows(stored, changed.slice(from, from + rowsPerWrite)));
      await moveCheckpoint(name, checkpoint, changed.length > 0);
    },

    async checkpoint(name) {
      const stored = await readCheckpoint(name);
      if (seen.get(name)?.lost ?? true) see(name, stored);
      return stored;
    },

    async forget(name, rows) {
      for (let from = 0; from < rows.length; from += rowsPerWrite) {
        const some = rows.slice(from, from + rowsPerWrite);
        const deletions = some.map(({ id, position }) => ({ deleteOne: { filter: { _id: id, position } } }));
        await onRows(name, (stored) => stored.bulkWrite(deletions, { ordered: false }));
      }
    },

    async drop(name) {
      const model = modelOf(name);
      const _id = collectionName(model);
      seen.delete(name);
      await run(async (db) => {
        await checkpointsOf(db).deleteOne({ _id }); // first: without it the rows are built again
        await dropCollection(db, _id);
        await makeIndexes(db, model);
      });
    },

    close,
  };
};
