// Servers that are started after the processes that need them.
import { afterEach, expect, test } from 'vitest';
import { expectNothingLostOrDoubled } from '../support/aftermath.js';
import { describeBreaking, FAULT_TIMEOUT, subscribeTo } from '../support/faults.js';
import { newFleet, type ServerSetting, urlsOf } from '../support/fleet.js';
import { startLoad } from '../support/load.js';
import { ready } from '../support/readiness.js';
import { startReceiver } from '../support/receiver.js';

await describeBreaking('a server that is not there yet', (servers) => {
  afterEach(async () => {
    for (const one of Object.values(servers)) await one.start();
  });

  test.each<[string, ServerSetting[]]>([
    ['EventStoreDB', ['EVENTSTORE_URL']],
    ['MongoDB', ['MONGODB_URL']],
    ['Redis', ['REDIS_URL']],
    ['all three', ['EVENTSTORE_URL', 'MONGODB_URL', 'REDIS_URL']],
  ])('%s: is waited for, and then everything works', { timeout: FAULT_TIMEOUT }, async (_, late) => {
    for (const setting of late) await servers[setting].kill();
    const fleet = await newFleet(urlsOf(servers));
    const receiver = await startReceiver();
    try {
      const starting = fleet.start();
      const early = await Promise.race([
        starting.then(async ({ url }) => (await fetch(`${url}/ready`)).status),
        new Promise<string>((resolve) => setTimeout(resolve, 3_000, 'not even listening')),
      ]);
      expect(early).not.toBe(200);
      for (const setting of late) await servers[setting].start();
      await ready([await starting]);
      await subscribeTo(fleet, receiver.url);
      const load = startLoad(() => fleet.withRole('api'), fleet.key);
      await load.more(10);
      await load.stop();
      await expectNothingLostOrDoubled(fleet, load, receiver);
    } finally {
      await fleet.stop();
      await receiver.stop();
    }
  });
});
