// The event log on EventStoreDB: the common contract, each test's log under a prefix of its own.
import { randomBytes } from 'node:crypto';
import { afterAll } from 'vitest';
import { openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import { quiet, startEventStore } from '../servers/eventstoredb.js';
import { eventLogContract } from './event-log.js';

const server = await startEventStore();
afterAll(() => server.stop());

eventLogContract('EventStoreDB', async () => {
  const prefix = `t${randomBytes(4).toString('hex')}_`;
  return {
    open: () => openEventStoreLog({ url: server.url, prefix, report: quiet }),
    cleanup: async () => undefined,
  };
});
