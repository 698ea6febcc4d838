// Pages of a list that is short and in memory: paged like every list, neither sorted nor filtered.
import { z } from 'zod';
import { defaultPerPage, listBody } from '../dialects/envelopes.js';
import { page, perPage } from './list-parameters.js';
import { pageUrl } from './list-query.js';
import type { Answer, Exchange } from './route.js';

export const arrayQuery = z.object({ page, per_page: perPage }).partial();

/** 200 with one page of `all`. */
export const arrayAnswer = (
  exchange: Exchange<z.output<typeof arrayQuery>, unknown>,
  all: readonly object[],
): Answer => {
  const { query, dialect } = exchange;
  const number = query.page ?? 1;
  const size = query.per_page ?? defaultPerPage[dialect];
  const data = all.slice((number - 1) * size, number * size);
  return {
    status: 200,
    body: listBody(dialect, data, {
      page: number,
      perPage: size,
      total: all.length,
      url: pageUrl(exchange),
    }),
  };
};
