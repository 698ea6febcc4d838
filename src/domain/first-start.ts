// The events that say how far the first start of an empty log has come: it is done once, whatever happens in between.
import { z } from 'zod';
import { event } from './decider.js';

export const FirstStartEvent = z.discriminatedUnion('type', [
  event('FirstStartBegun', {}),
  /** The first key was shown, or was set by the operator: there is nothing left to do. */
  event('FirstStartFinished', { apiKeyId: z.uuid() }),
]);
export type FirstStartEvent = z.infer<typeof FirstStartEvent>;
