// An MCP server with tools that answer well, badly, or not at all.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

const text = (said) => ({ content: [{ type: 'text', text: said }] });
const object = (properties = {}, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
});
const string = { type: 'string', description: 'Any text.' };

/** `trace`: a file that gets the name of each tool that has run. `die`, `write`: what only a process can do. */
const tools = ({ trace, die, write }) => ({
  echo: {
    description: 'Says it again.',
    inputSchema: object({ text: string, times: { type: 'integer', minimum: 1, maximum: 9 } }, ['text']),
    run: ({ text: said, times = 1 }) => text(said.repeat(times)),
  },
  structured: {
    annotations: { readOnlyHint: true },
    run: () => ({ ...text('{"from":"text"}'), structuredContent: { from: 'structure' } }),
  },
  json: { run: () => text(' [1, {"a": null}]') },
  several: { run: () => ({ content: [...text('a').content, ...text('b').content] }) },
  nothing: { run: () => ({ content: [] }) },
  where: { run: (_args, meta) => text(String(meta?.['core-api/workspace'])) },
  fail: { run: () => ({ ...text('The kitchen is\n on fire.'), isError: true }) },
  refuse: {
    run: () => {
      throw new McpError(-32_603, 'Something broke.');
    },
  },
  hang: { run: () => new Promise(() => undefined) },
  block: {
    run: () => {
      for (;;); // answers nobody any more
    },
  },
  crash: {
    run: async () => {
      await delay(50); // the answer has begun, where it comes as a stream
      die();
    },
  },
  huge: { run: () => text('x'.repeat(3_000_000)) },
  deep: { run: () => text('['.repeat(100_000) + ']'.repeat(100_000)) },
  malformed: {
    run: (_args, _meta, id) => {
      write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { content: 'no list' } })}\n`);
      return new Promise(() => undefined);
    },
  },
  chatty: {
    run: () => {
      write('Debugger attached.\n{"half": \n\n[]\n');
      return text('all the same');
    },
  },
  flood: {
    run: () => {
      write('no message\n'.repeat(2_000));
      return new Promise(() => undefined);
    },
  },
  book: {
    run: () => {
      appendFileSync(trace, 'book\n');
      return text('booked');
    },
  },
  look: {
    annotations: { readOnlyHint: true },
    run: () => {
      appendFileSync(trace, 'look\n');
      return text('looked');
    },
  },
});

export const makeServer = (options) => {
  const known = tools(options);
  const server = new Server(
    { name: 'test', title: 'Test Server', version: '1' },
    { capabilities: { tools: {}, resources: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    // Two to a page, so that there are several.
    const names = Object.keys(known);
    const from = Number(params?.cursor ?? 0);
    return {
      tools: names.slice(from, from + 2).map((name) => ({
        name,
        description: known[name].description,
        inputSchema: known[name].inputSchema ?? object(),
        annotations: known[name].annotations,
      })),
      ...(from + 2 < names.length ? { nextCursor: String(from + 2) } : {}),
    };
  });
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { requestId }) =>
    known[params.name].run(params.arguments ?? {}, params._meta, requestId),
  );
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    if (uri === 'file:///none') throw new McpError(-32_002, 'Resource not found');
    return { contents: [{ uri, text: `content of ${uri}`, mimeType: 'text/markdown' }] };
  });
  return server;
};
