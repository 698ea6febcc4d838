// Leases in MongoDB: one document each in the collection `leases`, changed by single atomic operations.
import type { Db } from 'mongodb';
import type { StoreOptions } from '../connection.js';
import { connectMongo, isDuplicateKey } from '../mongo-connection.js';
import type { Leases } from './port.js';

/** `until` is Unix ms by the holder's clock. */
type StoredLease = { readonly _id: string; readonly holder: string; readonly until: number };

/** Opens the leases. `now` is Unix ms: clocks that differ make a lease that much longer or shorter. */
export const openMongoLeases = async (
  options: StoreOptions & { readonly now?: () => number },
): Promise<Leases> => {
  const { now = Date.now } = options;
  const { run, close } = await connectMongo(options);
  const leases = (db: Db) => db.collection<StoredLease>('leases');

  return {
    acquire: (name, holder, ttlMs) =>
      run(async (db) => {
        const at = now();
        const mine = { _id: name, $or: [{ holder }, { until: { $lte: at } }] };
        try {
          const change = { $set: { holder, until: at + ttlMs } };
          await leases(db).findOneAndUpdate(mine, change, { upsert: true });
          return true;
        } catch (error) {
          if (isDuplicateKey(error)) return false; // the lease is there, and another's
          throw error;
        }
      }),

    renew: (name, holder, ttlMs) =>
      run(async (db) => {
        const change = { $set: { until: now() + ttlMs } };
        return (await leases(db).updateOne({ _id: name, holder }, change)).matchedCount === 1;
      }),

    release: (name, holder) =>
      run(async (db) => {
        await leases(db).deleteOne({ _id: name, holder });
      }),

    close,
  };
};
