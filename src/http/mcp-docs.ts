// What the documentation says about the endpoints of MCP.
import { z } from 'zod';
import { pageExample } from './doc-examples.js';
import type { RouteDoc } from './route.js';

const server = {
  id: 'filesystem',
  name: 'Filesystem Server',
  description: 'File and directory operations',
  tools: ['read_file', 'write_file', 'list_directory'],
};
const tool = {
  name: 'read_file',
  description: 'Reads a file of the workspace.',
  parameters: { path: { type: 'string', description: 'Path of the file.', required: true } },
};
const params = { id: { description: 'MCP server id', example: 'filesystem' } };
const toolRefusals = {
  502: 'The tool failed, or its server cannot be reached (`tool_failed`).',
  504: 'The tool did not answer in time (`tool_timeout`).',
};

const ResourceAnswer = z.object({
  data: z.object({
    uri: z.string(),
    content: z.string(),
    mime_type: z.string().optional(),
    encoding: z.literal('base64').optional(),
  }),
});

export const mcpDocs = {
  listServers: {
    id: 'listMcpServers',
    tag: 'MCP',
    summary: 'List the MCP servers',
    description:
      'The built-in `filesystem`, and those of `MCP_CONFIG`. One that is down is shown as last seen.',
    success: {
      status: 200,
      description: 'A page of the servers.',
      ...pageExample('/mcp/servers', [server]),
    },
  },
  getServer: {
    id: 'getMcpServer',
    tag: 'MCP',
    summary: 'Get an MCP server',
    params,
    success: { status: 200, description: 'The server.', example: { data: server } },
  },
  listTools: {
    id: 'listMcpTools',
    tag: 'MCP',
    summary: 'List the tools of an MCP server',
    params,
    success: {
      status: 200,
      description: 'A page of its tools with their parameters.',
      ...pageExample('/mcp/servers/filesystem/tools', [tool]),
    },
    refusals: toolRefusals,
  },
  callTool: {
    id: 'callMcpTool',
    tag: 'MCP',
    summary: 'Call a tool of an MCP server',
    description:
      'Arguments are checked against the schema that the tool states. `result` is the structured content of its answer; else the only text in it, as JSON where it is an object or a list; else the list of its contents. With an `Idempotency-Key` a tool that has run is not run again; one that was cut off, so that nobody knows, is a conflict, unless it says that repeating it is harmless. What such a tool answers at length (over 64 KiB) is not kept: the repetition calls it again.',
    requestExample: { server: 'filesystem', tool: 'read_file', arguments: { path: '/path/to/file.txt' } },
    success: {
      status: 200,
      description: 'What the tool answered.',
      schema: z.object({ result: z.unknown() }),
      example: { result: { content: 'File contents here...', size: 1234 } },
    },
    refusals: {
      ...toolRefusals,
      409: 'An earlier run with this Idempotency-Key was cut off, and the tool may have run.',
    },
  },
  readResource: {
    id: 'readMcpResource',
    tag: 'MCP',
    summary: 'Read a resource of an MCP server',
    description:
      'The URI is `server://path`, as it is or percent-encoded whole. What stands after `server://` names the resource: where that is a URI itself, the server is asked for it. Bytes that are no text come as base64, with `encoding`.',
    params: {
      uri: { description: 'URI of the resource, `server://path`', example: 'filesystem://notes/a.txt' },
    },
    success: {
      status: 200,
      description: 'The resource.',
      schema: ResourceAnswer,
      example: { data: { uri: 'filesystem://notes/a.txt', content: 'Hello', mime_type: 'text/plain' } },
    },
    refusals: { ...toolRefusals, 400: 'It is no URI of the form `server://path` (`invalid_uri`).' },
  },
} satisfies Record<string, RouteDoc>;
