// Between the client package's generated messages and the double's plain records.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
// The server runs on the client's own copy of gRPC and its own generated code, so nothing else has to be installed.
const inClient = createRequire(require.resolve('@eventstore/db-client'));
export const grpc = inClient('@grpc/grpc-js');
export const streams = inClient('../generated/streams_pb.js');
export const shared = inClient('../generated/shared_pb.js');
export const { StreamsService } = inClient('../generated/streams_grpc_pb.js');
export const features = inClient('../generated/serverfeatures_pb.js');
export const { ServerFeaturesService } = inClient('../generated/serverfeatures_grpc_pb.js');
export const gossip = inClient('../generated/gossip_pb.js');
export const { GossipService } = inClient('../generated/gossip_grpc_pb.js');
const status = inClient('../generated/status_pb.js');
const { Any } = inClient('google-protobuf/google/protobuf/any_pb.js');
const { Empty } = inClient('google-protobuf/google/protobuf/empty_pb.js');

const TICKS_PER_MS = 10_000n;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const streamName = (identifier) =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
const identifier = (name) => new shared.StreamIdentifier().setStreamName(Uint8Array.from(Buffer.from(name)));

/** An event as proposed by either append call; undefined when the server would call it a bad request. */
export const proposed = (message) => {
  const id = message.getId()?.getString() ?? '';
  const type = message.getMetadataMap().get('type') ?? '';
  if (!UUID.test(id) || type === '') return undefined;
  return {
    id,
    type,
    json: message.getMetadataMap().get('content-type') === 'application/json',
    data: Buffer.from(message.getData_asU8()),
    metadata: Buffer.from(message.getCustomMetadata_asU8()),
  };
};

/** A stored event as an answer of Read. */
export const eventAnswer = (record) => {
  const position = String(record.position);
  const event = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(record.id))
    .setStreamIdentifier(identifier(record.stream))
    .setStreamRevision(String(record.revision))
    .setPreparePosition(position)
    .setCommitPosition(position)
    .setCustomMetadata(Uint8Array.from(record.metadata))
    .setData(Uint8Array.from(record.data));
  event
    .getMetadataMap()
    .set('type', record.type)
    .set('content-type', record.json ? 'application/json' : 'application/octet-stream')
    .set('created', String(BigInt(record.created) * TICKS_PER_MS));
  const read = new streams.ReadResp.ReadEvent().setEvent(event).setCommitPosition(position);
  return new streams.ReadResp().setEvent(read);
};

export const notFoundAnswer = (stream) =>
  new streams.ReadResp().setStreamNotFound(
    new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifier(stream)),
  );
export const confirmationAnswer = (id) =>
  new streams.ReadResp().setConfirmation(
    new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(id),
  );
export const caughtUpAnswer = () => new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
export const checkpointAnswer = (position) =>
  new streams.ReadResp().setCheckpoint(
    new streams.ReadResp.Checkpoint()
      .setCommitPosition(String(position))
      .setPreparePosition(String(position)),
  );

const packed = (name, message) => {
  const any = new Any();
  any.pack(message.serializeBinary(), `event_store.client.${name}`);
  return any;
};

const conflictDetails = (actual, expected) => {
  const details = new shared.WrongExpectedVersion();
  if (actual < 0) details.setCurrentNoStream(new Empty());
  else details.setCurrentStreamRevision(String(actual));
  if (expected === 'any') return details.setExpectedAny(new Empty());
  if (expected === 'no_stream') return details.setExpectedNoStream(new Empty());
  if (expected === 'stream_exists') return details.setExpectedStreamExists(new Empty());
  return details.setExpectedStreamPosition(String(expected));
};

/** The answer to one batch append. `outcome` is the store's, or `{ badRequest: true }` or `{ timeout: true }`. */
export const batchAnswer = (correlationId, stream, expected, outcome) => {
  const answer = new streams.BatchAppendResp()
    .setCorrelationId(correlationId)
    .setStreamIdentifier(identifier(stream));
  const failed = (name, message) =>
    answer.setError(new status.Status().setCode(2).setMessage(name).setDetails(packed(name, message)));
  if (outcome.conflict !== undefined)
    return failed('WrongExpectedVersion', conflictDetails(outcome.conflict, expected));
  if (outcome.deleted)
    return failed('StreamDeleted', new shared.StreamDeleted().setStreamIdentifier(identifier(stream)));
  if (outcome.tooLarge)
    return failed(
      'MaximumAppendSizeExceeded',
      new shared.MaximumAppendSizeExceeded().setMaxappendsize(outcome.tooLarge),
    );
  if (outcome.badRequest) return failed('BadRequest', new shared.BadRequest());
  if (outcome.timeout) return failed('Timeout', new shared.Timeout());
  const position = String(outcome.position);
  return answer.setSuccess(
    new streams.BatchAppendResp.Success()
      .setCurrentRevision(String(outcome.revision))
      .setPosition(new shared.AllStreamPosition().setCommitPosition(position).setPreparePosition(position)),
  );
};

/** A failed call as the server reports it: gRPC code, text, and the trailers that name the exception. */
export const failure = (code, details, trailers = {}) => {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, String(value));
  return Object.assign(new Error(details), { code, details, metadata });
};
export const deletedFailure = (stream) =>
  failure(grpc.status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });
