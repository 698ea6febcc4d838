// The event log on EventStoreDB: the common contract, each test's log under a prefix of its own.
import { randomBytes } from 'node:crypto';
import { openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import { quiet } from '../servers/eventstoredb.js';
import { shared } from '../servers/shared.js';
import { eventLogContract } from './event-log.js';

const server = shared('eventstore');

eventLogContract('EventStoreDB', async () => {
  const prefix = `t${randomBytes(4).toString('hex')}_`;
  return {
    open: () => openEventStoreLog({ url: server.url, prefix, report: quiet }),
    cleanup: async () => undefined,
  };
});
