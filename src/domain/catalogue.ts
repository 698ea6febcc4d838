// Every event type of the product: its schema, its name on the wire, what it says, and an example.
import type { EventType } from './catalogue-area.js';
import { batchTypes } from './catalogue-batch.js';
import { entitlementTypes } from './catalogue-entitlements.js';
import { ingestTypes } from './catalogue-ingest.js';
import { mcpTypes } from './catalogue-mcp.js';
import { namespaceTypes } from './catalogue-namespaces.js';
import { tenancyTypes } from './catalogue-tenancy.js';
import { webhookTypes } from './catalogue-webhooks.js';
import type { DomainEvent } from './decider.js';

/** Every type, by name, in a steady order. */
export const catalogue: ReadonlyMap<string, EventType> = new Map(
  [
    ...tenancyTypes,
    ...namespaceTypes,
    ...batchTypes,
    ...entitlementTypes,
    ...webhookTypes,
    ...ingestTypes,
    ...mcpTypes,
  ].map((entry) => [entry.type, entry]),
);

/** Name of an event on the wire; null when it is never delivered. */
export const wireNameOf = ({ type, data }: DomainEvent): string | null => {
  const wire = catalogue.get(type)?.wire ?? null;
  if (wire === null || typeof wire === 'string') return wire;
  const named = (data as Record<string, unknown>)[wire.field];
  return typeof named === 'string' ? named : null;
};

/** Types that can be delivered: what a subscriber of the log has to look at. */
export const deliverableTypes: ReadonlySet<string> = new Set(
  [...catalogue.values()].filter(({ wire }) => wire !== null).map(({ type }) => type),
);

/** True for types that `*` leaves out. */
export const isHighVolume = (type: string): boolean => catalogue.get(type)?.highVolume === true;

/** Names on the wire of what shows a person's name or address. */
export const personalNames: ReadonlySet<string> = new Set(
  [...catalogue.values()].flatMap(({ wire, personal }) =>
    personal && typeof wire === 'string' ? [wire] : [],
  ),
);

/** An event's data in today's shape, whatever version it was stored in. */
export const upcast = <E extends DomainEvent>(stored: E): E => {
  const read = catalogue.get(stored.type)?.upcast;
  return read ? { ...stored, data: read(stored.data) } : stored;
};
