// Read models in MongoDB: one collection per read model and version, checkpoints in a collection of their own.
import { type Collection, type Db, MongoBulkWriteError, MongoServerError } from 'mongodb';
import type { StoreOptions } from '../connection.js';
import { connectMongo } from '../mongo-connection.js';
import {
  advance,
  checkpointsOf,
  createCollection,
  replaceCheckpoint,
  sameRun,
  standingOf,
} from './checkpoints.js';
import {
  collectionName,
  filterOf,
  type Stored,
  sortOf,
  toDocument,
  toRow,
  type VersionedModel,
} from './documents.js';
import { type Checkpoint, type Query, type ReadModels, type Row, RowsLost, type Standing } from './port.js';

/**
 * What this process writes to: which collection, and the last checkpoint that it saw. `lost`: what is stored was found
 * to be another collection, or behind.
 */
type Seen = { readonly build: string | undefined; checkpoint: Checkpoint | undefined; lost: boolean };

// Some servers keep a cursor open for each update until the whole command has ended, and have about a hundred.
const rowsPerWrite = 40;
const oldVersionsKeptMs = 24 * 3_600_000;

/** Dropping what is not there is no error. */
const dropCollection = async (db: Db, name: string) => {
  await db
    .collection(name)
    .drop()
    .catch((error: unknown) => {
      if (!(error instanceof MongoServerError) || error.code !== 26) throw error;
    });
};

/** Makes a collection, with or without rows to come: from then on it has an identity. */
const makeCollection = async (db: Db, model: VersionedModel) => {
  await createCollection(db, collectionName(model));
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
    for (const model of options.models) await makeCollection(db, model);
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
  const standing = (name: string): Promise<Standing> => {
    const _id = collectionName(modelOf(name));
    return run((db) => standingOf(db, _id));
  };
  const resume = async (name: string): Promise<Seen> => {
    const { checkpoint, build } = await standing(name);
    const now: Seen = { build, checkpoint, lost: false };
    seen.set(name, now);
    return now;
  };
  const lost = (name: string, mine: Seen): RowsLost => {
    mine.lost = true;
    return new RowsLost(name);
  };

  /**
   * Before rows are stored that were folded from stored ones: these may just have vanished, and what was folded from
   * nothing must not be taken for a whole row.
   */
  const noticeLoss = async (name: string, mine: Seen) => {
    const { checkpoint: stored, build } = await standing(name);
    const before = mine.checkpoint;
    const isAnother = mine.build !== undefined && build !== mine.build;
    const isBehind = before && (!stored || (sameRun(stored, before) && stored.position < before.position));
    if (isAnother || isBehind) throw lost(name, mine);
  };

  const moveCheckpoint = async (name: string, mine: Seen, next: Checkpoint, journal: boolean) => {
    const _id = collectionName(modelOf(name));
    const { checkpoint: before, build } = mine;
    if (!(await run((db) => advance(db, _id, next, build, journal)))) {
      if (before && sameRun(before, next)) throw lost(name, mine);
      await run((db) => replaceCheckpoint(db, _id, next, build));
    }
    if (!before || !sameRun(before, next) || before.position < next.position) mine.checkpoint = next;
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
      const mine = seen.get(name) ?? (await resume(name));
      if (mine.lost) throw new RowsLost(name);
      const changed = newestOfEach(rows);
      if (changed.length > 0) await noticeLoss(name, mine);
      for (let from = 0; from < changed.length; from += rowsPerWrite)
        await onRows(name, (stored) => storeRows(stored, changed.slice(from, from + rowsPerWrite)));
      await moveCheckpoint(name, mine, checkpoint, changed.length > 0);
    },

    checkpoint: async (name) => (await standing(name)).checkpoint,
    standing,
    resume: async (name) => (await resume(name)).checkpoint,

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
      await run(async (db) => {
        const { deletedCount } = await checkpointsOf(db).deleteOne({ _id }); // first: without it the rows are built again
        // One that was never used stays the one that others know.
        const isUnused = deletedCount === 0 && (await db.collection(_id).findOne()) === null;
        if (!isUnused) await dropCollection(db, _id);
        await makeCollection(db, model);
      });
      await resume(name);
    },

    close,
  };
};
