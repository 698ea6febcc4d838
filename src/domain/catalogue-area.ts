// What the catalogue says about an event type, and the form in which an area states its own.
import type { z } from 'zod';
import type { DomainEvent } from './decider.js';

/** What is said about one event type. `D` = its data. */
export type Entry<D> = {
  /** Raised when the shape changes; `upcast` then reads what was stored before. */
  readonly version: number;
  /** Category of the streams that hold it. */
  readonly category: string;
  /** Name on the wire; null = never delivered; `{ field }` = named by that field of the data. */
  readonly wire: string | null | { readonly field: string };
  readonly description: string;
  /** Data of a typical event. */
  readonly example: D;
  /** Delivered to endpoints that name it, not to those that take `*`. */
  readonly highVolume?: true;
  /** Its body shows a person's name or address: what a receiver answers to it is not kept. */
  readonly personal?: true;
  readonly upcast?: (data: object) => object;
};
export type EventType = Entry<object> & { readonly type: string; readonly schema: z.ZodType };

type Union = {
  readonly options: readonly (z.ZodType & {
    readonly shape: { readonly type: { readonly value: string } };
  })[];
};
type Entries<E extends DomainEvent> = { readonly [T in E['type']]: Entry<Extract<E, { type: T }>['data']> };

/** The rows of one area: the compiler asks for an entry, with a fitting example, for each type of its union. */
export const area = <E extends DomainEvent>(union: Union & z.ZodType<E>, entries: Entries<E>): EventType[] =>
  union.options.map((schema) => {
    const type = schema.shape.type.value;
    return { type, schema, ...(entries as Record<string, Entry<object>>)[type] } as EventType;
  });

/** UUIDs of the examples: the same everywhere, so that examples fit together. */
export const exampleIds = {
  workspaceId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c001',
  userId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c002',
  endpointId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c003',
  apiKeyId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c004',
  nextApiKeyId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c005',
  deliveryId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c006',
  eventId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c007',
  commandId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c010',
  reportId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c008',
  namespaceId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c009',
} as const;
/** Stands for a sealed text. */
export const exampleSealed = 'k1.c2VhbGVkIGZvciB0aGUgZXhhbXBsZQ';
