// Databases of their own for tests that share a MongoDB, gone afterwards.
import { randomBytes } from 'node:crypto';
import { type Db, MongoClient } from 'mongodb';

export type TestDatabase = {
  readonly prefix: string;
  /** What a store that was opened with this prefix writes to. */
  readonly db: Db;
  drop(): Promise<void>;
};

/** A prefix that nobody else uses, and a client that sees the database behind it. */
export const testDatabase = (url: string): TestDatabase => {
  const prefix = `t${randomBytes(6).toString('hex')}_`;
  const client = new MongoClient(url);
  const db = client.db(`${prefix}core_api`);
  return {
    prefix,
    db,
    async drop() {
      await db.dropDatabase();
      await client.close();
    },
  };
};
