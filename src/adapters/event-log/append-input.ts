// What every adapter refuses before it touches its store.
import { validate } from 'uuid';
import type { Expected, NewEvent } from './port.js';

/** Most bytes that one append may have, encoded: what the server adapter's store takes as well. */
export const LARGEST_APPEND = 1 << 20;

/** The revision that an exact expectation names (-1 = no stream); undefined for the two open ones. */
export const exactRevision = (expected: Expected): number | undefined => {
  if (expected === 'no_stream') return -1;
  return typeof expected === 'number' ? expected : undefined;
};

/** Whether a stream whose last event has `revision` (-1 = none) is as expected. */
export const isAsExpected = (expected: Expected, revision: number): boolean => {
  if (expected === 'any') return true;
  if (expected === 'stream_exists') return revision >= 0;
  return revision === exactRevision(expected);
};

/** Throws a RangeError for an append that no log could take: programming errors, never a caller's input. */
export const checkAppend = (stream: string, events: readonly NewEvent[], expected: Expected): void => {
  if (stream === '' || stream.startsWith('$')) throw new RangeError(`"${stream}" is no name for a stream.`);
  if (events.length === 0) throw new RangeError(`An append to ${stream} has no events.`);
  for (const { id, type } of events)
    if (!validate(id) || type === '' || type.startsWith('$'))
      throw new RangeError(`An append to ${stream} has an event of type "${type}" and id "${id}".`);
  if (typeof expected === 'number' && !(Number.isSafeInteger(expected) && expected >= 0))
    throw new RangeError(`An append to ${stream} expects revision ${expected}, which no stream has.`);
};

/** Throws a RangeError when the encoded append is too large. */
export const checkSize = (stream: string, bytes: number): void => {
  if (bytes > LARGEST_APPEND)
    throw new RangeError(`An append to ${stream} has ${bytes} bytes; ${LARGEST_APPEND} are the most.`);
};
