// What is said of the fields of a row, beside the code that makes it: docs/read-models.md is written from it.
import type { Model, Row } from '../adapters/read-models/port.js';
import type { JsonObject } from '../domain/decider.js';

/**
 * `instant` is ISO 8601 UTC with milliseconds, which sorts as text does; `uuid` is a record's id; `sealed` can only be
 * read with the encryption key or the person's own. `?` = may be null, `[]` = a list.
 */
type Text = 'text' | 'uuid' | 'instant' | 'sealed';
type TypeOf<V> = [V] extends [string]
  ? Text
  : [V] extends [number]
    ? 'integer' | 'number'
    : [V] extends [boolean]
      ? 'boolean'
      : [V] extends [readonly (infer I)[]]
        ? `${TypeOf<I>}[]`
        : null extends V
          ? `${TypeOf<NonNullable<V>>}?`
          : 'object';

type Field<V> = readonly [type: TypeOf<V>, meaning: string];

/** Type and meaning of each field, besides those that every row has. The compiler asks for all of them, and for no other. */
export type Fields<R extends Row> = { readonly [F in Exclude<keyof R, keyof Row>]-?: Field<R[F]> };

/** What every read model says of itself. */
export type Described<R extends Row = Row> = Model & {
  /** Raise it to have the rows rebuilt from the start of the log. */
  readonly version: number;
  /** One sentence: what a row stands for. */
  readonly holds: string;
  readonly fields: Fields<R>;
};

/** Fields that mean the same wherever they stand. */
export const shared = {
  number: ['integer', 'The integer id that the API shows.'],
  workspaceId: ['uuid', 'The workspace that it belongs to.'],
  metadata: ['object', 'The caller’s own keys and texts.'],
  search: ['text', 'What `search` looks in, lower-case.'],
  createdAt: ['instant', 'When it was made, in whole seconds.'],
  updatedAt: ['instant', 'When it last changed, in whole seconds.'],
} as const satisfies Fields<
  Row & {
    number: number;
    workspaceId: string;
    metadata: JsonObject;
    search: string;
    createdAt: string;
    updatedAt: string;
  }
>;
