// The route table, made ready: one entry per path with its methods, static paths before those with parameters.
import { contextParameters } from './context.js';
import type { Method, Route } from './route.js';
import { validate } from './validation.js';

export const BASE_PATH = '/api/v1';

/** A route with all that can be known before a request comes. */
export type Bound = {
  readonly route: Route;
  /** `/api/v1/workspaces/{id}`: for documentation, logs and metrics. */
  readonly pattern: string;
  readonly isWrite: boolean;
  /** Query parameters that this endpoint knows. */
  readonly parameters: ReadonlySet<string>;
  /** What the query schema makes of no query; undefined when that is refused. */
  readonly noQuery: { readonly value: unknown } | undefined;
};

export type Endpoint = {
  /** Express path, with the base. */
  readonly path: string;
  readonly pattern: string;
  readonly methods: ReadonlyMap<Method, Bound>;
  /** Where pages of any site may call it: what their preflights and wrong methods are admitted by. */
  readonly open?: Route;
  /** For `Allow`. */
  readonly allow: string;
};

/** `/workspaces/:id` → `/workspaces/{id}`, `/files/*path` → `/files/{path}`. */
export const patternOf = (path: string): string => `${BASE_PATH}${path.replace(/[:*](\w+)/g, '{$1}')}`;

const shapeOf = (schema: unknown): readonly string[] =>
  typeof schema === 'object' && schema !== null && 'shape' in schema
    ? Object.keys(schema.shape as object)
    : [];

const noQueryOf = ({ query }: Route): Bound['noQuery'] => {
  if (!query) return { value: undefined };
  try {
    return { value: Object.freeze(validate(query, {})) };
  } catch {
    return undefined; // something is required
  }
};

/** A route, made ready. */
export const bind = (route: Route): Bound => ({
  route,
  pattern: patternOf(route.path),
  isWrite: route.method !== 'GET',
  parameters: new Set([...contextParameters, ...shapeOf(route.query)]),
  noQuery: noQueryOf(route),
});

/** Comes after any text that a path has. */
const PARAMETER = '\uffff';

/** So that `/api-keys/current` is found before `/api-keys/:id`: texts in order, parameters after them. */
const staticFirst = (left: string, right: string): number => {
  const [ours, theirs] = [left, right].map((path) => path.replace(/[:*]\w+/g, PARAMETER));
  return (ours ?? '') < (theirs ?? '') ? -1 : 1;
};

/** Preflights have a bucket of their own, of the same size: they take no place from what they ask for. */
const openOf = (methods: ReadonlyMap<Method, Bound>): Pick<Endpoint, 'open'> => {
  const route = [...methods.values()].map((bound) => bound.route).find(({ cors }) => cors);
  if (!route?.bucket) return {};
  const { name, perMinute } = route.bucket;
  return { open: { ...route, bucket: { name: `${name}-preflight`, perMinute } } };
};

/** Throws when two routes share method and path, or an id of their documentation. */
export const endpointsOf = (routes: readonly Route[]): Endpoint[] => {
  const byPath = new Map<string, Map<Method, Bound>>();
  const ids = new Set<string>();
  for (const route of routes) {
    const methods = byPath.get(route.path) ?? new Map<Method, Bound>();
    if (methods.has(route.method) || ids.has(route.doc.id))
      throw new Error(`${route.method} ${route.path} (${route.doc.id}) is in the route table twice.`);
    methods.set(route.method, bind(route));
    byPath.set(route.path, methods);
    ids.add(route.doc.id);
  }
  return [...byPath]
    .toSorted(([left], [right]) => staticFirst(left, right))
    .map(([path, methods]) => ({
      ...openOf(methods),
      path: `${BASE_PATH}${path}`,
      pattern: patternOf(path),
      methods,
      allow: [...methods.keys(), ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', '),
    }));
};
