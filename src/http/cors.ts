// Headers that let pages of any site call an endpoint. No cookies are ever involved, so any site may.
import type { IncomingMessage } from 'node:http';

const exposed = 'Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-ID';

/** For every answer, refusals too; name, value, name, value … */
export const corsHeaders = ({ headers: { origin } }: IncomingMessage): readonly string[] =>
  origin === undefined
    ? ['Vary', 'Origin']
    : ['Vary', 'Origin', 'Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', exposed];

/** For the answer to a preflight, besides those. */
export const preflightHeaders: readonly string[] = [
  'Access-Control-Allow-Methods',
  'GET, POST, OPTIONS',
  'Access-Control-Allow-Headers',
  'Content-Type, Authorization, X-API-Dialect',
  'Access-Control-Max-Age',
  '3600',
];
