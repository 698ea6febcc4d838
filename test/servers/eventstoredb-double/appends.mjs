// Writing calls of the double: both append calls, soft deletion and tombstones.
import {
  batchAnswer,
  deletedFailure,
  failure,
  grpc,
  proposed,
  shared,
  streamName,
  streams,
} from './messages.mjs';

/** What an options message expects; the two append calls name the revision differently. */
const expectedOf = (options) => {
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasAny()) return 'any';
  if (options.hasStreamExists()) return 'stream_exists';
  return Number(options.getStreamPosition?.() ?? options.getRevision());
};

/** Appends, and tells `stored` of what was really written, before anybody is answered. */
const write = (store, stored, stream, events, expected) => {
  const before = store.tail();
  const outcome = store.append(stream, events, expected);
  if (store.tail() > before) stored(events);
  return outcome;
};

/** One long stream of appends; a message without `isFinal` is continued by the next of the same correlation id. */
const batchAppend = (store, stored) => (call) => {
  const open = new Map();
  call.on('data', (request) => {
    const correlationId = request.getCorrelationId();
    const key = correlationId.getString();
    const batch = open.get(key) ?? { options: request.getOptions(), messages: [] };
    open.set(key, batch);
    batch.messages.push(...request.getProposedMessagesList());
    if (!request.getIsFinal()) return;
    open.delete(key);
    const stream = streamName(batch.options.getStreamIdentifier());
    const expected = expectedOf(batch.options);
    const events = batch.messages.map(proposed);
    const late = batch.options.getDeadline().toDate().getTime() < Date.now();
    const outcome = late
      ? { timeout: true }
      : stream === '' || events.includes(undefined)
        ? { badRequest: true }
        : write(store, stored, stream, events, expected);
    call.write(batchAnswer(correlationId, stream, expected, outcome));
  });
  call.on('end', () => call.end());
};

const wrongVersion = (outcome, expected) => {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (outcome.conflict < 0) wrong.setCurrentNoStream(new shared.Empty());
  else wrong.setCurrentRevision(String(outcome.conflict));
  if (expected === 'no_stream') wrong.setExpectedNoStream(new shared.Empty());
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new shared.Empty());
  else if (expected === 'any') wrong.setExpectedAny(new shared.Empty());
  else wrong.setExpectedRevision(String(expected));
  return new streams.AppendResp().setWrongExpectedVersion(wrong);
};

/** The append call that is used with per-call credentials. */
const append = (store, stored) => (call, answer) => {
  let options;
  const messages = [];
  call.on('data', (request) => {
    if (request.hasOptions()) options = request.getOptions();
    else messages.push(request.getProposedMessage());
  });
  call.on('end', () => {
    const stream = streamName(options.getStreamIdentifier());
    const expected = expectedOf(options);
    const events = messages.map(proposed);
    if (stream === '' || events.includes(undefined))
      return answer(failure(grpc.status.INVALID_ARGUMENT, 'Could not recognize BadRequest'));
    const outcome = write(store, stored, stream, events, expected);
    if (outcome.conflict !== undefined) return answer(null, wrongVersion(outcome, expected));
    if (outcome.deleted) return answer(deletedFailure(stream));
    if (outcome.tooLarge)
      return answer(
        failure(grpc.status.INVALID_ARGUMENT, 'Maximum Append Size Exceeded.', {
          exception: 'maximum-append-size-exceeded',
          'maximum-append-size': outcome.tooLarge,
        }),
      );
    const position = new streams.AppendResp.Position()
      .setCommitPosition(String(outcome.position))
      .setPreparePosition(String(outcome.position));
    const success = new streams.AppendResp.Success()
      .setCurrentRevision(String(outcome.revision))
      .setPosition(position);
    return answer(null, new streams.AppendResp().setSuccess(success));
  });
};

const versionNumber = (expected) => (expected === 'no_stream' ? -1 : expected === 'any' ? -2 : expected);

/** Soft deletion (`DeleteResp`) and tombstones (`TombstoneResp`) differ in what is left, not in the call. */
const remove = (store, forGood, Answer) => (call, answer) => {
  const options = call.request.getOptions();
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedOf(options);
  const outcome = store.remove(stream, expected, forGood);
  if (outcome.deleted) return answer(deletedFailure(stream));
  if (outcome.conflict !== undefined)
    return answer(
      failure(
        grpc.status.FAILED_PRECONDITION,
        `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${versionNumber(expected)}, Actual version: ${outcome.conflict}`,
        {
          exception: 'wrong-expected-version',
          'stream-name': stream,
          'expected-version': versionNumber(expected),
          'actual-version': outcome.conflict,
        },
      ),
    );
  const position = new Answer.Position()
    .setCommitPosition(String(outcome.position))
    .setPreparePosition(String(outcome.position));
  return answer(null, new Answer().setPosition(position));
};

/** Handlers of the writing calls. `stored` is called between the write and its answer. */
export const appends = (store, stored) => ({
  batchAppend: batchAppend(store, stored),
  append: append(store, stored),
  delete: remove(store, false, streams.DeleteResp),
  tombstone: remove(store, true, streams.TombstoneResp),
});
