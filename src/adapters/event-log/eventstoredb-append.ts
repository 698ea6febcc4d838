// Appending over one long-lived call. The client's own appendToStream keeps the waiting appends of the whole process
// in one table and leaves rejections unhandled when its call breaks under load, which ends the process; so this makes
// the same call (Streams.BatchAppend) on the client's connection and keeps its own book.
import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { parseUUID } from '@eventstore/db-client/dist/utils/grpcUUID.js';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { appendRequest, type Proposed, readAnswer } from './eventstoredb-append-messages.js';
import { type Limits, tooLate } from './eventstoredb-connection.js';
import { unavailable } from './eventstoredb-errors.js';
import { type Appended, type Expected, LogUnavailable } from './port.js';

type Pending = {
  readonly request: BatchAppendReq;
  readonly stream: string;
  readonly expected: Expected;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
};

export type Appender = {
  /** Throws RevisionConflict or LogUnavailable; what it is given must already be checked. */
  append(stream: string, events: readonly Proposed[], expected: Expected): Promise<Appended>;
  /** Refuses further appends and waits for those under way. */
  close(): Promise<void>;
};

type Call = ReturnType<InstanceType<typeof services.StreamsClient>['batchAppend']>;

export const appender = (client: EventStoreDBClient, { callMs }: Limits): Appender => {
  /** By correlation id: not yet handed to the connection, and handed over but not yet answered. */
  const waiting = new Map<string, Pending>();
  const sent = new Map<string, Pending>();
  let call: Call | undefined;
  let opening = false;
  let closed = false;
  let settled: (() => void) | undefined;

  const take = (book: Map<string, Pending>, id: string): Pending | undefined => {
    const pending = book.get(id);
    clearTimeout(pending?.timer);
    book.delete(id);
    if (waiting.size + sent.size === 0) settled?.();
    return pending;
  };
  const rejectAll = (book: Map<string, Pending>, errorOf: () => Error) => {
    for (const id of [...book.keys()]) take(book, id)?.reject(errorOf());
  };

  const answered = (answer: BatchAppendResp) => {
    const pending = take(sent, parseUUID(answer.getCorrelationId()) ?? '');
    if (!pending) return; // it came after the time was up
    const { outcome, error } = readAnswer(answer, pending.stream, pending.expected);
    if (outcome) pending.resolve(outcome);
    else pending.reject(error);
  };

  /** The call is over: what was handed over may be stored or not, the rest was never sent. */
  const lost = (ended: Call, error: unknown) => {
    if (call !== ended) return;
    call = undefined;
    rejectAll(sent, () => unavailable('an append', error, 'unknown'));
    if (waiting.size > 0) pump();
  };

  const open = async () => {
    // Asked once per connection: so that a server that is not there is known before anything is handed over.
    if (!(await client['supports'](services.StreamsService.batchAppend)))
      throw new Error('EventStoreDB 21.10 or later is needed.');
    const start = client['GRPCStreamCreator'](services.StreamsClient, 'append', (grpc) =>
      grpc.batchAppend(...client['callArguments']({}, { deadline: Number.POSITIVE_INFINITY })),
    );
    const opened = await start();
    opened.on('data', answered);
    opened.on('drain', pump);
    opened.on('error', (error) => lost(opened, error));
    opened.on('end', () => lost(opened, new Error('the server ended the call')));
    call = opened;
  };

  function pump(): void {
    if (!call) {
      if (opening) return;
      opening = true;
      void open()
        .catch((error: unknown) => rejectAll(waiting, () => unavailable('an append', error)))
        .finally(() => {
          opening = false;
          if (waiting.size > 0) pump();
        });
      return;
    }
    for (const [id, pending] of waiting) {
      if (call.writableNeedDrain) return;
      waiting.delete(id);
      sent.set(id, pending);
      call.write(pending.request);
    }
  }

  const late = (id: string) => {
    take(waiting, id)?.reject(tooLate('an append', callMs));
    take(sent, id)?.reject(tooLate('an append', callMs, 'unknown'));
  };

  return {
    append: (stream, events, expected) =>
      new Promise((resolve, reject) => {
        if (closed) throw new LogUnavailable('The event log is closed.', 'not_written');
        const id = randomUUID();
        // The server reads this deadline off its own clock, so it is the client's generous one, not ours.
        const request = appendRequest(id, stream, events, expected, client['createDeadline']());
        const timer = setTimeout(late, callMs, id);
        waiting.set(id, { request, stream, expected, timer, resolve, reject });
        pump();
      }),
    async close() {
      closed = true;
      if (waiting.size + sent.size > 0)
        await new Promise<void>((resolve) => {
          settled = resolve;
        });
      call?.end();
    },
  };
};
