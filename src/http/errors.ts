// From what was thrown to what is answered: code → status, the public sentence, and nothing else.
import { LogUnavailable } from '../adapters/event-log/port.js';
import { StoreUnavailable } from '../adapters/read-models/port.js';
import type { WireError } from '../dialects/dialect.js';
import type { JsonObject } from '../domain/decider.js';
import { DomainError, type ErrorCode, type FieldErrors } from '../domain/errors.js';

/** HTTP status of every code. */
export const statuses: Readonly<Record<ErrorCode, number>> = {
  invalid_json: 400,
  invalid_uri: 400,
  bad_request: 400,
  cannot_retry: 400,
  unauthorized: 401,
  access_denied: 403,
  feature_limit_reached: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  idempotency_in_progress: 409,
  rotation_in_progress: 409,
  conflict: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  cannot_delete: 422,
  idempotency_key_reused: 422,
  rate_limit_exceeded: 429,
  headers_too_large: 431,
  server_error: 500,
  tool_failed: 502,
  unavailable: 503,
  tool_timeout: 504,
};

/** What errors show besides their own words. */
export type ErrorContext = {
  readonly requestId: string;
  /** Scopes of the key that asked. */
  readonly scopes?: readonly string[] | undefined;
  /** Where a higher limit can be had. */
  readonly upgradeUrl: string;
};

/** 401: one sentence for every reason. `missing` = no credentials at all. */
export const unauthorized = (missing: boolean): DomainError =>
  new DomainError('unauthorized', 'Invalid or missing API key.', { missing });

/** 403 naming the scope that the key lacks. */
export const missingScope = (scope: string): DomainError =>
  new DomainError('access_denied', `Insufficient permissions. Required scope: ${scope}`, {
    required_scope: scope,
  });

const unavailable = {
  not_written: 'The service is temporarily unavailable. Nothing was written.',
  unknown:
    'The service is temporarily unavailable, and it is not known whether the write was made. A retry with the same Idempotency-Key is safe.',
  // What is read before and after a write may fail as well.
  either:
    'The service is temporarily unavailable. If this was a write, it may have been made; a retry with the same Idempotency-Key is safe.',
} as const;

/** A store is down. Whether the write was made decides what a client may do. */
const unavailability = (error: unknown): DomainError | undefined => {
  const fate =
    error instanceof LogUnavailable ? error.fate : error instanceof StoreUnavailable ? 'either' : undefined;
  return fate && new DomainError('unavailable', unavailable[fate]);
};

/** What was thrown as a refusal; undefined for what is nobody's fault but ours. */
export const refusalOf = (error: unknown): DomainError | undefined => {
  return error instanceof DomainError ? error : unavailability(error);
};

const extras = (refusal: DomainError, context: ErrorContext): JsonObject => {
  if (refusal.code === 'access_denied' && 'required_scope' in refusal.details)
    return { provided_scopes: [...(context.scopes ?? [])] };
  if (refusal.code === 'feature_limit_reached') return { upgrade_url: context.upgradeUrl };
  return {};
};

/** The answer to a refusal, or to a failure of ours, of which nothing is told. */
export const wireError = (error: unknown, context: ErrorContext): WireError => {
  const refusal = refusalOf(error) ?? new DomainError('server_error', 'An unexpected error occurred.');
  const { code, message } = refusal;
  // What the refusal says itself goes first; it has the better reason.
  const details: JsonObject & { errors?: FieldErrors } = { ...extras(refusal, context), ...refusal.details };
  return { status: statuses[code], code, message, requestId: context.requestId, details };
};

/** Seconds for `Retry-After`, where the answer has one. */
export const retryAfter = ({ code, details }: WireError): number | undefined => {
  if (code === 'rate_limit_exceeded') return Number(details['retry_after']);
  return code === 'unavailable' || code === 'idempotency_in_progress' ? 1 : undefined;
};
