// What requests of an endpoint may say besides the body, as the documentation shows it: path, query, headers.
import { dialects } from '../dialects/dialect.js';
import { contextParameters } from './context.js';
import { singleQuery } from './list-query.js';
import { type JsonSchema, schemaOfInput } from './openapi-schemas.js';
import type { Route } from './route.js';
import { namesTaken } from './shown-names.js';

export type Parameter = {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  /** Of lists that are written with commas. */
  readonly style?: 'form';
  readonly explode?: false;
  readonly schema: JsonSchema;
};

const header = (name: string, description: string, schema: JsonSchema = { type: 'string' }): Parameter => ({
  name,
  in: 'header',
  description,
  schema,
});

const query = (name: string, description: string): Parameter => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
});

const contextQuery = {
  workspace_id: query('workspace_id', 'Workspace that the request is made in, as `X-Workspace-ID` names it.'),
  workspace: query('workspace', 'Workspace that the request is made in, by its slug.'),
  namespace_id: query('namespace_id', 'Namespace that the request is made in, as `X-Namespace-ID` names it.'),
  namespace: query('namespace', 'Another name of `namespace_id`.'),
} satisfies Record<(typeof contextParameters)[number], Parameter>;

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
    'Workspace that the request is made in, by any of its ids; else the key’s own.',
  ),
  NamespaceContext: header(
    'X-Namespace-ID',
    'Namespace that the request is made in, by any of its ids; without a workspace it brings its own. Also as `X-Namespace`.',
  ),
  IdempotencyKey: header(
    'Idempotency-Key',
    'The same key within 24 hours gives the same answer and does nothing twice. A UUID, or any 1 to 255 visible characters.',
    { type: 'string', minLength: 1, maxLength: 255 },
  ),
  IfMatch: header('If-Match', 'ETag of the record as it is known; 412 when it has changed since.'),
  IfNoneMatch: header('If-None-Match', 'ETag of the record as it is known; 304 when it is still the same.'),
  ...contextQuery,
} satisfies Record<string, Parameter>;
const shared = (name: keyof typeof parameters) => ({ $ref: `#/components/parameters/${name}` });

/** Whether it answers one record, which has a revision. */
export const isTagged = ({ method, query }: Route): boolean => method === 'GET' && query === singleQuery;

/** Whether it looks at `If-Match` (of any method: RFC 9110, 13.1.1): it answers one record, or changes the one of its path. */
export const heedsIfMatch = (route: Route): boolean => {
  const { method, path, changesRecord = false } = route;
  return isTagged(route) || changesRecord || (!['GET', 'POST'].includes(method) && /:\w+$/.test(path));
};

/** A parameter of the query as its schema has it; of `fields` and `include` also the names that they take. */
const queryParameter = (
  { shows }: Route,
  name: string,
  required: boolean,
  { description, ...schema }: JsonSchema,
): Parameter[] => {
  const plain = { name, in: 'query', required } as const;
  if (shows === undefined || (name !== 'fields' && name !== 'include'))
    return [{ ...plain, ...(description === undefined ? {} : { description }), schema }];
  const { names, notes } = namesTaken(shows, name);
  // Where there are no relations, any name is refused.
  if (names.length === 0) return [];
  const told = [description, ...notes].join(' ');
  const list: JsonSchema = { type: 'array', items: { type: 'string', enum: names } };
  return [{ ...plain, description: told, style: 'form', explode: false, schema: list }];
};

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
  const asked: JsonSchema = route.query ? schemaOfInput(route.query) : {};
  const required = new Set(asked.required ?? []);
  const inQuery = Object.entries(asked.properties ?? {}).flatMap(([name, schema]) =>
    queryParameter(route, name, required.has(name), schema),
  );
  // Without a key there is no context, no record of one's own, and nothing that is remembered.
  if (route.scope === 'none') return [...inPath, ...inQuery, shared('Dialect')];
  const context = contextParameters.map((name) => {
    const meaning = route.doc.context?.[name];
    return meaning === undefined ? shared(name) : query(name, meaning);
  });
  return [
    ...inPath,
    ...inQuery,
    ...context,
    shared('WorkspaceContext'),
    shared('NamespaceContext'),
    shared('Dialect'),
    ...(route.method === 'GET' ? [] : [shared('IdempotencyKey')]),
    ...(heedsIfMatch(route) ? [shared('IfMatch')] : []),
    ...(isTagged(route) ? [shared('IfNoneMatch')] : []),
  ];
};
