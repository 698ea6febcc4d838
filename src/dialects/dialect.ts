// The two renderings of one model: which fields a record shows, and how answers and errors are wrapped.

import { type JsonObject, NEVER } from '../domain/decider.js';
import type { ErrorCode, FieldErrors } from '../domain/errors.js';

/** `2026` is the default reference, `2024` the older one. */
export const dialects = ['2026', '2024'] as const;
export type Dialect = (typeof dialects)[number];

/** Fields of one resource in one dialect. A field that yields undefined is left out of the answer. */
export type View<R> = {
  /** Every name that `fields=` may ask for. */
  readonly fields: Readonly<Record<string, (record: R) => unknown>>;
  readonly list: readonly string[];
  readonly single: readonly string[];
  readonly created: readonly string[];
  /**
   * What webhooks tell, where it is not `single`. Nothing that comes from other streams (counters, last use): it would not
   * be the same at every attempt.
   */
  readonly told?: readonly string[];
};
export type Views<R> = Readonly<Record<Dialect, View<R>>>;
export type Shape = 'list' | 'single' | 'created' | 'told';

/** A record as one dialect shows it; `only` = the caller's sparse `fields` (already checked against the view). */
export const render = <R>(
  view: View<R>,
  record: R,
  shape: Shape,
  only?: readonly string[],
): Record<string, unknown> => {
  const shown: Record<string, unknown> = {};
  for (const name of only ?? view[shape] ?? view.single) {
    const value = view.fields[name]?.(record);
    if (value !== undefined) shown[name] = value;
  }
  return shown;
};

/** `2026-01-15T10:30:00.123Z` → `2026-01-15T10:30:00Z`: the wire shows whole seconds. */
export const seconds = (instant: string): string => `${instant.slice(0, 19)}Z`;
/** As `seconds`, with null for "never" and "not yet". */
export const secondsOrNull = (instant: string | null | undefined): string | null =>
  instant == null || instant === NEVER ? null : seconds(instant);

/** A refusal on its way out. */
export type WireError = {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly requestId: string;
  readonly details: JsonObject & { errors?: FieldErrors };
};
