// The messages of Streams.BatchAppend: an append as EventStoreDB takes it, and what its answer means.
import { createUUID } from '@eventstore/db-client/dist/utils/grpcUUID.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams, { type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { exact } from './eventstoredb-format.js';
import { type Appended, type Expected, LogUnavailable, RevisionConflict } from './port.js';

/** An event, encoded: data and metadata are JSON texts in UTF-8. */
export type Proposed = {
  readonly id: string;
  readonly type: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
};

const { BatchAppendReq } = streams;
/** Options with an empty deadline (field 6): the class of that field is in no package that we depend on. */
const EMPTY_DEADLINE = Uint8Array.of(6 * 8 + 2, 0);

const optionsOf = (stream: string, expected: Expected, deadline: Date) => {
  const options = BatchAppendReq.Options.deserializeBinary(EMPTY_DEADLINE);
  options.getDeadline()?.fromDate(deadline);
  options.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(new TextEncoder().encode(stream)));
  if (expected === 'any') return options.setAny(new shared.Empty());
  if (expected === 'no_stream') return options.setNoStream(new shared.Empty());
  if (expected === 'stream_exists') return options.setStreamExists(new shared.Empty());
  return options.setStreamPosition(String(expected));
};

/** One append, whole in one message. `stream` is the full name. */
export const appendRequest = (
  correlationId: string,
  stream: string,
  events: readonly Proposed[],
  expected: Expected,
  deadline: Date,
) => {
  const messages = events.map(({ id, type, data, metadata }) => {
    const message = new BatchAppendReq.ProposedMessage()
      .setId(createUUID(id))
      .setData(data)
      .setCustomMetadata(metadata);
    message.getMetadataMap().set('type', type).set('content-type', 'application/json');
    return message;
  });
  return new BatchAppendReq()
    .setCorrelationId(createUUID(correlationId))
    .setOptions(optionsOf(stream, expected, deadline))
    .setProposedMessagesList(messages)
    .setIsFinal(true);
};

export type Answer =
  | { readonly outcome: Appended; readonly error?: never }
  | { readonly outcome?: never; readonly error: Error };

/** Refusals after which certainly nothing was written. Of any other error only the server knows. */
const nothingWritten = new Set(['StreamDeleted', 'AccessDenied', 'MaximumAppendSizeExceeded', 'BadRequest']);

/** What the server says of an append. */
export const readAnswer = (answer: BatchAppendResp, stream: string, expected: Expected): Answer => {
  const success = answer.getSuccess();
  const position = success?.getPosition()?.getCommitPosition();
  if (success && position !== undefined)
    return {
      outcome: {
        revision: exact(BigInt(success.getCurrentRevision())),
        position: exact(BigInt(position)),
      },
    };
  const details = answer.getError()?.getDetails();
  const name = details?.getTypeName().split('.').at(-1) ?? '';
  if (name === 'WrongExpectedVersion') {
    const wrong = details?.unpack(shared.WrongExpectedVersion.deserializeBinary, details.getTypeName());
    const actual = wrong?.hasCurrentStreamRevision() ? exact(BigInt(wrong.getCurrentStreamRevision())) : -1;
    return { error: new RevisionConflict(stream, expected, actual) };
  }
  const fate = nothingWritten.has(name) ? 'not_written' : 'unknown';
  return { error: new LogUnavailable(`EventStoreDB: an append to ${stream} failed: ${name}`, fate) };
};
