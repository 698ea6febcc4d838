// Lists: paging, filters, sorting, sparse fields and includes, the same for every resource.
import { z } from 'zod';
import type { ReadModels, Row, Sort, Term } from '../adapters/read-models/port.js';
import { render, type View, type Views } from '../dialects/dialect.js';
import { defaultPerPage, listBody } from '../dialects/envelopes.js';
import {
  bound,
  fieldNames,
  includeNames,
  page,
  perPage,
  requireKnown,
  search,
  sortOf,
} from './list-parameters.js';
import type { Answer, Exchange } from './route.js';

/** What a resource's list can be asked for. `now` is an ISO instant with milliseconds. */
export type ListSpec = {
  /** Wire name → row field. `created_at` and `updated_at` here bring their `_after` and `_before` filters. */
  readonly sort: Readonly<Record<string, string>>;
  /** Rows have a case-folded text in `search`. */
  readonly search?: boolean;
  /** Values of `status` and what they mean. */
  readonly status?: Readonly<Record<string, (now: string) => Term[]>>;
  /** What holds where no `status` is asked for. */
  readonly withoutStatus?: (now: string) => Term[];
  /** Filters of this resource alone: an unknown value is refused by throwing `invalid`. */
  readonly filters?: Readonly<Record<string, (value: string, now: string) => Term[]>>;
  /** What the documentation says of a filter that is more than any text, as keywords of JSON Schema. */
  readonly filterDocs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** Loads one relation for all rows at once: row id → what the item shows under the relation's name. */
export type Includes<R extends Row> = Readonly<
  Record<
    string,
    (rows: readonly R[], exchange: Exchange<unknown, unknown>) => Promise<ReadonlyMap<string, unknown>>
  >
>;

const statusOf = (status: NonNullable<ListSpec['status']>) =>
  z.enum(Object.keys(status) as [string, ...string[]]);

/** Checked parameters of a list: bounds and sort already in terms of rows. */
export type ListQuery = {
  readonly page?: number | undefined;
  readonly per_page?: number | undefined;
  readonly sort?: Sort | undefined;
  readonly fields?: string[] | undefined;
  readonly include?: string[] | undefined;
  readonly search?: string[] | undefined;
  readonly status?: string | undefined;
  readonly created_after?: Term | undefined;
  readonly created_before?: Term | undefined;
  readonly updated_after?: Term | undefined;
  readonly updated_before?: Term | undefined;
};

/** Query schema of a list. */
export const listQuery = (spec: ListSpec): z.ZodType<ListQuery> => {
  const { created_at: createdAt, updated_at: updatedAt } = spec.sort;
  const shape = {
    page,
    per_page: perPage,
    sort: sortOf(spec.sort),
    fields: fieldNames,
    include: includeNames,
    ...(spec.search ? { search } : {}),
    ...(spec.status ? { status: statusOf(spec.status) } : {}),
    ...(createdAt ? { created_after: bound(createdAt, 'gte'), created_before: bound(createdAt, 'lte') } : {}),
    ...(updatedAt ? { updated_after: bound(updatedAt, 'gte'), updated_before: bound(updatedAt, 'lte') } : {}),
    ...Object.fromEntries(
      Object.keys(spec.filters ?? {}).map((name) => [name, z.string().meta({ ...spec.filterDocs?.[name] })]),
    ),
  };
  // Which bounds there are depends on the resource; none is ever demanded.
  return z.object(shape).partial() as z.ZodType<ListQuery>;
};

/** Query of a single record. */
export type SingleQuery = { readonly fields?: string[] | undefined; readonly include?: string[] | undefined };
export const singleQuery: z.ZodType<SingleQuery> = z
  .object({ fields: fieldNames, include: includeNames })
  .partial();

const noTerms = (): Term[] => [];

const whereOf = (spec: ListSpec, query: ListQuery, now: string): Term[] => {
  const { created_after, created_before, updated_after, updated_before, status } = query;
  const bounds = [created_after, created_before, updated_after, updated_before].filter(
    (term) => term !== undefined,
  );
  const words = (query.search ?? []).map((value): Term => ({ field: 'search', op: 'contains', value }));
  const statusTerms = (status === undefined ? spec.withoutStatus : spec.status?.[status]) ?? noTerms;
  const given = query as Readonly<Record<string, unknown>>;
  const own = Object.entries(spec.filters ?? {}).flatMap(([name, filter]) => {
    const value = given[name];
    return typeof value === 'string' ? filter(value, now) : [];
  });
  return [...bounds, ...words, ...statusTerms(now), ...own];
};

/** Names of fields and includes depend on dialect and deployment, so they are checked here and not in the schema. */
const requireNames = (query: SingleQuery, fields: object, includes: object): void => {
  if (query.fields !== undefined) requireKnown('fields', query.fields, Object.keys(fields));
  if (query.include !== undefined) requireKnown('include', query.include, Object.keys(includes));
};

type Loaded = readonly (readonly [name: string, values: ReadonlyMap<string, unknown>])[];

const loadIncludes = async <R extends Row>(
  names: readonly string[] | undefined,
  includes: Includes<R>,
  rows: readonly R[],
  exchange: Exchange<unknown, unknown>,
): Promise<Loaded> =>
  names === undefined
    ? []
    : Promise.all(
        [...new Set(names)].map(
          async (name) => [name, (await includes[name]?.(rows, exchange)) ?? new Map()] as const,
        ),
      );

const shown = <V>(
  view: View<V>,
  record: V,
  id: string,
  shape: 'list' | 'single',
  query: SingleQuery,
  loaded: Loaded,
) => {
  const item = render(view, record, shape, query.fields);
  for (const [name, values] of loaded) item[name] = values.get(id) ?? null;
  return item;
};

/** Absolute addresses of the pages of a list: they keep what the caller sent, but for the page. */
export const pageUrl = ({ url, search: sent }: Pick<Exchange<unknown, unknown>, 'url' | 'search'>) => {
  const others = new URLSearchParams([...sent].filter(([name]) => name !== 'page')).toString();
  const base = others === '' ? `${url()}?` : `${url()}?${others}&`;
  return (number: number) => `${base}page=${number}`;
};

/** What orders the records of one second: when they were made, or last changed. */
const within: Readonly<Record<string, string>> = { createdAt: 'number', updatedAt: 'position' };

/** Times are whole seconds. So that "newest first" holds within a second too, ties go the way of the first time asked for. */
const withTies = (sort: Sort): Sort => {
  const [field, direction] = sort.find(([name]) => within[name] !== undefined) ?? [];
  const tie = field === undefined ? undefined : within[field];
  const tied: Sort = tie === undefined || direction === undefined ? sort : [...sort, [tie, direction]];
  return [...tied, ['number', 'asc']];
};

/** Rows R of a model, shown as V: the row itself, or what `join` makes of it with the help of other models. */
export type Listing<R extends Row, V> = Listed<R, V> &
  (R extends V ? unknown : { readonly join: Join<R, V> });
type Listed<R extends Row, V> = {
  readonly readModels: ReadModels;
  readonly model: string;
  /** What the caller may see at all. */
  readonly where: readonly Term[];
  readonly spec: ListSpec;
  readonly views: Views<V>;
  readonly includes?: Includes<R>;
  readonly join?: Join<R, V>;
};
/** One V for each row, in order. */
type Join<R extends Row, V> = (rows: readonly R[]) => Promise<readonly V[]>;

/** 200 with one page. Throws 422 naming what is not known. */
export const listAnswer = async <R extends Row, V>(
  exchange: Exchange<ListQuery, unknown>,
  listing: Listing<R, V>,
): Promise<Answer> => {
  const { readModels, model, spec, views, join, includes = {} }: Listed<R, V> = listing;
  const { query, dialect } = exchange;
  const view = views[dialect];
  requireNames(query, view.fields, includes);
  const where = [...listing.where, ...whereOf(spec, query, exchange.now.toISOString())];
  const number = query.page ?? 1;
  const limit = query.per_page ?? defaultPerPage[dialect];
  const skip = (number - 1) * limit;
  const sort: Sort = query.sort === undefined ? [[spec.sort['id'] ?? 'number', 'asc']] : withTies(query.sort);
  const [total, rows] = await Promise.all([
    readModels.count(model, where),
    Number.isSafeInteger(skip) ? readModels.find<R>(model, { where, sort, skip, limit }) : ([] as R[]),
  ]);
  // Without `join` a row is a V, as the type of `Listing` says.
  const records = join ? await join(rows) : (rows as unknown as readonly V[]);
  const loaded = await loadIncludes(query.include, includes, rows, exchange);
  const data = records.map((record, n) => shown(view, record, rows[n]?.id ?? '', 'list', query, loaded));
  return {
    status: 200,
    body: listBody(dialect, data, { page: number, perPage: limit, total, url: pageUrl(exchange) }),
  };
};

/** Row R, shown as V: itself, or `record`, the row joined with what other models know of it. */
export type Single<R extends Row, V> = {
  readonly row: R;
  readonly views: Views<V>;
  readonly includes?: Includes<R>;
  readonly record?: V;
} & (R extends V ? unknown : { readonly record: V });

/** 200 with one record and its ETag. Throws 422 naming what is not known. */
export const singleAnswer = async <R extends Row, V>(
  exchange: Exchange<SingleQuery | undefined, unknown>,
  single: Single<R, V>,
): Promise<Answer> => {
  const { row, record, views, includes = {} } = single;
  const { query, dialect } = exchange;
  const view = views[dialect];
  // Without `record` the row is a V, as the type of `Single` says.
  const whole = record ?? (row as unknown as V);
  if (query === undefined || (query.fields === undefined && query.include === undefined))
    return {
      status: 200,
      body: { data: render(view, whole, 'single') },
      joined: record !== undefined,
      ...revisionOf(row),
    };
  requireNames(query, view.fields, includes);
  const loaded = await loadIncludes(query.include, includes, [row], exchange);
  return {
    status: 200,
    body: { data: shown(view, whole, row.id, 'single', query, loaded) },
    joined: record !== undefined || loaded.length > 0,
    ...revisionOf(row),
  };
};

const revisionOf = ({ revision }: Row) => (revision === undefined ? {} : { revision });
