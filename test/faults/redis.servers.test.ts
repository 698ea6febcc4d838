// Redis under an installation at work: killed, frozen, emptied.

import { Redis } from 'ioredis';
import { afterEach, test } from 'vitest';
import { describeBreaking, FAULT_TIMEOUT, outage, survives } from '../support/faults.js';

const everything = 'api,projections,deliveries';

await describeBreaking('Redis', (servers) => {
  const server = servers.REDIS_URL;
  afterEach(() => server.thaw());

  test('killed and started again under load, at once and after a while', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], async (given) => {
      for (let n = 0; n < 2; n++) {
        await server.kill();
        await server.start();
        await given.load.more(5);
      }
      await outage(given, 'REDIS_URL', { down: server.kill, up: server.start });
    }),
  );

  test('frozen under load', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], (given) =>
      outage(given, 'REDIS_URL', { down: server.freeze, up: server.thaw }),
    ),
  );

  test('emptied under load, again and again', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], async ({ load }) => {
      const redis = new Redis(server.url);
      for (let n = 0; n < 10; n++) {
        await redis.flushall();
        await load.more(2);
      }
      redis.disconnect();
    }),
  );
});
