// What every adapter of a server must keep while its server fails.
import { expect } from 'vitest';
import { StoreUnavailable } from '../../src/adapters/read-models/port.js';
import type { Soon } from '../../src/domain/soon.js';

/** Rejects with StoreUnavailable in less than 5 s. */
export const expectUnavailable = async (operation: () => Soon<unknown>): Promise<void> => {
  const begun = performance.now();
  await expect(operation()).rejects.toThrow(StoreUnavailable);
  expect(performance.now() - begun).toBeLessThan(5_000);
};

/** The operation's first result once the server is back: tried again while it says StoreUnavailable. */
export const onceAvailable = async <T>(operation: () => Soon<T>): Promise<T> => {
  const deadline = performance.now() + 15_000;
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};

/** Remembers the sentences that an adapter reports. */
export const reports = () => {
  const sentences: string[] = [];
  return { sentences, report: { warn: (message: string) => void sentences.push(message) } };
};
