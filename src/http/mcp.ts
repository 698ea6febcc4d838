// Endpoints of MCP: the servers, their tools, calls of them, and resources.
import { z } from 'zod';
import { type McpServer, ToolError } from '../adapters/mcp-servers/port.js';
import type { McpCommands } from '../commands/mcp.js';
import { serverFields, shownServer, shownTool, toolFields } from '../dialects/mcp.js';
import type { Json } from '../domain/decider.js';
import { DomainError, notFound } from '../domain/errors.js';
import { arrayAnswer, arrayQuery, itemQuery, sparse } from './array-list.js';
import { fields } from './fields.js';
import { mcpDocs } from './mcp-docs.js';
import { type Exchange, type Route, route } from './route.js';
import { wholeNames } from './shown-names.js';
import type { CheckArguments } from './tool-arguments.js';

const CallBody = z.strictObject({
  server: fields.text(100),
  tool: fields.text(255),
  arguments: z
    .record(z.string(), z.custom<Json>())
    .optional()
    .meta({ type: 'object', description: 'What the tool takes, by name.' }),
});

/** Milliseconds that a list waits for a server that has not told its tools lately. */
const LIST_WAIT_MS = 2_000;

const failedBy = (error: unknown): unknown =>
  error instanceof ToolError
    ? new DomainError(error.kind === 'timeout' ? 'tool_timeout' : 'tool_failed', error.message)
    : error;

export const mcpRoutes = (deps: {
  readonly servers: readonly McpServer[];
  readonly mcp: McpCommands;
  readonly checkArguments: CheckArguments;
}): Route[] => {
  const { mcp, checkArguments } = deps;
  const servers = new Map(deps.servers.map((server) => [server.id, server]));

  const serverOf = (id: string | undefined): McpServer => {
    const server = servers.get(id ?? '');
    if (!server) throw notFound();
    return server;
  };
  const named = ({ params }: Exchange<unknown, unknown>) => serverOf(params['id']);

  /** The server as it is known now: one that is down, or slow to tell, is shown as last seen. */
  const shown = async (server: McpServer) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LIST_WAIT_MS);
    });
    const asked = server.tools().then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([asked, late]);
    clearTimeout(timer);
    return shownServer({
      id: server.id,
      name: server.name,
      description: server.description,
      tools: server.knownTools(),
    });
  };

  const toolsOf = (server: McpServer) =>
    server.tools().catch((error: unknown) => {
      throw failedBy(error);
    });

  return [
    route({
      method: 'GET',
      path: '/mcp/servers',
      scope: 'mcp:read',
      query: arrayQuery(['id', 'name']),
      shows: wholeNames(serverFields),
      doc: mcpDocs.listServers,
      handle: async (exchange) =>
        arrayAnswer(exchange, serverFields, await Promise.all([...servers.values()].map(shown))),
    }),
    route({
      method: 'GET',
      path: '/mcp/servers/:id',
      scope: 'mcp:read',
      query: itemQuery,
      shows: wholeNames(serverFields),
      doc: mcpDocs.getServer,
      handle: async (exchange) => {
        const server = named(exchange);
        const only = sparse(serverFields, exchange.query.fields);
        return { status: 200, body: { data: only(await shown(server)) } };
      },
    }),
    route({
      method: 'GET',
      path: '/mcp/servers/:id/tools',
      scope: 'mcp:read',
      query: arrayQuery(['name']),
      shows: wholeNames(toolFields),
      doc: mcpDocs.listTools,
      handle: async (exchange) =>
        arrayAnswer(exchange, toolFields, (await toolsOf(named(exchange))).map(shownTool)),
    }),
    route({
      method: 'POST',
      path: '/mcp/tools/call',
      scope: 'mcp:write',
      body: CallBody,
      doc: mcpDocs.callTool,
      handle: async (exchange) => {
        const { server: id, tool: name, arguments: args = {} } = exchange.body;
        const server = serverOf(id);
        const tool = (await toolsOf(server)).find((one) => one.name === name);
        if (!tool) throw notFound();
        checkArguments(tool.inputSchema, args);
        const result = await mcp.call({ server, tool, args }, exchange);
        return { status: 200, body: { result }, repeatable: tool.repeatable };
      },
    }),
    route({
      method: 'GET',
      path: '/mcp/resources/*uri',
      scope: 'mcp:read',
      doc: mcpDocs.readResource,
      handle: async ({ params, workspace }) => {
        const uri = params['uri'] ?? '';
        const [, id] = /^([A-Za-z0-9][A-Za-z0-9._+-]*):\/\/./s.exec(uri) ?? [];
        if (id === undefined)
          throw new DomainError('invalid_uri', 'The resource URI must be of the form server://path.');
        const found = await serverOf(id)
          .read(uri, workspace.id)
          .catch((error: unknown) => {
            throw failedBy(error);
          });
        if (!found) throw notFound();
        const { content, mimeType, encoding } = found;
        const more = { ...(mimeType ? { mime_type: mimeType } : {}), ...(encoding ? { encoding } : {}) };
        return { status: 200, body: { data: { uri, content, ...more } } };
      },
    }),
  ];
};
