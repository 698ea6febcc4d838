// How our events stand in EventStoreDB: names of streams, what is ours and what is not, positions as numbers.
import { randomUUID } from 'node:crypto';
import type { ResolvedEvent } from '@eventstore/db-client';
import type { JsonObject, Metadata, Recorded } from '../../domain/decider.js';
import type { Proposed } from './eventstoredb-append-messages.js';
import { categoryOf } from './port.js';

/** The stream that names the log itself; no event of it is ever shown. */
export const LOG_STREAM = 'log';
/** Category of the streams that hold persons' keys: outside followers and exports. */
export const VAULT_CATEGORY = 'vault';

/** A position or revision as a number. Throws when it is too large to be exact, which takes 8 PiB of log. */
export const exact = (value: bigint): number => {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is too large for an exact number.`);
  return number;
};

/** A name without our prefix, or undefined when the stream is not part of our log. */
export const ownStream = (prefix: string, streamId: string): string | undefined => {
  if (!streamId.startsWith(prefix)) return undefined;
  const stream = streamId.slice(prefix.length);
  const isHidden = stream.startsWith('$') || stream === LOG_STREAM || categoryOf(stream) === VAULT_CATEGORY;
  return isHidden ? undefined : stream;
};

/** Beside its metadata every event carries the id of its log: others may use names that begin like ours. */
type Stamped = Metadata & { readonly log: string };
const isStamped = (metadata: unknown): metadata is Stamped =>
  typeof metadata === 'object' && metadata !== null && 'log' in metadata && 'commandId' in metadata;

/** Where an event stands in the whole log. */
export const positionOf = ({ event, commitPosition }: ResolvedEvent): number =>
  exact(event?.position?.commit ?? commitPosition ?? -1n);

/** Reads an event as the port shows it; undefined for somebody else's. */
export type ReadEvent = (resolved: ResolvedEvent) => Recorded | undefined;

/** Reads the events of the log with this id under this prefix. */
export const eventReader =
  (prefix: string, logId: string): ReadEvent =>
  (resolved) => {
    const { event } = resolved;
    const stream = event && ownStream(prefix, event.streamId);
    if (event === undefined || stream === undefined) return undefined;
    if (!event.isJson || !isStamped(event.metadata)) return undefined;
    const { log, ...metadata } = event.metadata;
    if (log !== logId) return undefined;
    return {
      type: event.type,
      data: event.data as JsonObject,
      id: event.id,
      stream,
      revision: exact(event.revision),
      position: positionOf(resolved),
      metadata,
    };
  };

/** Events that a stream of this category keeps (`$maxCount`); undefined = all. Only what is counted or replaced. */
export const keptEvents = (stream: string): number | undefined => {
  const category = categoryOf(stream);
  if (category === 'sequence' || category.endsWith('Snapshot')) return 1;
  return category === 'keyUse' ? 10_000 : undefined;
};

const utf8 = new TextEncoder();

/** An event as it is sent; a lone surrogate in its texts becomes an escape. */
export const encoded = (event: { id?: string; type: string; data: object; metadata?: object }): Proposed => ({
  id: event.id ?? randomUUID(),
  type: event.type,
  data: utf8.encode(JSON.stringify(event.data)),
  metadata: utf8.encode(event.metadata ? JSON.stringify(event.metadata) : ''),
});
