// MongoDB under an installation at work: killed, frozen, its database dropped.
import { afterEach, test } from 'vitest';
import { describeBreaking, FAULT_TIMEOUT, outage, survives } from '../support/faults.js';
import { dropDatabases } from '../support/stores.js';

const everything = 'api,projections,deliveries';

await describeBreaking('MongoDB', (servers) => {
  const server = servers.MONGODB_URL;
  afterEach(() => server.thaw());

  test('killed and started again under load, at once and after a while', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], async (given) => {
      for (let n = 0; n < 2; n++) {
        await server.kill();
        await server.start();
        await given.load.more(5);
      }
      await outage(given, 'MONGODB_URL', { down: server.kill, up: server.start });
    }),
  );

  test('frozen under load', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], (given) =>
      outage(given, 'MONGODB_URL', { down: server.freeze, up: server.thaw }),
    ),
  );

  test('its database dropped under load, three times', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], async ({ fleet, load }) => {
      for (let n = 0; n < 3; n++) {
        await dropDatabases(server.url, [fleet.settings['STORE_PREFIX'] ?? '']);
        await load.more(5);
      }
    }),
  );
});
