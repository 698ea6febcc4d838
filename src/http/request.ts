// A caller's request, step by step: scope, context, and at the end the exchange that a handler sees.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { CommandContext } from '../commands/context.js';
import type { Dialect } from '../dialects/dialect.js';
import type { JsonObject } from '../domain/decider.js';
import { holds } from '../domain/scopes.js';
import { type Soon, whenThere } from '../domain/soon.js';
import { noBytes, parseBody } from './body.js';
import { type Context, contextOf } from './context.js';
import { missingScope } from './errors.js';
import { parseIfMatch } from './etag.js';
import { noParameters, type Parameters, parseQuery, requireKnown } from './query.js';
import type { Incoming } from './reply.js';
import type { Caller, Exchange, Route } from './route.js';
import type { Bound } from './table.js';
import { type Links, splitTarget } from './target.js';
import { unknownFields, validate } from './validation.js';

/** A request that the gate has let through. */
export type Admitted = {
  readonly incoming: Incoming;
  readonly bound: Bound;
  readonly caller: Caller;
  readonly dialect: Dialect;
  readonly ip: string;
  /** The body, where it does not come over the connection. */
  readonly bytes?: Buffer;
};

/** The same with its query and the workspace and namespace that it is made in. */
export type Placed = Context & {
  readonly admitted: Admitted;
  readonly parameters: Parameters;
  readonly queryText: string;
};

/**
 * Throws 403 without the scope, 400 and 422 for a bad query, 404 and 422 for a bad context. `deleted` lets the context
 * be a workspace that is gone.
 */
export const place = (readModels: ReadModels, admitted: Admitted, deleted = false): Soon<Placed> => {
  const { incoming, bound, caller } = admitted;
  const { scope } = bound.route;
  if (scope !== 'any' && scope !== 'none' && !holds(caller.key.scopes, scope)) throw missingScope(scope);
  const { headers, originalUrl } = incoming.req;
  const queryText = originalUrl.includes('?') ? splitTarget(originalUrl)[1] : '';
  const parameters = queryText === '' ? noParameters : parseQuery(queryText);
  // Without a caller there is no workspace either; such a route looks at neither.
  if (scope === 'none')
    return { admitted, parameters, queryText, workspace: caller?.home, namespace: undefined };
  const named = contextOf(readModels, caller, headers, parameters, deleted);
  return whenThere(named, ({ workspace, namespace }): Placed => {
    return { admitted, parameters, queryText, workspace, namespace };
  });
};

const queryOf = ({ route, parameters: known, noQuery }: Bound, parameters: Parameters): unknown => {
  if (parameters === noParameters && noQuery) return noQuery.value;
  requireKnown(parameters, known);
  return route.query ? validate(route.query, parameters) : undefined;
};

/** What a route makes of a body. Throws 422; a route without a schema takes none. */
export const validBody = ({ body: schema }: Route, body: JsonObject): unknown => {
  if (schema) return validate(schema, body);
  if (Object.keys(body).length > 0) throw unknownFields(Object.keys(body));
  return undefined;
};

const bodyOf = ({ route }: Bound, bytes: Buffer): unknown =>
  bytes.length === 0 && !route.body ? undefined : validBody(route, parseBody(bytes));

/** Decoded path parameters; of one that takes several parts of the path, those with their slashes. */
const paramsOf = (params: Readonly<Record<string, string | string[]>>): Readonly<Record<string, string>> => {
  for (const name in params) {
    const part = params[name];
    if (typeof part !== 'string') return { ...paramsOf({ ...params, [name]: (part ?? []).join('/') }) };
  }
  return params as Readonly<Record<string, string>>;
};

const noSearch = new URLSearchParams();

/** Validates query, body and conditions: what is left for the handler to see. Throws 400 and 422. */
export const exchangeOf = (
  { admitted, parameters, queryText, workspace, namespace }: Placed,
  command: CommandContext,
  bytes: Buffer,
  links: Links,
): Exchange<unknown, unknown> => {
  const { incoming, bound, caller, dialect } = admitted;
  const { req, requestId, now } = incoming;
  const exchange = {
    params: paramsOf(req.params),
    query: queryOf(bound, parameters),
    body: bodyOf(bound, bytes),
    dialect,
    requestId,
    caller,
    workspace,
    namespace,
    command,
    url: () => links.url(req),
    upgradeUrl: () => links.upgrade(req),
    search: queryText === '' ? noSearch : new URLSearchParams(queryText),
    now,
    header: (name: string) => {
      const value = req.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    holds: (scope: string) => caller !== undefined && holds(caller.key.scopes, scope),
  };
  const ifMatch = parseIfMatch(req.headers['if-match']);
  return ifMatch === undefined ? exchange : { ...exchange, ifMatch };
};

/** What stands for a command where there is none. */
export const noCommand: CommandContext = {
  commandId: '00000000-0000-0000-0000-000000000000',
  retry: false,
  seed: () => noBytes,
  now: '',
  actor: { system: 'read' },
  audience: [],
};
