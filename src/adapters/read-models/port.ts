// Read models: rows folded from the log, behind list, filter and sort. Every adapter passes test/contract/read-models.ts.
import type { Json } from '../../domain/decider.js';
import type { Soon } from '../../domain/soon.js';

/**
 * A row. `position` and `revision` are those of the last event folded into it; `deleted` makes it a tombstone,
 * which keeps its fields but is found only where a query asks for `deleted`.
 */
export type Row = {
  readonly id: string;
  readonly position: number;
  readonly revision?: number;
  readonly deleted?: true;
};

export type Scalar = string | number | boolean | null;

/**
 * One condition; a query ANDs them. On an array field `eq` and `in` mean "any element".
 * `contains` is a literal, case-sensitive substring (rows store a case-folded `search` string). Strings compare by code point.
 */
export type Term =
  | { readonly field: string; readonly op: 'eq' | 'gt' | 'gte' | 'lt' | 'lte'; readonly value: Scalar }
  | { readonly field: string; readonly op: 'in'; readonly value: readonly Scalar[] }
  | { readonly field: string; readonly op: 'contains'; readonly value: string };

/** Sort keys applied in order; ties are broken by `id` ascending. */
export type Sort = readonly (readonly [field: string, direction: 'asc' | 'desc'])[];

export type Query = {
  readonly where: readonly Term[];
  readonly sort?: Sort;
  readonly skip?: number;
  readonly limit?: number;
  readonly deleted?: true;
};

/** A collection and the fields that queries look it up by (`indexes`), besides `id`. */
export type Model = { readonly name: string; readonly indexes: readonly string[] };

/** How far a projection has come, for which log and version of its code. */
export type Checkpoint = { readonly log: string; readonly version: number; readonly position: number };

/**
 * The rows that are there, by a name of their own, and their checkpoint: another `build` than before means that the rows
 * before were lost, however far these have come. None where rows are never lost, and where there is no place for any.
 */
export type Standing = {
  readonly build?: string | undefined;
  readonly checkpoint?: Checkpoint | undefined;
};

/** Every method throws StoreUnavailable when the store is another process that does not answer within 5 s. */
export interface ReadModels {
  /** The row, or undefined when there is none or it was deleted. Rows are never to be mutated. */
  get<R extends Row>(model: string, id: string): Soon<R | undefined>;
  find<R extends Row>(model: string, query: Query): Soon<R[]>;
  count(model: string, where: readonly Term[]): Soon<number>;
  /** Rows by id *including tombstones*, for projections only. */
  load<R extends Row>(model: string, ids: readonly string[]): Promise<Map<string, R>>;
  /**
   * Stores rows, each only where it is new or its position is higher than the stored one; then the checkpoint,
   * only forwards. Doing it twice changes nothing. Throws RowsLost.
   */
  apply(model: string, rows: readonly Row[], checkpoint: Checkpoint): Promise<void>;
  checkpoint(model: string): Promise<Checkpoint | undefined>;
  standing(model: string): Promise<Standing>;
  /** The checkpoint, for whoever goes on from there: `apply` then no longer misses what was lost before. */
  resume(model: string): Promise<Checkpoint | undefined>;
  /**
   * Drops rows (or tombstones), each only where it still stands at the position given; the checkpoint stays. Nothing
   * then keeps an old event from making a row anew: only for rows that no event still to come begins or changes.
   */
  forget(model: string, rows: readonly Pick<Row, 'id' | 'position'>[]): Promise<void>;
  /** Forgets the rows and the checkpoint of one model. */
  drop(model: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * What `read` finds; unless that is sure of itself, it is made sure that the rows of the models were whole meanwhile, and
 * read again where they may not have been. Throws where they are not.
 */
export type Surely = <T>(
  models: readonly string[],
  read: () => Soon<T>,
  isSure: (found: T) => boolean,
) => Soon<T>;

/** Where rows are never lost. */
export const alwaysSure: Surely = (_, read) => read();

/** A store of another process cannot be reached or does not answer in time. `setting` names the one that points to it. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly setting: string;
  constructor(setting: string, cause: unknown) {
    super(`${setting}: no answer (${cause instanceof Error ? cause.message : String(cause)}).`, { cause });
    this.setting = setting;
  }
}

/**
 * Rows that were stored are gone (a database dropped or put back from a backup): a projection then starts again from
 * the checkpoint that is stored now, or from the beginning of the log. Thrown by `apply`, until `resume` or `drop`.
 */
export class RowsLost extends Error {
  override readonly name = 'RowsLost';
  constructor(model: string) {
    super(`Rows of the read model ${model} were lost; it is to be built again.`);
  }
}

/** Field of a row by name; undefined when it has none. */
export const fieldOf = (row: Row, field: string): Json | undefined =>
  (row as unknown as Record<string, Json | undefined>)[field];
