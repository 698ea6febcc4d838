// Following the log: one subscription after the other, each from where the reader really is.
import { setTimeout as delay } from 'node:timers/promises';

import type { AllStreamSubscription } from '@eventstore/db-client';
import { type EventStoreDBClient, eventTypeFilter, START, streamNameFilter } from '@eventstore/db-client';
import type { Connection } from './eventstoredb-connection.js';
import { isNoPosition, isTooSlow, unavailable } from './eventstoredb-errors.js';
import type { ReadEvent } from './eventstoredb-format.js';
import { type Inbox, inbox } from './eventstoredb-inbox.js';
import { lastPosition } from './eventstoredb-read.js';
import { type Batch, categoryOf, type Filter } from './port.js';

/** The part of a filter that the server applies; what it lets through besides is dropped here. */
const serverFilter = (prefix: string, { types, categories }: Filter, by: 'stream' | 'type', inbox: Inbox) => {
  const checkpointReached = (_: AllStreamSubscription, position: { commit: bigint }) =>
    inbox.checkpoint(position);
  if (by === 'type' && types && types.size > 0)
    return eventTypeFilter({ prefixes: [...types], checkpointReached });
  const prefixes = categories ? [...categories].map((category) => prefix + category) : [prefix];
  return prefixes.length === 0 || prefixes.includes('')
    ? streamNameFilter({ regex: '^[^$]', checkpointReached })
    : streamNameFilter({ prefixes, checkpointReached });
};

/** Tests an event against a filter, here rather than at the server. */
export const matcher =
  ({ types, categories }: Filter) =>
  ({ type, stream }: { type: string; stream: string }) =>
    (types?.has(type) ?? true) && (categories?.has(categoryOf(stream)) ?? true);

export type Following = {
  readonly client: EventStoreDBClient;
  readonly read: ReadEvent;
  readonly after: number;
  readonly filter: Filter;
  /** Whether the server filters by stream, so that every event of ours moves the position; or by type, which is faster. */
  readonly by: 'stream' | 'type';
  readonly signal: AbortSignal;
};

/** Times that a subscription may be renewed without having got anywhere, and the pause before each, ms. */
const MAX_STALLS = 5;
const PAUSE_MS = 50;

/** One subscription, from `start` (-1 = the log's), until it fails or the signal comes; always unsubscribed. */
async function* once(
  { prefix, limits }: Connection,
  following: Following,
  start: number,
): AsyncGenerator<Batch> {
  const { client, read, after, filter, by, signal } = following;
  const end = await lastPosition(client, limits.callMs);
  if (after > end)
    throw new Error(
      `the log ends at ${end}, before position ${after}: if an older backup was restored, rebuild what follows the log`,
    );
  const matches = matcher(filter);
  const box = inbox(after, (resolved) => {
    const event = read(resolved);
    return event && matches(event) ? event : undefined;
  });
  const subscription = client.subscribeToAll({
    fromPosition: start < 0 ? START : { commit: BigInt(start), prepare: BigInt(start) },
    filter: serverFilter(prefix, filter, by, box),
  });
  try {
    box.attach(subscription, end);
    while (!signal.aborted) {
      const batch = box.take();
      if (batch) yield batch;
      // A frozen server or a dead line says nothing at all: after a silence, ask.
      else if (!(await box.arrival(limits.silenceMs, signal))) await lastPosition(client, limits.probeMs);
    }
  } finally {
    void subscription.unsubscribe().catch(() => undefined);
  }
}

/**
 * Batches after a position until the signal comes. A subscription that the server gave up in a burst is renewed from
 * the last batch that the reader came back from; any other end throws LogUnavailable.
 */
export async function* follow(connection: Connection, following: Following): AsyncGenerator<Batch> {
  const { report } = connection;
  let { after } = following;
  let start = after;
  let stalls = 0;
  while (!following.signal.aborted) {
    let began = false;
    try {
      for await (const batch of once(connection, { ...following, after }, start)) {
        began = true;
        yield batch;
        if (batch.position > after) stalls = 0;
        after = start = batch.position;
      }
    } catch (error) {
      if (following.signal.aborted) return;
      if (isNoPosition(error) && !began && start >= 0) {
        report.warn('no event begins at a position; looking through the whole log for what follows', {
          position: start,
        });
        start = -1;
        continue;
      }
      if (!isTooSlow(error) || stalls === MAX_STALLS) throw unavailable('following the log', error);
      report.info('a burst ended the subscription; following on from the last handled position', {
        position: after,
      });
      await delay(PAUSE_MS * stalls++);
    }
  }
}
