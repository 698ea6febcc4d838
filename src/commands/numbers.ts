// Integer ids: an append with "any" revision to a sequence stream; its revision is the number.
import type { EventLog } from '../adapters/event-log/port.js';
import { newId } from '../domain/ids.js';
import { type CommandContext, metadataFor } from './context.js';

export type Sequence = 'workspace' | 'namespace' | 'user' | 'apiKey' | 'webhook' | 'seoReport' | 'seoIssue';

/** How far a retry looks back for the number that its first run took. */
const LOOK_BACK = 500;

/** The revision at which an earlier run of this command took its last block, when that was not long ago. */
const takenBefore = async (log: EventLog, stream: string, commandId: string): Promise<number | undefined> => {
  for await (const { metadata, revision } of log.read(stream, { backwards: true, limit: LOOK_BACK }))
    if (metadata.commandId === commandId) return revision;
  return undefined;
};

/** Takes blocks that follow one another, in one append; the revision of the last. */
const take = async (
  log: EventLog,
  sequence: Sequence,
  blocks: number,
  context: CommandContext,
  now: () => Date,
): Promise<number> => {
  const stream = `sequence-${sequence}`;
  const before = context.retry ? await takenBefore(log, stream, context.commandId) : undefined;
  if (before !== undefined) return before;
  const metadata = metadataFor(context, undefined, now(), []);
  const events = Array.from({ length: blocks }, () => ({
    id: newId(),
    type: 'NumberTaken',
    data: {},
    metadata,
  }));
  return (await log.append(stream, events, 'any')).revision;
};

/** The next integer id of a sequence, from 1; never given to two commands. A refused command may burn one. */
export const nextNumber = async (
  log: EventLog,
  sequence: Sequence,
  context: CommandContext,
  now: () => Date,
): Promise<number> => (await take(log, sequence, 1, context, now)) + 1;

/** Integer ids in one block of a sequence whose records come in masses. */
const BLOCK = 100;

/**
 * The first of `count` (at least 1) integer ids in a row, from 1; none is given to two commands. Ids that are left over
 * in the last block are never given. A sequence is taken by this or by `nextNumber`, never by both.
 */
export const nextNumbers = async (
  log: EventLog,
  sequence: Sequence,
  count: number,
  context: CommandContext,
  now: () => Date,
): Promise<number> => {
  const blocks = Math.ceil(count / BLOCK);
  const last = await take(log, sequence, blocks, context, now);
  return (last - blocks + 1) * BLOCK + 1;
};
