// What requests of an endpoint may say besides the body, as the documentation shows it: path, query, headers.
import { dialects } from '../dialects/dialect.js';
import { singleQuery } from './list-query.js';
import { type JsonSchema, schemaOfInput } from './openapi-schemas.js';
import type { Route } from './route.js';

export type Parameter = {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
};

const header = (name: string, description: string, schema: JsonSchema = { type: 'string' }): Parameter => ({
  name,
  in: 'header',
  description,
  schema,
});

/** Parameters that many endpoints share, by the name of their component. */
export const parameters = {
  Dialect: header(
    'X-API-Dialect',
    'Dialect of this request; else that of the key, else that of the server.',
    {
      type: 'string',
      enum: [...dialects],
    },
  ),
  WorkspaceContext: header(
    'X-Workspace-ID',
    'Workspace that the request is made in, by any of its ids; else the key’s own. Also as the query parameter `workspace_id`.',
  ),
  NamespaceContext: header(
    'X-Namespace-ID',
    'Namespace that the request is made in, by any of its ids; without a workspace it brings its own. Also as `X-Namespace`, or as the query parameter `namespace_id` or `namespace`.',
  ),
  IdempotencyKey: header(
    'Idempotency-Key',
    'The same key within 24 hours gives the same answer and does nothing twice. A UUID, or any 1 to 255 visible characters.',
    { type: 'string', minLength: 1, maxLength: 255 },
  ),
  IfMatch: header('If-Match', 'ETag of the record as it is known; 412 when it has changed since.'),
  IfNoneMatch: header('If-None-Match', 'ETag of the record as it is known; 304 when it is still the same.'),
} satisfies Record<string, Parameter>;
const shared = (name: keyof typeof parameters) => ({ $ref: `#/components/parameters/${name}` });

/** Whether it answers one record, which has a revision. */
export const isTagged = ({ method, query }: Route): boolean => method === 'GET' && query === singleQuery;

/** Of its path, its query and its headers. */
export const parametersOf = (route: Route): readonly (Parameter | { readonly $ref: string })[] => {
  const names = [...route.path.matchAll(/[:*](\w+)/g)].map(([, name]) => name ?? '');
  const inPath = names.map((name): Parameter => {
    const said = route.doc.params?.[name] ?? name;
    const id = { type: 'string', description: 'Integer id, prefixed id or UUID.', examples: ['1'] };
    return {
      name,
      in: 'path',
      required: true,
      ...(typeof said === 'string'
        ? { description: said, schema: id }
        : { description: said.description, schema: { type: 'string', examples: [said.example] } }),
    };
  });
  const query: JsonSchema = route.query ? schemaOfInput(route.query) : {};
  const required = new Set(query.required ?? []);
  const inQuery = Object.entries(query.properties ?? {}).map(
    ([name, { description, ...schema }]): Parameter => ({
      name,
      in: 'query',
      required: required.has(name),
      ...(description === undefined ? {} : { description }),
      schema,
    }),
  );
  // Without a key there is no context, no record of one's own, and nothing that is remembered.
  if (route.scope === 'none') return [...inPath, ...inQuery, shared('Dialect')];
  // What the path ends with is then the record that is changed, which has a revision.
  const changes = route.method !== 'POST' && /:\w+$/.test(route.path);
  const headers =
    route.method === 'GET'
      ? isTagged(route)
        ? [shared('IfNoneMatch')]
        : []
      : [shared('IdempotencyKey'), ...(changes ? [shared('IfMatch')] : [])];
  return [
    ...inPath,
    ...inQuery,
    shared('WorkspaceContext'),
    shared('NamespaceContext'),
    shared('Dialect'),
    ...headers,
  ];
};
