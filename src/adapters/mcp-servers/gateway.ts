// An MCP server that somebody else wrote, over stdio or streamable HTTP.
import type { Readable } from 'node:stream';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolResultSchema,
  type Implementation,
  type Tool as ListedTool,
  ListToolsResultSchema,
  ReadResourceResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../domain/decider.js';
import { failureOf, resourceOf, resultOf, saysNotFound, unreachable } from './answers.js';
import { boundedFetch, MAX_MESSAGE_BYTES } from './bounded-fetch.js';
import { type Connection, connection, type Notes } from './connection.js';
import type { McpServer, Tool, ToolError } from './port.js';
import { processTransport } from './process.js';
import { tellLines } from './said.js';
import type { LocalServer, RemoteServer, ServerSettings } from './settings.js';

export type GatewayOptions = {
  /** Milliseconds that a call may take. */
  readonly timeoutMs: number;
  /** Milliseconds in which a server that was just started must say who it is. */
  readonly connectMs: number;
  readonly report: Notes;
};

/** Tools are asked for again when they were told longer ago than this. */
const FRESH_MS = 60_000;
const MAX_TOOLS = 1_000;
/** A request that was given up may go on for so long before its connection is cut. */
const GRACE_MS = 1_000;

const localTransport = (settings: LocalServer, report: Notes): Transport => {
  const { id, command, args, env, cwd } = settings;
  const hear = (stderr: Readable) =>
    tellLines(stderr, Object.values(env), (line, leftOut) =>
      report.info('an MCP server says', { server: id, line, ...(leftOut > 0 ? { leftOut } : {}) }),
    );
  if (process.platform !== 'win32') return processTransport(settings, hear);
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: { ...env },
    stderr: 'pipe',
    maxBufferSize: MAX_MESSAGE_BYTES,
    ...(cwd === undefined ? {} : { cwd }),
  });
  hear(transport.stderr as Readable);
  return transport;
};

const remoteTransport = ({ url, headers }: RemoteServer, timeoutMs: number): Transport =>
  // Its `sessionId` may be undefined where the interface says that it may be missing.
  new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...headers } },
    fetch: boundedFetch(timeoutMs + GRACE_MS),
  }) as Transport;

const toolOf = ({ name, description, inputSchema, annotations }: ListedTool): Tool => ({
  name,
  description: description ?? '',
  inputSchema: inputSchema as JsonObject,
  repeatable: annotations?.readOnlyHint === true || annotations?.idempotentHint === true,
});

const listTools = async (client: Client, timeout: number): Promise<Tool[]> => {
  const tools: Tool[] = [];
  let cursor: string | undefined;
  do {
    const request = { method: 'tools/list', params: cursor === undefined ? {} : { cursor } } as const;
    const page = await client.request(request, ListToolsResultSchema, { timeout });
    tools.push(...page.tools.map(toolOf));
    cursor = page.tools.length === 0 ? undefined : page.nextCursor;
  } while (cursor !== undefined && tools.length < MAX_TOOLS);
  return tools;
};

/** The session is not known any more, so the request was not looked at: the server was started anew. */
const sessionIsGone = (error: unknown): boolean =>
  error instanceof StreamableHTTPError && (error.code === 404 || error.code === 400);
/** It would not have us. */
const isForbidden = (error: unknown): boolean =>
  error instanceof StreamableHTTPError && (error.code === 401 || error.code === 403);

/** A configured server. Connects when it is first needed. */
export const gatewayServer = (
  settings: ServerSettings,
  { timeoutMs, connectMs, report }: GatewayOptions,
): McpServer => {
  const { id } = settings;
  const link = connection({
    id,
    transport: () =>
      'command' in settings
        ? localTransport(settings, report)
        : remoteTransport(settings, Math.max(timeoutMs, connectMs)),
    connectMs,
    report,
  });
  let known: readonly Tool[] | undefined;
  let askedAt = 0;
  let asking: Promise<readonly Tool[]> | undefined;
  /** What the server says of itself. */
  let seen: Implementation | undefined;

  const failed = (error: unknown): ToolError => {
    const failure = isForbidden(error) ? unreachable(id, error) : failureOf(id, error);
    if (failure.kind === 'timeout') link.suspect();
    return failure;
  };

  /** Does it once more, over a new connection, when the server knew nothing of the old one. */
  const using: Connection['use'] = async (work) => {
    let asked: Client | undefined;
    try {
      return await link.use((client) => {
        asked = client;
        return work(client);
      });
    } catch (error) {
      if (!sessionIsGone(error)) throw failed(error);
      link.renew(asked);
      return link.use(work).catch((again: unknown) => {
        throw failed(again);
      });
    }
  };

  const ask = async (): Promise<readonly Tool[]> => {
    askedAt = performance.now();
    const tools = await using((client) => {
      seen = client.getServerVersion();
      return listTools(client, timeoutMs);
    });
    known = tools;
    return tools;
  };
  /** One question at a time. */
  const askOnce = (): Promise<readonly Tool[]> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    id,
    get name() {
      return settings.name ?? seen?.title ?? id;
    },
    get description() {
      return settings.description ?? seen?.description ?? '';
    },
    async tools() {
      if (!known) return askOnce();
      if (performance.now() - askedAt > FRESH_MS) askOnce().catch(() => undefined); // what is known serves until then
      return known;
    },
    knownTools: () => known ?? [],
    async call(tool, args, workspaceId) {
      const params = { name: tool, arguments: args, _meta: { 'core-api/workspace': workspaceId } };
      const result = await using((client) =>
        client.request({ method: 'tools/call', params }, CallToolResultSchema, { timeout: timeoutMs }),
      );
      return resultOf(id, result);
    },
    async read(uri, workspaceId) {
      const path = uri.slice(id.length + '://'.length);
      // A server with URIs of its own has them after ours: `docs://file:///a.txt`.
      const asked = /^[a-z][a-z0-9+.-]*:\/\//i.test(path) ? path : uri;
      const params = { uri: asked, _meta: { 'core-api/workspace': workspaceId } };
      return using(async (client) => {
        try {
          const request = { method: 'resources/read', params } as const;
          return resourceOf(await client.request(request, ReadResourceResultSchema, { timeout: timeoutMs }));
        } catch (error) {
          if (saysNotFound(error)) return undefined;
          throw error;
        }
      });
    },
    close: () => link.close(),
  };
};
