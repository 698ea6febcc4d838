// The leases in memory: the common contract.
import { embeddedLeases } from '../../src/adapters/lease/embedded.js';
import { leasesContract } from './lease.js';

leasesContract('embedded', async () => {
  const clock = { now: Date.UTC(2026, 0, 1) };
  const leases = embeddedLeases(() => clock.now);
  return { leases, clock, dispose: () => leases.close() };
});
