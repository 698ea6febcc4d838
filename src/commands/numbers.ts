// Integer ids: an append with "any" revision to a sequence stream; its revision is the number.
import type { EventLog } from '../adapters/event-log/port.js';
import { newId } from '../domain/ids.js';
import { type CommandContext, metadataFor } from './context.js';

export type Sequence = 'workspace' | 'user' | 'apiKey' | 'webhook';

/** How far a retry looks back for the number that its first run took. */
const LOOK_BACK = 500;

/** The number that an earlier run of this command took, when that was not long ago. */
const takenBefore = async (log: EventLog, stream: string, commandId: string): Promise<number | undefined> => {
  for await (const { metadata, revision } of log.read(stream, { backwards: true, limit: LOOK_BACK }))
    if (metadata.commandId === commandId) return revision + 1;
  return undefined;
};

/** The next integer id of a sequence, from 1; never given to two commands. A refused command may burn one. */
export const nextNumber = async (
  log: EventLog,
  sequence: Sequence,
  context: CommandContext,
  now: () => Date,
): Promise<number> => {
  const stream = `sequence-${sequence}`;
  const before = context.retry ? await takenBefore(log, stream, context.commandId) : undefined;
  if (before !== undefined) return before;
  const metadata = metadataFor({ ...context, audience: [] }, undefined, now().toISOString());
  const { revision } = await log.append(
    stream,
    [{ id: newId(), type: 'NumberTaken', data: {}, metadata }],
    'any',
  );
  return revision + 1;
};
