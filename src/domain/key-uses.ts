// The event that tells when API keys were used: many uses at once, never one event per request.
import { z } from 'zod';
import { event, Instant } from './decider.js';

export const KeyUseEvent = z.discriminatedUnion('type', [
  /** The latest use of each key since the last such event of the same server. */
  event('ApiKeysUsed', { uses: z.array(z.object({ keyId: z.uuid(), at: Instant })) }),
]);
export type ApiKeysUsed = z.infer<typeof KeyUseEvent>;
export const apiKeysUsed: ApiKeysUsed['type'] = 'ApiKeysUsed';
