// What the errors of the EventStoreDB client mean. Told by code and type: the classes differ from call to call.
import { LogUnavailable } from './port.js';

/** gRPC status codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const CODES = { unknown: 2, permissionDenied: 7, aborted: 10, unauthenticated: 16 };

const fieldOf = (error: unknown, name: 'code' | 'type'): unknown =>
  typeof error === 'object' && error !== null && name in error
    ? (error as Record<typeof name, unknown>)[name]
    : undefined;

export const isStreamMissing = (error: unknown): boolean => fieldOf(error, 'type') === 'stream-not-found';
export const isStreamDeleted = (error: unknown): boolean => fieldOf(error, 'type') === 'stream-deleted';

/** A live subscription that could not keep up with a burst was given up by the server. Ordinary: subscribe again. */
export const isTooSlow = (error: unknown): boolean => fieldOf(error, 'code') === CODES.aborted;

/** What the server answers when no record begins at the position to start from. */
export const isNoPosition = (error: unknown): boolean => fieldOf(error, 'code') === CODES.unknown;

/** Wrong credentials, or rights that are missing: waiting does not help. */
export const isRefused = (error: unknown): boolean => {
  const code = fieldOf(error, 'code');
  return (
    fieldOf(error, 'type') === 'access-denied' ||
    code === CODES.unauthenticated ||
    code === CODES.permissionDenied
  );
};

/** Any failure of a call, as the port tells it. A LogUnavailable stays what it is. */
export const unavailable = (
  what: string,
  error: unknown,
  fate: LogUnavailable['fate'] = 'not_written',
): LogUnavailable => {
  if (error instanceof LogUnavailable) return error;
  const reason = (error instanceof Error && error.message) || String(fieldOf(error, 'type') ?? error);
  return new LogUnavailable(`EventStoreDB: ${what} failed: ${reason}`, fate, { cause: error });
};
