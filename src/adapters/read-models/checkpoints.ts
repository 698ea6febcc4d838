// Checkpoints in MongoDB: how far a collection of rows has come, and which collection that is.
import { type Db, MongoServerError } from 'mongodb';
import { isDuplicateKey } from '../mongo-connection.js';
import type { Checkpoint, Standing } from './port.js';

/**
 * `_id` is the collection's name; `at` is when it last moved; `rows` is the collection that it counts for: one that was
 * dropped and made again is another. Earlier releases wrote none.
 */
type CheckpointDocument = Checkpoint & {
  readonly _id: string;
  readonly at: Date;
  readonly rows?: string | null;
};

const namespaceExists = 48;

export const checkpointsOf = (db: Db) => db.collection<CheckpointDocument>('checkpoints');

/** Making what is there is no error. */
export const createCollection = async (db: Db, name: string): Promise<void> => {
  await db.createCollection(name).catch((error: unknown) => {
    if (!(error instanceof MongoServerError) || error.code !== namespaceExists) throw error;
  });
};

/** The UUID that the server gave to a collection. */
const identityOf = async (db: Db, name: string): Promise<string | undefined> => {
  const [found] = await db.listCollections({ name }).toArray();
  return found && 'info' in found ? found.info?.uuid?.toString('hex') : undefined;
};

/** Which collection is there, and its checkpoint: one of a collection that is gone counts as none. */
export const standingOf = async (db: Db, _id: string): Promise<Standing> => {
  const [stored, build] = await Promise.all([checkpointsOf(db).findOne({ _id }), identityOf(db, _id)]);
  if (!stored || (stored.rows ?? build) !== build) return { build };
  const { log, version, position } = stored;
  return { build, checkpoint: { log, version, position } };
};

export const sameRun = (a: Checkpoint, b: Checkpoint): boolean => a.log === b.log && a.version === b.version;

/** Moves the stored checkpoint forwards. False when there is none of this log, version and collection to move. */
export const advance = async (
  db: Db,
  _id: string,
  { log, version, position }: Checkpoint,
  build: string | undefined,
  journal: boolean,
): Promise<boolean> => {
  const run = { _id, log, version, ...(build === undefined ? {} : { rows: { $in: [build, null] } }) };
  const moved = await checkpointsOf(db).updateOne(
    { ...run, position: { $lt: position } },
    { $set: { position, at: new Date(), ...(build === undefined ? {} : { rows: build }) } },
    { writeConcern: { w: 'majority', journal } },
  );
  if (moved.matchedCount > 0) return true;
  return (await checkpointsOf(db).findOne({ ...run, position: { $gte: position } })) !== null;
};

/** Puts a checkpoint in the place of none, or of another log's or version's. */
export const replaceCheckpoint = async (
  db: Db,
  _id: string,
  { log, version, position }: Checkpoint,
  build: string | undefined,
): Promise<void> => {
  const behind = [{ log: { $ne: log } }, { version: { $ne: version } }, { position: { $lt: position } }];
  const replacement = {
    ...{ log, version, position, at: new Date() },
    ...(build === undefined ? {} : { rows: build }),
  };
  try {
    await checkpointsOf(db).replaceOne({ _id, $or: behind }, replacement, { upsert: true });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error; // another process was first, and is not behind
  }
};
