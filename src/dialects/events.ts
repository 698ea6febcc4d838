// How events are shown: the same in both dialects, since their ids were always prefixed ones.
import type { Json, JsonObject, Recorded } from '../domain/decider.js';
import { publicId } from '../domain/ids.js';
import { seconds } from './dialect.js';

/** `id` is the UUID of the event in the log: receivers see the same public id. */
export const acceptedEvent = ({
  id,
  type,
  createdAt,
}: {
  id: string;
  type: string;
  createdAt: string;
}): object => ({
  id: publicId('event', id),
  type,
  created_at: seconds(createdAt),
});

/** Sealed texts, and hashes: of no use to anybody but us. */
const sealed = /^k\d+\.[\w-]{20,}$/;
const hashName = /(?:hash|fingerprint)$/i;

const open = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(open);
  return typeof value === 'object' && value !== null ? withoutSealed(value) : value;
};

const withoutSealed = (data: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(data)
      .filter(([name, value]) => !hashName.test(name) && !(typeof value === 'string' && sealed.test(value)))
      .map(([name, value]) => [name, open(value)]),
  );

const actorOf = ({ actor }: Recorded['metadata']): object =>
  'system' in actor
    ? { system: actor.system }
    : { api_key: publicId('apiKey', actor.key), user: publicId('user', actor.user) };

/**
 * An event of the log as those may see it whom it concerns: without sealed texts and hashes. `type` is its name on the
 * wire. What callers have published themselves is theirs and shown as it is.
 */
export const shownEvent = (type: string, event: Recorded): object => {
  const { id, stream, revision, position, data, metadata } = event;
  const { requestId, correlationId, causationId } = metadata;
  const published = event.type === 'EventPublished' ? (data as { data: JsonObject }).data : undefined;
  return {
    id: publicId('event', id),
    position,
    stream,
    revision,
    type,
    created_at: seconds(metadata.at),
    data: published ?? withoutSealed(data as JsonObject),
    metadata: {
      actor: actorOf(metadata),
      correlation_id: correlationId,
      ...(requestId === undefined ? {} : { request_id: requestId }),
      ...(causationId === undefined ? {} : { causation_id: causationId }),
    },
  };
};
