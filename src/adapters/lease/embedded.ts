// Leases in memory, for a process that shares its stores with no other.
import type { Leases } from './port.js';

/** Makes the leases. `now` is Unix ms. */
export const embeddedLeases = (now: () => number = Date.now): Leases => {
  const leases = new Map<string, { readonly holder: string; readonly until: number }>();
  const hold = (name: string, holder: string, ttlMs: number) =>
    leases.set(name, { holder, until: now() + ttlMs });

  return {
    async acquire(name, holder, ttlMs) {
      const held = leases.get(name);
      if (held && held.holder !== holder && held.until > now()) return false;
      hold(name, holder, ttlMs);
      return true;
    },
    async renew(name, holder, ttlMs) {
      if (leases.get(name)?.holder !== holder) return false;
      hold(name, holder, ttlMs);
      return true;
    },
    async release(name, holder) {
      if (leases.get(name)?.holder === holder) leases.delete(name);
    },
    async close() {
      leases.clear();
    },
  };
};
