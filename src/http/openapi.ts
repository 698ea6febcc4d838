// The OpenAPI 3.1 document, made from the route table: what validates requests also describes them.
import { docsPage } from './docs-page.js';
import { errorResponses, responseHeaders, sharedErrors } from './openapi-errors.js';
import { introduction } from './openapi-introduction.js';
import { isTagged, type Parameter, parameters, parametersOf } from './openapi-parameters.js';
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
const etag = { ETag: { description: 'Revision of the record.', schema: { type: 'string' } } };
const unchanged: Response = {
  description: 'The record is still the one that `If-None-Match` names. No body.',
  headers: { ...responseHeaders, ...etag },
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

const successOf = (route: Route): Response => {
  const { description, example, example2024, schema, type, nullable = [] } = route.doc.success;
  const found = Object.entries({ 2026: example, 2024: example2024 }).filter(
    ([, value]) => value !== undefined,
  );
  const base = { description, headers: { ...responseHeaders, ...(isTagged(route) ? etag : {}) } };
  if (type !== undefined) return { ...base, content: { [type]: { schema: { type: 'string' } } } };
  if (!schema && found.length === 0) return base;
  const shapes = schema
    ? [schemaOfOutput(schema)]
    : found.map(([, value]) => schemaOfExample(value, { nullable: ['from', 'to', ...nullable] }));
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
    responses: {
      [doc.success.status]: successOf(route),
      ...(isTagged(route) ? { 304: unchanged } : {}),
      ...sharedErrors(route),
    },
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
