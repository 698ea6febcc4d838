// Why a command or a request is refused: one closed list of codes. HTTP statuses are given in http/errors.ts only.
import type { JsonObject } from './decider.js';

/** Every refusal the product knows. docs/errors.md has a row for each. */
export const errorCodes = [
  'invalid_json',
  'invalid_uri',
  'bad_request',
  'cannot_retry',
  'unauthorized',
  'access_denied',
  'feature_limit_reached',
  'not_found',
  'method_not_allowed',
  'request_timeout',
  'idempotency_in_progress',
  'rotation_in_progress',
  'conflict',
  'precondition_failed',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
  'cannot_delete',
  'idempotency_key_reused',
  'headers_too_large',
  'rate_limit_exceeded',
  'server_error',
  'tool_failed',
  'tool_timeout',
  'unavailable',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** Field messages of a validation error: dot path → sentences. */
export type FieldErrors = Record<string, string[]>;

/** A refusal with a public sentence. `details` are extra public fields of the answer (never secrets). */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly details: JsonObject & { errors?: FieldErrors };

  constructor(code: ErrorCode, message: string, details: JsonObject & { errors?: FieldErrors } = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** 422 with one message per field: `invalid({ name: 'The name field is required.' })`. */
export const invalid = (fields: Record<string, string | string[]>): DomainError =>
  new DomainError('validation_failed', 'The given data was invalid.', {
    errors: Object.fromEntries(Object.entries(fields).map(([field, text]) => [field, [text].flat()])),
  });

/**
 * 404. The sentence must be the same for an unknown record and another tenant's: the error table has one for workspaces
 * and one for the rest. A namespace is named where it is the context, files are where a tool looked for them.
 */
export const notFound = (
  thing: 'Resource' | 'Workspace' | 'Namespace' | 'File' | 'Directory' = 'Resource',
): DomainError => new DomainError('not_found', `${thing} not found.`);
