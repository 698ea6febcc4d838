// The OpenAPI 3.1 document, made from the route table: what validates requests also describes them.
import { dialects } from '../dialects/dialect.js';
import { docsPage } from './docs-page.js';
import { errorResponses, responseHeaders, sharedErrors } from './openapi-errors.js';
import { introduction } from './openapi-introduction.js';
import { type JsonSchema, schemaOfExample, schemaOfInput, schemaOfOutput } from './openapi-schemas.js';
import type { Route } from './route.js';
import { BASE_PATH, patternOf } from './table.js';

export type OpenApi = {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};
export type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: {
      readonly 'application/json': { readonly schema: JsonSchema; readonly example?: unknown };
    };
  };
  readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>>;
  readonly security: readonly object[];
};
export type Response = {
  readonly description: string;
  readonly headers?: object;
  readonly content?: Readonly<
    Record<
      string,
      {
        readonly schema: JsonSchema;
        readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
      }
    >
  >;
};
type Parameter = {
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
const parameters = {
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

const parametersOf = (route: Route): Operation['parameters'] => {
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
  const single = names.length > 0;
  const headers =
    route.method === 'GET'
      ? single
        ? [shared('IfNoneMatch')]
        : []
      : [shared('IdempotencyKey'), ...(single && route.method !== 'POST' ? [shared('IfMatch')] : [])];
  return [
    ...inPath,
    ...inQuery,
    shared('WorkspaceContext'),
    shared('NamespaceContext'),
    shared('Dialect'),
    ...headers,
  ];
};

const bodyOf = ({ body, doc }: Route): Pick<Operation, 'requestBody'> => {
  if (!body) return {};
  const schema = schemaOfInput(body);
  const example = doc.requestExample === undefined ? {} : { example: doc.requestExample };
  return {
    requestBody: {
      required: (schema.required ?? []).length > 0,
      content: { 'application/json': { schema, ...example } },
    },
  };
};

const successOf = ({ doc: { success } }: Route): Response => {
  const { description, example, example2024, schema, type } = success;
  const found = Object.entries({ 2026: example, 2024: example2024 }).filter(
    ([, value]) => value !== undefined,
  );
  const base = { description, headers: responseHeaders };
  if (type !== undefined) return { ...base, content: { [type]: { schema: { type: 'string' } } } };
  if (!schema && found.length === 0) return base;
  const shapes = schema ? [schemaOfOutput(schema)] : found.map(([, value]) => schemaOfExample(value));
  const [only, ...more] = shapes;
  const examples = Object.fromEntries(found.map(([dialect, value]) => [dialect, { value }]));
  return {
    ...base,
    content: {
      'application/json': { schema: only && more.length === 0 ? only : { anyOf: shapes }, examples },
    },
  };
};

const operationOf = (route: Route): Operation => {
  const { doc, scope } = route;
  const needs =
    scope === 'any'
      ? 'Any valid key may call it.'
      : scope === 'none'
        ? 'Needs no key.'
        : `Needs the scope \`${scope}\`.`;
  return {
    operationId: doc.id,
    tags: [doc.tag],
    summary: doc.summary,
    description: doc.description === undefined ? needs : `${doc.description}\n\n${needs}`,
    parameters: parametersOf(route),
    ...bodyOf(route),
    responses: { [doc.success.status]: successOf(route), ...sharedErrors(route) },
    security: scope === 'none' ? [] : [{ bearer: [] }, { basic: [] }],
  };
};

/** The document. Throws when a schema cannot be described. */
export const openApi = (routes: readonly Route[], server: string, version: string): OpenApi => {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const pattern = patternOf(route.path).slice(BASE_PATH.length);
    paths[pattern] = { ...paths[pattern], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'core-api', version, description: introduction },
    servers: [{ url: `${server}${BASE_PATH}` }],
    tags: [...new Set(routes.map(({ doc }) => doc.tag))].map((name) => ({ name })),
    paths,
    components: {
      parameters,
      responses: errorResponses,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key: `Authorization: Bearer sk_live_…`.',
        },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'An API key as the user name, with an empty password.',
        },
      },
    },
  };
};

const VERSION = '1.0.0';

/**
 * Document and page, each made at the first request for it, and shared by all answers: who asks and does not read
 * holds no copy. Without `publicUrl` the document's addresses are relative, and the page's examples go to where it was
 * asked for.
 */
export const openApiOperations = (routes: readonly Route[], publicUrl?: string) => {
  let document: OpenApi | undefined;
  let bytes: Buffer | undefined;
  let page: ReturnType<typeof docsPage> | undefined;
  let shown: { readonly base: string; readonly html: Buffer } | undefined;
  const made = () => {
    document ??= openApi(routes, publicUrl ?? '', VERSION);
    return document;
  };
  return {
    openapi: (): Buffer => {
      bytes ??= Buffer.from(JSON.stringify(made()));
      return bytes;
    },
    docs: (base: string) => {
      page ??= docsPage(made());
      if (shown?.base !== base) shown = { base, html: Buffer.from(page.htmlFor(`${base}${BASE_PATH}`)) };
      return { html: shown.html, policy: page.policy };
    },
  };
};
