// The caller's own events: published into the log as they are, each on a stream of its own. Pure.
import { z } from 'zod';
import { type Decider, event, type JsonObject } from './decider.js';
import { DomainError } from './errors.js';

/** `type` is the name on the wire, chosen by the caller. */
export const PublishedEvent = z.discriminatedUnion('type', [
  event('EventPublished', { workspaceId: z.uuid(), type: z.string(), data: z.record(z.string(), z.json()) }),
]);
export type PublishedEvent = z.infer<typeof PublishedEvent>;

export type PublishCommand = { type: 'PublishEvent'; workspaceId: string; name: string; data: JsonObject };
export type Published =
  | { readonly type: string; readonly data: JsonObject; readonly createdAt: string }
  | undefined;

/** Equal JSON values, whatever the order of their keys. */
const equal = (left: unknown, right: unknown): boolean => {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [mine, theirs] = [Object.entries(left), new Map(Object.entries(right))];
  return (
    mine.length === theirs.size &&
    mine.every(([key, value]) => theirs.has(key) && equal(value, theirs.get(key)))
  );
};

/** Publishing the same event twice is one event; the same id with other content is refused. */
export const publishedEvent: Decider<Published, PublishCommand, PublishedEvent> = {
  initialState: undefined,

  decide({ workspaceId, name, data }, state) {
    if (state === undefined) return [{ type: 'EventPublished', data: { workspaceId, type: name, data } }];
    if (state.type !== name || !equal(state.data, data))
      throw new DomainError('conflict', 'An event with this id and other content was published before.');
    return [];
  },

  evolve: (_state, { data: { type, data }, metadata: { at } }) => ({
    type,
    data: data as JsonObject,
    createdAt: at,
  }),
};
