// The example queries of docs/read-models.md, run on rows that the read models really make.
import type { Db } from 'mongodb';
import { afterAll, describe, expect, test } from 'vitest';
import { openMongoReadModels } from '../src/adapters/read-models/mongodb.js';
import { models } from '../src/app/models.js';
import { exampleQueries } from '../src/docs/read-models.js';
import { testDatabase } from './servers/databases.js';
import { reports } from './servers/expectations.js';
import { startMongo } from './servers/mongodb.js';
import { feedExamples } from './support/example-rows.js';

const server = await startMongo();
afterAll(async () => {
  if (!('skipped' in server)) await server.stop();
});

/** What a query for the shell yields: one number, or the documents of its cursor. */
const run = async (db: Db, query: string): Promise<number | object[]> => {
  const shell = { getCollection: (name: string) => db.collection(name) };
  const result = new Function('db', `return ${query}`)(shell);
  return result instanceof Promise ? await result : await result.toArray();
};

describe.skipIf('skipped' in server)('docs/read-models.md', () => {
  test('has queries that find what they ask for at some time in the life of the examples', async () => {
    const { prefix, db, drop } = testDatabase('skipped' in server ? '' : server.url);
    const options = { url: 'skipped' in server ? '' : server.url, prefix, report: reports().report, models };
    const store = await openMongoReadModels(options);
    const found = new Set<string>();
    await feedExamples(store, async () => {
      for (const { asks, query } of exampleQueries) {
        const result = await run(db, query);
        if (typeof result === 'number' ? result > 0 : result.length > 0) found.add(asks);
      }
    });
    expect([...found].sort()).toEqual(exampleQueries.map(({ asks }) => asks).sort());
    await store.close();
    await drop();
  });
});
