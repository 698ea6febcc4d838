// A connection to MongoDB: fails fast while the server is down, and prepares the database once it is reached.
import {
  type Db,
  MongoBulkWriteError,
  MongoClient,
  MongoError,
  MongoInvalidArgumentError,
  MongoServerError,
} from 'mongodb';
import { answerWithin, messageOf, type StoreOptions, TooLate, within } from './connection.js';
import { StoreUnavailable } from './read-models/port.js';

export type MongoConnection = {
  /** Runs an operation on the prepared database. Throws StoreUnavailable within 5 s when the server is down. */
  run<T>(operation: (db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

const setting = 'MONGODB_URL';
const schemaVersion = 1;
const duplicateKey = 11_000;
const failFastAfter = 1_000;

/** Answers of a server that starts, stops, changes its role or is overloaded: the next try may succeed. */
const passing = new Set([
  1, 6, 7, 50, 89, 91, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436, 14031,
]);
const refusals = new Set([13, 18, 8000]);

export const isDuplicateKey = (error: unknown): boolean =>
  error instanceof MongoError && error.code === duplicateKey;

/** A broken connection that the driver did not wrap: `code` is a name such as EPIPE. */
const isSocketError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string';

/** What the caller is told: only what a later try may change is StoreUnavailable; our own mistakes stay what they are. */
const translated = (thrown: unknown): unknown => {
  // A bulk write wraps what ended its connection.
  const wraps = thrown instanceof MongoBulkWriteError && thrown.errorResponse instanceof Error;
  const error = wraps ? thrown.errorResponse : thrown;
  if (error instanceof TooLate || isSocketError(error)) return new StoreUnavailable(setting, error);
  if (!(error instanceof MongoError) || error instanceof MongoInvalidArgumentError) return error;
  if (!(error instanceof MongoServerError)) return new StoreUnavailable(setting, error);
  const code = Number(error.code);
  if (refusals.has(code)) return new Error(`${setting}: the server refused the user or the password.`);
  return passing.has(code) ? new StoreUnavailable(setting, error) : error;
};

const clientOf = (url: string): MongoClient => {
  try {
    return new MongoClient(url, {
      appName: 'core-api',
      ignoreUndefined: true,
      serverSelectionTimeoutMS: answerWithin - 500,
      waitQueueTimeoutMS: answerWithin - 500,
      connectTimeoutMS: 3_000,
      heartbeatFrequencyMS: 2_000,
    });
  } catch (error) {
    throw new Error(`${setting} is not a connection string of MongoDB: ${messageOf(error)}`);
  }
};

/** The database that a connection string names in its path. */
const databaseIn = (url: string): string | undefined => {
  const named = /^[^/]*\/\/[^/]*\/([^?]+)/.exec(url)?.[1];
  return named === undefined ? undefined : decodeURIComponent(named);
};

/** Marks the database as ours. One that another version of the schema wrote is refused: its fields mean other things. */
const checkSchema = async (db: Db) => {
  const meta = db.collection<{ _id: string; version: number }>('meta');
  const found = await meta.findOne({ _id: 'schema' });
  if (found === null) {
    await meta.insertOne({ _id: 'schema', version: schemaVersion }).catch((error) => {
      if (!isDuplicateKey(error)) throw error; // another process was first
    });
  } else if (found.version !== schemaVersion) {
    throw new Error(
      `${setting} names the database ${db.databaseName} with the schema version ${found.version}, and this program knows version ${schemaVersion}: name an empty one, it is filled from the log.`,
    );
  }
};

/**
 * Connects. Throws one plain sentence naming MONGODB_URL when it is no URL, when the user is refused, and when the
 * database has another schema version. A server that is down is reported, and used as soon as it is there.
 * `prepare` runs once, before the first operation.
 */
export const connectMongo = async (
  { url, prefix, report }: StoreOptions,
  prepare: (db: Db) => Promise<void> = async () => undefined,
): Promise<MongoConnection> => {
  const client = clientOf(url);
  const db = client.db(`${prefix}${databaseIn(url) ?? 'core_api'}`);
  let prepared: Promise<void> | undefined;
  let connected = false;

  const ready = () => {
    prepared ??= (async () => {
      await client.connect(); // anew: a client whose first connection failed does not try again by itself
      await checkSchema(db);
      await prepare(db);
      connected = true;
    })().catch((error) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };

  // Once a server is known to be away, nobody waits for it any more; the driver goes on looking for it.
  let awaySince: number | undefined;
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const away = [...newDescription.servers.values()].every(({ type }) => type === 'Unknown');
    awaySince = away ? (awaySince ?? Date.now()) : undefined;
  });
  const checkPresence = () => {
    if (connected && awaySince !== undefined && Date.now() - awaySince > failFastAfter)
      throw new StoreUnavailable(setting, new Error('the server is away'));
  };

  const run = async <T>(operation: (db: Db) => Promise<T>): Promise<T> => {
    checkPresence();
    const operate = async () => {
      await ready();
      return operation(db);
    };
    try {
      return await within(answerWithin, operate());
    } catch (error) {
      throw translated(error);
    }
  };

  try {
    await run(async () => undefined);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) {
      await client.close();
      throw error;
    }
    report.warn(`${setting}: the server cannot be reached yet; it is used as soon as it can.`, {
      error: error.message,
    });
  }
  return { run, close: () => client.close() };
};
