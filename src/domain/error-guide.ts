// For each refusal: what causes it and what its caller can do. The source of docs/errors.md.
import type { ErrorCode } from './errors.js';

/** One cause and one mend per code, in plain words. */
export const errorGuide: Readonly<Record<ErrorCode, { readonly cause: string; readonly mend: string }>> = {
  invalid_json: { cause: 'The body is not readable JSON.', mend: 'Send valid JSON in UTF-8.' },
  invalid_uri: {
    cause: 'A resource URI is not of the form `server://path`.',
    mend: 'Correct the URI; percent-encode what is not a path character.',
  },
  bad_request: {
    cause: 'The request cannot be read: broken HTTP, or a path or query that is not validly percent-encoded.',
    mend: 'Correct the request; most HTTP clients encode by themselves.',
  },
  cannot_retry: {
    cause: 'The delivery already succeeded, or its attempts have reached the maximum.',
    mend: 'Nothing is left to retry; publish a new event if the receiver needs one.',
  },
  unauthorized: {
    cause:
      'No key, or one that is malformed, unknown, revoked, disabled, expired or past its grace period. The answer is the same for all.',
    mend: 'Send `Authorization: Bearer sk_…` with a key that is alive.',
  },
  access_denied: {
    cause:
      'The key lacks the scope that the message names, its address is not allowed, or its user’s role does not suffice.',
    mend: 'Use a key with that scope, or ask an owner of the workspace.',
  },
  feature_limit_reached: {
    cause:
      'The workspace has as much of `feature` as its tier and packages allow, the feature is not part of them, or its entitlements are suspended.',
    mend: 'Free some, or follow `upgrade_url`.',
  },
  not_found: {
    cause:
      'There is no such record or path, or it belongs to another tenant. The answer is the same for all.',
    mend: 'Check the id and the context workspace.',
  },
  method_not_allowed: {
    cause: 'The path exists, but not with this method.',
    mend: 'Use a method that the `Allow` header lists.',
  },
  request_timeout: { cause: 'The request did not arrive whole in time.', mend: 'Send it again.' },
  idempotency_in_progress: {
    cause: 'A request with the same `Idempotency-Key` is still running.',
    mend: 'Repeat after `Retry-After`; the repeat gets its answer.',
  },
  rotation_in_progress: {
    cause: 'The key was rotated already and is in its grace period.',
    mend: 'Use its successor, or wait until the grace period ends.',
  },
  conflict: {
    cause: 'The record is being changed by others, or an id was used before for other content.',
    mend: 'Read the record and try again, or choose another id.',
  },
  precondition_failed: {
    cause: 'The record has changed since the revision in `If-Match`.',
    mend: 'Read it again and repeat the change on what it is now.',
  },
  payload_too_large: {
    cause: 'The body is larger than 1 MiB, compressed or not.',
    mend: 'Send less at a time.',
  },
  unsupported_media_type: {
    cause: 'The body is not declared as JSON in UTF-8, or is encoded in an unknown way.',
    mend: 'Send `Content-Type: application/json`.',
  },
  validation_failed: {
    cause: 'Fields of the body or the query are missing, unknown or wrong; `errors` names each.',
    mend: 'Correct the named fields.',
  },
  cannot_delete: {
    cause:
      'It is the only workspace of its user, or the last owner of a workspace that others belong to as well.',
    mend: 'Create another workspace, or make another member an owner, first.',
  },
  idempotency_key_reused: {
    cause: 'This `Idempotency-Key` was used for another request within 24 hours.',
    mend: 'Use a new key for each request, the same one only to repeat it.',
  },
  headers_too_large: {
    cause: 'The header of the request is too large.',
    mend: 'Send fewer and shorter headers.',
  },
  rate_limit_exceeded: {
    cause: 'More requests than the tier allows within the window.',
    mend: 'Wait `retry_after` seconds, or raise the tier.',
  },
  server_error: {
    cause: 'Something unexpected went wrong here.',
    mend: 'Try again; if it stays, report `request_id`.',
  },
  tool_failed: {
    cause: 'A tool failed or its server is not reachable.',
    mend: 'See the message; try again later.',
  },
  tool_timeout: { cause: 'A tool did not answer in time.', mend: 'Try again, with less work in one call.' },
  unavailable: {
    cause:
      'A store is down or the server is starting. The message says whether the write may have been made.',
    mend: 'Repeat after `Retry-After`; with the same `Idempotency-Key` that is always safe.',
  },
};
