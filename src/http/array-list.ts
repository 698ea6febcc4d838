// Pages of a list that is short and in memory: paged, sorted and with sparse fields like every list, but not filtered.
import { z } from 'zod';
import type { Sort } from '../adapters/read-models/port.js';
import { defaultPerPage, listBody } from '../dialects/envelopes.js';
import { compareText } from '../domain/text-order.js';
import { fieldNames, page, perPage, requireKnown, sortOf } from './list-parameters.js';
import { pageUrl } from './list-query.js';
import type { Answer, Exchange } from './route.js';

type Item = Readonly<Record<string, unknown>>;

/** Query of a list whose items sort by these of their fields, which are texts. */
export const arrayQuery = (sortable: readonly string[]) => {
  const sort = sortOf(Object.fromEntries(sortable.map((name) => [name, name])));
  return z.object({ page, per_page: perPage, sort, fields: fieldNames }).partial();
};
type ArrayQuery = z.output<ReturnType<typeof arrayQuery>>;

/** Query of a single item. */
export const itemQuery = z.object({ fields: fieldNames }).partial();

/** Shows the fields asked for; all of them where none is. `known`: the names of all. Throws 422 naming what is not. */
export const sparse = (known: readonly string[], asked: readonly string[] | undefined) => {
  if (asked !== undefined) requireKnown('fields', asked, known);
  return (item: Item): Item =>
    asked === undefined ? item : Object.fromEntries(asked.map((name) => [name, item[name]]));
};

const sorted = (items: readonly Item[], by: Sort): readonly Item[] =>
  items.toSorted((left, right) => {
    for (const [field, direction] of by) {
      const order = compareText(String(left[field]), String(right[field]));
      if (order !== 0) return direction === 'asc' ? order : -order;
    }
    return 0;
  });

/** 200 with one page of `all`, whose fields are those that are `known`. Throws 422 naming what is not known. */
export const arrayAnswer = (
  exchange: Exchange<ArrayQuery, unknown>,
  known: readonly string[],
  all: readonly Item[],
): Answer => {
  const { query, dialect } = exchange;
  const shown = sparse(known, query.fields);
  const number = query.page ?? 1;
  const size = query.per_page ?? defaultPerPage[dialect];
  const data = sorted(all, query.sort ?? []).slice((number - 1) * size, number * size);
  return {
    status: 200,
    body: listBody(dialect, data.map(shown), {
      page: number,
      perPage: size,
      total: all.length,
      url: pageUrl(exchange),
    }),
  };
};
