// Processes of every role killed with -9 or frozen under load, while others of their kind go on.
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'vitest';
import { describeBreaking, FAULT_TIMEOUT, survives } from '../support/faults.js';

/** Long enough for a lease to lapse and to be taken by another process. */
const LEASE_MS = 8_000;

await describeBreaking('processes', (servers) => {
  test(
    'kill -9 of one of each role, the older first: it holds the lease, if any',
    {
      timeout: FAULT_TIMEOUT,
    },
    () =>
      survives(servers, ['api', 'api', 'projections', 'deliveries'], async ({ fleet, load }) => {
        for (const role of ['projections', 'deliveries']) await fleet.start(role);
        for (const role of ['api', 'projections', 'deliveries']) {
          const [oldest] = fleet.withRole(role);
          if (!oldest) throw new Error(`no process of the role ${role}`);
          await fleet.kill(oldest);
          await load.more(5);
        }
      }),
  );

  test('kill -9 of all there are, at the same time', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, ['api', 'projections', 'deliveries'], async ({ fleet, load }) => {
      await Promise.all(fleet.processes.map(fleet.kill));
      await Promise.all(['deliveries', 'projections', 'api'].map(fleet.start));
      await load.more(5);
    }),
  );

  test('frozen until the other one has taken over, then thawed', { timeout: FAULT_TIMEOUT }, () =>
    survives(servers, ['api', 'projections', 'deliveries'], async ({ fleet, load }) => {
      const holders = ['projections', 'deliveries'].flatMap((role) => fleet.withRole(role));
      for (const role of ['projections', 'deliveries']) await fleet.start(role);
      for (const { pid } of holders) process.kill(pid, 'SIGSTOP');
      await delay(LEASE_MS);
      await load.more(5);
      for (const { pid } of holders) process.kill(pid, 'SIGCONT');
      await load.more(5);
    }),
  );
});
