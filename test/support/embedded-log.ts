// A real embedded log in a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import type { Recorded } from '../../src/domain/decider.js';

/** `reopen` closes and opens the same files again, as a restart does. */
export type TestLog = { readonly log: EventLog; reopen(): Promise<EventLog>; stop(): Promise<void> };

export const testLog = async (): Promise<TestLog> => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
  let log = await openEmbeddedLog({ dir });
  return {
    get log() {
      return log;
    },
    async reopen() {
      await log.close();
      log = await openEmbeddedLog({ dir });
      return log;
    },
    async stop() {
      await log.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** All events of a stream, or of the whole log when none is named. */
export const eventsIn = async (log: EventLog, stream?: string): Promise<Recorded[]> => {
  const events: Recorded[] = [];
  for await (const event of stream === undefined ? log.readAll(-1) : log.read(stream)) events.push(event);
  return events;
};
