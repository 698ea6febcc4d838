// Leases: which process does a thing that one at a time should do. Every adapter passes test/contract/lease.ts.

/**
 * A lease saves work, it protects nothing: clocks differ and processes freeze, so two may hold one for a moment.
 * Every method throws StoreUnavailable when the store is another process that does not answer within 5 s.
 */
export interface Leases {
  /** Takes the lease `name` for `ttlMs`, if it is free, lapsed or already the holder's. True when it was taken. */
  acquire(name: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Prolongs a lease to `ttlMs` from now. False when another has taken it or it was released. */
  renew(name: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the lease back, if it is the holder's. */
  release(name: string, holder: string): Promise<void>;
  close(): Promise<void>;
}
