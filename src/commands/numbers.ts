// Integer ids: an append with "any" revision to a sequence stream; its revision is the number.
import type { EventLog } from '../adapters/event-log/port.js';
import { newId } from '../domain/ids.js';
import { type CommandContext, metadataFor } from './context.js';

export type Sequence = 'workspace' | 'user' | 'apiKey' | 'webhook';

/** The next integer id of a sequence, from 1; never given twice. A refused command may burn one. */
export const nextNumber = async (
  log: EventLog,
  sequence: Sequence,
  context: CommandContext,
  now: () => Date,
): Promise<number> => {
  const metadata = metadataFor({ ...context, audience: [] }, undefined, now().toISOString());
  const { revision } = await log.append(
    `sequence-${sequence}`,
    [{ id: newId(), type: 'NumberTaken', data: {}, metadata }],
    'any',
  );
  return revision + 1;
};
