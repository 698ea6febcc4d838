// Many decisions as one fact: what was accepted together, and that it has reached all its streams. Pure.
import { z } from 'zod';
import { event } from './decider.js';

/** Events of one stream: what is theirs alone of their metadata stands beside them. */
const part = z.object({
  stream: z.string(),
  /** Revision that the stream had when they were decided; -1 = it did not exist. */
  after: z.int(),
  events: z.array(
    z.object({
      id: z.uuid(),
      type: z.string(),
      data: z.record(z.string(), z.json()),
      at: z.string(),
      commandId: z.uuid(),
      audience: z.array(z.uuid()),
    }),
  ),
});
export type BatchPart = z.infer<typeof part>;

export const BatchEvent = z.discriminatedUnion('type', [
  event('BatchAccepted', { workspaceId: z.uuid(), resource: z.string(), parts: z.array(part) }),
  event('BatchDistributed', { workspaceId: z.uuid() }),
]);
export type BatchEvent = z.infer<typeof BatchEvent>;
export type BatchAccepted = Extract<BatchEvent, { type: 'BatchAccepted' }>;
