// Reading EventStoreDB, never without an end: every wait is bounded and every read cancelled, or it holds one of the
// hundred streams of its connection for good.

import type { ResolvedEvent, StreamingRead } from '@eventstore/db-client';
import { BACKWARDS, END, type EventStoreDBClient, FORWARDS, START } from '@eventstore/db-client';
import { tooLate } from './eventstoredb-connection.js';
import { isStreamDeleted, isStreamMissing, unavailable } from './eventstoredb-errors.js';
import { positionOf } from './eventstoredb-format.js';

/**
 * The events of a read. Throws LogUnavailable when the next one does not come within `ms`. A reader that leaves early
 * ends the read at the server too; the rest is drained, since the client waits for it on closing.
 */
export async function* pulled<E extends ResolvedEvent>(
  read: StreamingRead<E>,
  ms: number,
): AsyncGenerator<E> {
  // Errors reach the loop below; one that comes after it has ended must not end the process.
  read.on('error', () => undefined);
  const giveUp = () => void read.destroy(tooLate('a read', ms));
  let timer = setTimeout(giveUp, ms);
  try {
    for await (const event of read.iterator({ destroyOnReturn: false }) as AsyncIterable<E>) {
      clearTimeout(timer);
      yield event;
      timer = setTimeout(giveUp, ms);
    }
  } finally {
    clearTimeout(timer);
    read.resume();
    void read.cancel().catch(() => undefined);
  }
}

export type StreamRead = { readonly from?: number; readonly backwards?: boolean; readonly limit?: number };

/** Events of a stream (full name); none when there is no such stream or it was deleted. */
export async function* readStream(
  client: EventStoreDBClient,
  stream: string,
  { from, backwards = false, limit }: StreamRead,
  ms: number,
): AsyncGenerator<ResolvedEvent> {
  if ((limit !== undefined && limit < 1) || (backwards && from !== undefined && from < 0)) return;
  const read = client.readStream(stream, {
    direction: backwards ? BACKWARDS : FORWARDS,
    fromRevision: from === undefined ? (backwards ? END : START) : BigInt(Math.max(from, 0)),
    ...(limit === undefined || limit === Number.POSITIVE_INFINITY ? {} : { maxCount: limit }),
  });
  try {
    yield* pulled(read, ms);
  } catch (error) {
    if (isStreamMissing(error) || isStreamDeleted(error)) return;
    throw unavailable(`reading ${stream}`, error);
  }
}

/**
 * The server's whole log backwards, somebody else's events and its own included: from its end, or from before an event
 * (its position must be one that the server gave).
 */
export async function* readBackwards(
  client: EventStoreDBClient,
  ms: number,
  before = Number.POSITIVE_INFINITY,
): AsyncGenerator<ResolvedEvent> {
  let from = before === Number.POSITIVE_INFINITY ? undefined : before;
  if (before <= 0) return;
  // One event first: it is nearly always ours, and the reader stops there.
  for (let count = 1; ; count = 256) {
    const read = client.readAll({
      direction: BACKWARDS,
      fromPosition: from === undefined ? END : { commit: BigInt(from), prepare: BigInt(from) },
      maxCount: count,
    });
    let got = 0;
    try {
      for await (const event of pulled(read, ms)) {
        got++;
        from = positionOf(event);
        yield event;
      }
    } catch (error) {
      throw unavailable('reading', error);
    }
    if (got < count) return;
  }
}

/** Position of the server's last event, whoever wrote it; -1 when there is none. Also tells whether it answers. */
export const lastPosition = async (client: EventStoreDBClient, ms: number): Promise<number> => {
  for await (const event of readBackwards(client, ms)) return positionOf(event);
  return -1;
};
