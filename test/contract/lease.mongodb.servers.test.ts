// The leases in MongoDB: the common contract, and several processes.
import { describe, expect, test } from 'vitest';
import { openMongoLeases } from '../../src/adapters/lease/mongodb.js';
import { testDatabase } from '../servers/databases.js';
import { reports } from '../servers/expectations.js';
import { shared } from '../servers/shared.js';
import { leasesContract } from './lease.js';

const server = shared('mongodb');
const url = 'skipped' in server ? '' : server.url;

describe.skipIf('skipped' in server)('MongoDB', () => {
  leasesContract('MongoDB', async () => {
    const { prefix, drop } = testDatabase(url);
    const clock = { now: Date.UTC(2026, 0, 1) };
    const { report } = reports();
    const leases = await openMongoLeases({ url, prefix, report, now: () => clock.now });
    return {
      leases,
      clock,
      async dispose() {
        await leases.close();
        await drop();
      },
    };
  });

  test('of two processes that ask again and again one holds the lease, and the other once it is released', async () => {
    const { prefix, drop } = testDatabase(url);
    const open = () => openMongoLeases({ url, prefix, report: reports().report });
    const [one, two] = await Promise.all([open(), open()]);
    const ask = () => Promise.all([one.acquire('lease', 'one', 60_000), two.acquire('lease', 'two', 60_000)]);
    const [first] = await ask();
    for (let round = 0; round < 5; round++) expect(await ask()).toEqual([first, !first]);
    await (first ? one.release('lease', 'one') : two.release('lease', 'two'));
    expect(await (first ? two.acquire('lease', 'two', 1) : one.acquire('lease', 'one', 1))).toBe(true);
    await Promise.all([one.close(), two.close()]);
    await drop();
  });
});
