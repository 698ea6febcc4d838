// The backend as an MCP server: one message in, one message out, by the official SDK, without sessions.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  type JSONRPCMessage,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../domain/decider.js';
import type { Reply } from '../reply.js';
import type { EndpointTool } from './tools.js';

/** What answers the messages of one caller. */
export type Speaker = {
  /** The tools that this caller may call. */
  readonly tools: readonly EndpointTool[];
  /** The endpoint's answer, refusals included. `name` may be that of a tool which the caller may not call. */
  call(name: string, args: JsonObject): Promise<Reply | undefined>;
};

const instructions =
  'Workspaces, entitlements, usage, events and webhook deliveries of a SaaS backend. Every tool is an endpoint of its REST API and answers as that does. Lists have pages; ids may be given in any of their forms.';

const textOf = ({ body }: Reply): string => body.toString();

const resultOf = (reply: Reply): CallToolResult => {
  const text = textOf(reply);
  if (reply.status >= 400) return { content: [{ type: 'text', text }], isError: true };
  if (text === '') return { content: [{ type: 'text', text: 'Done.' }] };
  return { content: [{ type: 'text', text }], structuredContent: JSON.parse(text) as JsonObject };
};

const serverFor = ({ tools, call }: Speaker): Server => {
  const server = new Server(
    { name: 'core-api', version: '1.0.0' },
    { capabilities: { tools: {} }, instructions },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description, inputSchema, isWrite, deletes }) => ({
      name,
      description,
      inputSchema,
      annotations: { readOnlyHint: !isWrite, destructiveHint: deletes, openWorldHint: false },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: args = {} } }) => {
    const reply = await call(name, args as JsonObject);
    if (!reply) throw new McpError(ErrorCode.InvalidParams, `There is no tool ${name}.`);
    return resultOf(reply);
  });
  return server;
};

/**
 * The answer to one POST. `message` is what its body says; `headers` are those of the request, in lower case. Requests
 * of one client do not know of each other, so any process may answer any of them.
 */
export const answerMessage = async (
  speaker: Speaker,
  message: JSONRPCMessage,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> => {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  const server = serverFor(speaker);
  try {
    await server.connect(transport);
    // The address is of no meaning to the transport, but a request must have one.
    const request = new Request('http://core-api/mcp', { method: 'POST', headers });
    const response = await transport.handleRequest(request, { parsedBody: message });
    return { status: response.status, body: await response.text(), headers: [] };
  } finally {
    await server.close();
  }
};
