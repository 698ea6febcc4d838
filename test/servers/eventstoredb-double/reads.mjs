// The reading call of the double: a stream or $all, both ways; subscriptions are handed on.
import { deletedFailure, eventAnswer, failure, grpc, notFoundAnswer, streamName } from './messages.mjs';
import { drained, indexAfter, isPosition } from './pace.mjs';
import { subscribe } from './subscriptions.mjs';

const BACKWARDS = 1;

/** Writes records at the pace of the reader, then ends the call. */
const send = async (call, records) => {
  for (const record of records) {
    if (call.cancelled) return;
    if (!call.write(eventAnswer(record))) await drained(call);
  }
  call.end();
};

const unexpected = (result) => failure(grpc.status.UNKNOWN, `Unexpected ${result}: Error`);

/** Revisions: forwards and backwards are both inclusive; END forwards is refused. */
const readStream = (store, call, options) => {
  const from = options.getStream();
  const stream = streamName(from.getStreamIdentifier());
  const count = Number(options.getCount());
  const backwards = options.getReadDirection() === BACKWARDS;
  if (store.tombstoned(stream)) return call.emit('error', deletedFailure(stream));
  if (count === 0 || (from.hasEnd() && !backwards)) return call.emit('error', unexpected('ReadStreamResult'));
  if (!store.exists(stream)) {
    call.write(notFoundAnswer(stream));
    return call.end();
  }
  const revision = from.hasStart()
    ? 0
    : from.hasEnd()
      ? Number.POSITIVE_INFINITY
      : Number(from.getRevision());
  const { records, first } = store.visible(stream);
  if (!backwards) {
    const at = Math.max(first, revision);
    return send(call, records.slice(at, at + count));
  }
  const end = Math.min(records.length, revision + 1);
  return send(call, records.slice(Math.max(first, end - count), end).reverse());
};

/** Positions: forwards includes the event at the position, backwards does not; a position inside a record is refused. */
const readAll = (store, call, options) => {
  const from = options.getAll();
  const count = Number(options.getCount());
  if (count === 0) return undefined; // the server never ends such a read
  const position = from.hasPosition() ? Number(from.getPosition().getCommitPosition()) : undefined;
  if (position !== undefined && !isPosition(store, position))
    return call.emit('error', unexpected('ReadAllResult'));
  const at = from.hasEnd()
    ? store.all.length
    : position === undefined
      ? 0
      : indexAfter(store.all, position - 1);
  if (options.getReadDirection() !== BACKWARDS) return send(call, store.all.slice(at, at + count));
  return send(call, store.all.slice(Math.max(0, at - count), at).reverse());
};

/** Handler of Read. */
export const reads = (store) => (call) => {
  const options = call.request.getOptions();
  if (options.hasSubscription()) return subscribe(store, call, options);
  return options.hasAll() ? readAll(store, call, options) : readStream(store, call, options);
};
