// The refusals of every endpoint, as the documentation shows them, in both dialects.
import { dialects } from '../dialects/dialect.js';
import { errorBody } from '../dialects/envelopes.js';
import { errorGuide } from '../domain/error-guide.js';
import { DomainError, type ErrorCode, invalid } from '../domain/errors.js';
import { missingScope, retryAfter, statuses, unauthorized, wireError } from './errors.js';
import { heedsIfMatch } from './openapi-parameters.js';
import { fieldErrors, type JsonSchema, schemaOfExample } from './openapi-schemas.js';
import { tooMany } from './rate-limit.js';
import type { Route } from './route.js';

const REQUEST_ID = 'req_0a1b2c3d4e5f60718293a4b5';
const integer = { schema: { type: 'integer' } };

/** Headers of every answer. */
export const responseHeaders = {
  'X-RateLimit-Limit': { description: 'Requests allowed in the window, without the burst.', ...integer },
  'X-RateLimit-Remaining': { description: 'Requests left in the window.', ...integer },
  'X-RateLimit-Reset': { description: 'Unix time at which the window frees a place.', ...integer },
  'X-Request-ID': { description: 'Id of this request, for questions about it.', schema: { type: 'string' } },
  'X-API-Dialect': {
    description: 'Dialect of this answer.',
    schema: { type: 'string', enum: [...dialects] },
  },
};

const examples: Partial<Record<ErrorCode, DomainError>> = {
  unauthorized: unauthorized(false),
  access_denied: missingScope('workspaces:write'),
  not_found: new DomainError('not_found', 'Resource not found.'),
  validation_failed: invalid({ name: 'The name field is required.' }),
  rate_limit_exceeded: tooMany({
    admitted: false,
    limit: 1_000,
    remaining: 0,
    resetAt: 1_768_474_800,
    retryAfter: 60,
  }),
  feature_limit_reached: new DomainError(
    'feature_limit_reached',
    'You have reached your limit for this feature.',
    { feature: 'api_keys' },
  ),
};

/** The schema of a body; of what it says by field, an example shows but one. */
const schemaOf = (code: ErrorCode, body: object): JsonSchema =>
  code === 'validation_failed'
    ? schemaOfExample(body, { known: { errors: fieldErrors, details: fieldErrors } })
    : schemaOfExample(body);

const waiting = { 'Retry-After': { description: 'Seconds to wait before the next try.', ...integer } };

const responseOf = (code: ErrorCode) => {
  const { cause, mend } = errorGuide[code];
  const wire = wireError(examples[code] ?? new DomainError(code, cause), {
    requestId: REQUEST_ID,
    scopes: ['workspaces:read'],
    upgradeUrl: 'https://example.com/upgrade',
  });
  const bodies = dialects.map((dialect) => [dialect, errorBody(dialect, wire)] as const);
  return {
    description: `${cause} ${mend}`,
    headers: retryAfter(wire) === undefined ? responseHeaders : { ...responseHeaders, ...waiting },
    content: {
      'application/json': {
        schema: { anyOf: bodies.map(([, body]) => schemaOf(code, body)) },
        examples: Object.fromEntries(bodies.map(([dialect, value]) => [dialect, { value }])),
      },
    },
  };
};

const codes = Object.keys(statuses) as ErrorCode[];

/** By code, for `#/components/responses/…`. */
export const errorResponses = Object.fromEntries(codes.map((code) => [code, responseOf(code)]));

const reference = (code: ErrorCode) => ({ $ref: `#/components/responses/${code}` });

/** A refusal in words of the endpoint's own: any of those with that status. */
const inOwnWords = (status: number, description: string) => {
  const those = codes
    .filter((code) => statuses[code] === status)
    .flatMap((code) => errorResponses[code] ?? []);
  const shapes = those.flatMap(({ content }) => content['application/json'].schema.anyOf);
  const different = [...new Map(shapes.map((shape) => [JSON.stringify(shape), shape])).values()];
  const headers = Object.assign({}, ...those.map((one) => one.headers)) as typeof responseHeaders;
  return { description, headers, content: { 'application/json': { schema: { anyOf: different } } } };
};

/** Refusals that this endpoint can give, by status: those of all, and its own. */
export const sharedErrors = (route: Route) => {
  const writes = route.method !== 'GET';
  const all: Record<string, object> = {
    ...(writes ? { 400: reference('invalid_json') } : {}),
    ...(route.scope === 'none' ? {} : { 401: reference('unauthorized') }),
    ...(route.scope === 'none' ? {} : { 403: reference('access_denied') }),
    404: reference('not_found'),
    ...(writes ? { 409: reference('idempotency_in_progress') } : {}),
    ...(heedsIfMatch(route) ? { 412: reference('precondition_failed') } : {}),
    ...(writes ? { 413: reference('payload_too_large'), 415: reference('unsupported_media_type') } : {}),
    422: reference('validation_failed'),
    429: reference('rate_limit_exceeded'),
    500: reference('server_error'),
    503: reference('unavailable'),
  };
  for (const [status, description] of Object.entries(route.doc.refusals ?? {}))
    all[status] = inOwnWords(Number(status), description);
  return all as Record<string, { description: string } | { $ref: string }>;
};
