// The tools of the backend as an MCP server: each stands for an endpoint, whose table row describes and checks it.
import type { Json, JsonObject } from '../../domain/decider.js';
import { invalid } from '../../domain/errors.js';
import { holds } from '../../domain/scopes.js';
import { type JsonSchema, schemaOfInput } from '../openapi-schemas.js';
import type { Route } from '../route.js';
import { type Bound, bind } from '../table.js';

/** Which endpoints are tools, by the id of their documentation. `names`: path parameters under clearer names. */
export type ToolSpec = { readonly endpoint: string; readonly names?: Readonly<Record<string, string>> };

const webhook = { id: 'webhook_id', deliveryId: 'delivery_id' };
export const toolSpecs: readonly ToolSpec[] = [
  { endpoint: 'listWorkspaces' },
  { endpoint: 'getWorkspace' },
  { endpoint: 'createWorkspace' },
  { endpoint: 'updateWorkspace' },
  { endpoint: 'checkEntitlement' },
  { endpoint: 'getEntitlementSummary' },
  { endpoint: 'recordUsage' },
  { endpoint: 'getUsage' },
  { endpoint: 'listRecentEvents' },
  { endpoint: 'publishEvent' },
  { endpoint: 'listWebhooks' },
  { endpoint: 'listDeliveries', names: webhook },
  { endpoint: 'getDelivery', names: webhook },
  { endpoint: 'retryDelivery', names: webhook },
];

/** A request to the endpoint of a tool: what a client would have sent over HTTP. */
export type ToolRequest = {
  readonly target: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
};
export type EndpointTool = {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonObject & { readonly type: 'object' };
  readonly isWrite: boolean;
  readonly deletes: boolean;
  readonly bound: Bound;
  /** Throws 422 when something that stands in the path is missing. */
  requestOf(args: JsonObject): ToolRequest;
  /** True when a key with these scopes may call it. */
  isFor(scopes: readonly string[]): boolean;
};

/** `listWorkspaces` → `list_workspaces`. */
const nameOf = (id: string): string => id.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const context: Readonly<Record<string, JsonSchema>> = {
  workspace_id: {
    type: ['integer', 'string'],
    description: 'Workspace that the call is made in, by any of its ids; else the key’s own.',
  },
};
const idempotency: Readonly<Record<string, JsonSchema>> = {
  idempotency_key: {
    type: 'string',
    description:
      'The same key twice is one call. Use a new one for each, and repeat it when an answer was lost.',
  },
};

const textOf = (value: Json): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

/** `/webhooks/:id` with its parameters put in. */
const targetOf = ({ pattern }: Bound, params: Readonly<Record<string, string>>, query: URLSearchParams) => {
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  return query.size === 0 ? path : `${path}?${query}`;
};

/** The tool of an endpoint. */
export const toolOf = (route: Route, names: ToolSpec['names'] = {}): EndpointTool => {
  const bound = bind(route);
  const { doc, method, path, scope } = route;
  const inPath = [...path.matchAll(/[:*](\w+)/g)].map(([, param = '']) => ({
    param,
    argument: names[param] ?? param,
  }));
  const query: JsonSchema = route.query ? schemaOfInput(route.query) : {};
  const body: JsonSchema = route.body ? schemaOfInput(route.body) : {};
  const pathProperties = inPath.map(({ param, argument }) => {
    const said = doc.params?.[param];
    const description = typeof said === 'string' ? said : said?.description;
    return [argument, { type: ['integer', 'string'], description: description ?? param }];
  });
  const properties = {
    ...Object.fromEntries(pathProperties),
    ...query.properties,
    ...body.properties,
    ...context,
    ...(bound.isWrite ? idempotency : {}),
  } as unknown as JsonObject;
  const required = [
    ...inPath.map(({ argument }) => argument),
    ...(query.required ?? []),
    ...(body.required ?? []),
  ];

  return {
    name: nameOf(doc.id),
    description: doc.description === undefined ? `${doc.summary}.` : `${doc.summary}. ${doc.description}`,
    inputSchema: { type: 'object', properties, required, additionalProperties: false },
    isWrite: bound.isWrite,
    deletes: method === 'DELETE',
    bound,
    isFor: (scopes) => scope === 'any' || holds(scopes, scope),
    requestOf(args) {
      const left = new Map(Object.entries(args));
      const take = (name: string): string | undefined => {
        const value = left.get(name);
        left.delete(name);
        return value === undefined ? undefined : textOf(value);
      };
      const params: Record<string, string> = {};
      for (const { param, argument } of inPath) {
        const value = take(argument);
        if (value === undefined) throw invalid({ [argument]: `The ${argument} field is required.` });
        params[param] = value;
      }
      const workspaceId = take('workspace_id');
      const key = bound.isWrite ? take('idempotency_key') : undefined;
      const inQuery = bound.isWrite
        ? []
        : [...left].map(([name, value]): [string, string] => [name, textOf(value)]);
      const search = new URLSearchParams(inQuery);
      if (workspaceId !== undefined) search.set('workspace_id', workspaceId);
      return {
        target: targetOf(bound, params, search),
        params,
        headers: key === undefined ? {} : { 'idempotency-key': key },
        body:
          bound.isWrite && left.size > 0 ? Buffer.from(JSON.stringify(Object.fromEntries(left))) : undefined,
      };
    },
  };
};

/** The tools by name. Throws when an endpoint is not there. */
export const toolTable = (routes: readonly Route[], specs = toolSpecs): ReadonlyMap<string, EndpointTool> =>
  new Map(
    specs.map(({ endpoint, names }) => {
      const route = routes.find(({ doc }) => doc.id === endpoint);
      if (!route) throw new Error(`There is no endpoint ${endpoint} for a tool.`);
      const tool = toolOf(route, names);
      return [tool.name, tool];
    }),
  );
