// How each dialect wraps what it shows: records, pages, errors.
import type { ErrorCode } from '../domain/errors.js';
import { type Dialect, render, type Views, type WireError } from './dialect.js';

/** Body of a creation: `created(dialect, 'Workspace', views, record)`. The older dialect has no message. */
export const created = <R>(dialect: Dialect, thing: string, views: Views<R>, record: R): object =>
  told(dialect, `${thing} created successfully.`, render(views[dialect], record, 'created'));

/** Body of a change: the whole record. */
export const updated = <R>(dialect: Dialect, thing: string, views: Views<R>, record: R): object =>
  told(dialect, `${thing} updated successfully.`, render(views[dialect], record, 'single'));

/** `data` with a message where the dialect has one. */
export const told = (dialect: Dialect, message: string, data: object): object =>
  dialect === '2026' ? { message, data } : { data };

/** One page of a list. `url` gives the absolute address of a page. */
export type Page = {
  readonly page: number;
  readonly perPage: number;
  readonly total: number;
  readonly url: (page: number) => string;
};

/** Items on a page where the caller does not say. */
export const defaultPerPage: Readonly<Record<Dialect, number>> = { 2026: 25, 2024: 15 };

const metaOf = (dialect: Dialect, { page, perPage, total }: Page, shown: number, last: number): object => {
  if (dialect === '2024') return { current_page: page, per_page: perPage, total, last_page: last };
  const before = (page - 1) * perPage;
  return {
    current_page: page,
    from: shown === 0 ? null : before + 1,
    last_page: last,
    per_page: perPage,
    to: shown === 0 ? null : before + shown,
    total,
  };
};

/** A page beyond the end is an empty one, not an error. */
export const listBody = (dialect: Dialect, data: readonly object[], page: Page): object => {
  const last = Math.max(1, Math.ceil(page.total / page.perPage));
  const links = {
    first: page.url(1),
    last: page.url(last),
    prev: page.page > 1 ? page.url(page.page - 1) : null,
    next: page.page < last ? page.url(page.page + 1) : null,
  };
  return { data, meta: metaOf(dialect, page, data.length, last), links };
};

/** Codes of the older dialect that are not just the upper-case form of ours. */
const codes2024: Readonly<Partial<Record<ErrorCode, string>>> = {
  validation_failed: 'VALIDATION_ERROR',
  not_found: 'RESOURCE_NOT_FOUND',
  access_denied: 'INSUFFICIENT_PERMISSIONS',
  feature_limit_reached: 'ENTITLEMENT_DENIED',
  server_error: 'INTERNAL_ERROR',
};

const code2024 = ({ code, details }: WireError): string => {
  if (code === 'unauthorized') return details['missing'] === true ? 'UNAUTHENTICATED' : 'INVALID_API_KEY';
  return codes2024[code] ?? code.toUpperCase();
};

const error2024 = (error: WireError): object => {
  const { code, message, requestId, details } = error;
  if (code === 'rate_limit_exceeded') {
    const retryAfter = details['retry_after'];
    const sentence = `Rate limit exceeded. Please retry after ${retryAfter} seconds.`;
    return { error: { code: code2024(error), message: sentence, retry_after: retryAfter } };
  }
  const { errors, missing: _, ...rest } = details;
  const said = code === 'validation_failed' ? 'Validation failed' : message;
  const fields = errors === undefined ? {} : { details: errors };
  return { error: { code: code2024(error), message: said, ...fields, ...rest, request_id: requestId } };
};

/** What the default dialect keeps to itself. */
const hidden2026 = new Set(['missing', 'required_scope', 'provided_scopes']);

const error2026 = ({ code, message, requestId, details }: WireError): object => {
  const shown = Object.entries(details).filter(([name]) => !hidden2026.has(name));
  return {
    error: code,
    message,
    ...Object.fromEntries(shown),
    ...(code === 'server_error' ? { request_id: requestId } : {}),
  };
};

/** Body of an error: flat in 2026, nested in 2024. */
export const errorBody = (dialect: Dialect, error: WireError): object =>
  dialect === '2026' ? error2026(error) : error2024(error);
