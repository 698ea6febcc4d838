// EventStoreDB's double under an installation at work: killed, frozen.
import { afterEach, test } from 'vitest';
import { describeBreaking, FAULT_TIMEOUT, outage, survives } from '../support/faults.js';

const everything = 'api,projections,deliveries';

await describeBreaking('EventStoreDB’s double', (servers) => {
  const server = servers.EVENTSTORE_URL;
  afterEach(() => server.thaw());

  test('killed and started again under load, at once and after a while', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], async (given) => {
      for (let n = 0; n < 2; n++) {
        await server.kill();
        await server.start();
        await given.load.more(5);
      }
      await outage(given, 'EVENTSTORE_URL', { down: server.kill, up: server.start });
    }),
  );

  test('frozen under load', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, [everything, everything], (given) =>
      outage(given, 'EVENTSTORE_URL', { down: server.freeze, up: server.thaw }),
    ),
  );
});
