// A server that others use too: their events are neither seen nor in the way.
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { expect, it } from 'vitest';
import { shared } from '../servers/shared.js';
import { startTestApp } from '../support/api.js';

it('an installation that begins among many events of others makes its first key', async () => {
  const client = EventStoreDBClient.connectionString(shared('eventstore').url);
  const others = () => Array.from({ length: 600 }, () => jsonEvent({ type: 'Happened', data: {} }));
  for (let n = 0; n < 3; n++) await client.appendToStream('somebody-else', others());
  await client.dispose();
  const app = await startTestApp();
  expect((await app.call('GET', '/workspaces')).body.data).toHaveLength(1);
  expect((await app.call('POST', '/workspaces', { body: { name: 'Ours' } })).body.data.id).toBe(2);
  await app.stop();
});
