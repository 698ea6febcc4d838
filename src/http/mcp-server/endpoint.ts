// `/mcp`: what an MCP client sends over HTTP, and how its calls become requests to the endpoints of the API.
import type { IncomingHttpHeaders } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Request } from 'express';
import { parseBody, readBody } from '../body.js';
import { errorReply, type FailureLog, type Reply } from '../reply.js';
import type { Admitted } from '../request.js';
import type { Route } from '../route.js';
import type { Runner } from '../run.js';
import type { Links } from '../target.js';
import { answerMessage } from './protocol.js';
import { type EndpointTool, type ToolRequest, toolTable } from './tools.js';

export const MCP_PATH = '/mcp';
/** There are no sessions, hence no stream to open and nothing to end. */
export const MCP_METHODS = 'POST, OPTIONS';

/** A caller's request to `/mcp`, let through by the gate. */
export type Spoken = Omit<Admitted, 'bound' | 'bytes'>;

/** Headers of the message itself say nothing about the requests that come of it. */
const ofTheMessage = /^(?:content-|transfer-encoding$|expect$|if-|accept$|mcp-|idempotency-key$)/;

/** A request to an endpoint, made within another one: the same connection and caller, its own target and headers. */
const innerRequest = (outer: Request, { bound }: EndpointTool, request: ToolRequest): Request => {
  const kept = Object.entries(outer.headers).filter(([name]) => !ofTheMessage.test(name));
  const headers: IncomingHttpHeaders = { ...Object.fromEntries(kept), ...request.headers };
  const own = { method: bound.route.method, originalUrl: request.target, params: request.params, headers };
  return Object.create(
    outer,
    Object.fromEntries(Object.entries(own).map(([name, value]) => [name, { value }])),
  ) as Request;
};

const flatHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** The body as one message. Throws what a bad body gets anywhere; what is no message, the protocol refuses itself. */
const messageOf = async ({ req, res }: Spoken['incoming']): Promise<JSONRPCMessage> => {
  const bytes = await readBody(req, () => req.headers.expect !== undefined && res.writeContinue());
  return parseBody(bytes) as JSONRPCMessage;
};

/** `routes`: the endpoints that tools stand for. Throws when one of them is not there. */
export const mcpEndpoint = (deps: {
  readonly routes: readonly Route[];
  readonly runner: Pick<Runner, 'run'>;
  readonly failed: FailureLog;
  readonly links: Pick<Links, 'upgrade'>;
}) => {
  const { runner, failed, links } = deps;
  const tools = toolTable(deps.routes);

  /** The endpoint's answer, as HTTP would have given it. */
  const call = async (spoken: Spoken, tool: EndpointTool, args: object): Promise<Reply> => {
    const { incoming, caller, dialect } = spoken;
    const { requestId } = incoming;
    try {
      const request = tool.requestOf(args as Parameters<EndpointTool['requestOf']>[0]);
      const req = innerRequest(incoming.req, tool, request);
      const inner = { ...spoken, incoming: { ...incoming, req }, bound: tool.bound };
      return await runner.run(request.body ? { ...inner, bytes: request.body } : inner);
    } catch (error) {
      failed(error, { requestId, route: `${MCP_PATH} ${tool.name}` });
      const upgradeUrl = links.upgrade(incoming.req);
      return errorReply(error, dialect, { requestId, upgradeUrl, scopes: caller.key.scopes });
    }
  };

  /** The answer to a request at `/mcp`. Throws refusals of the whole request. */
  return async (spoken: Spoken): Promise<Reply> => {
    const { req } = spoken.incoming;
    const message = await messageOf(spoken.incoming);
    const { scopes } = spoken.caller.key;
    const speaker = {
      tools: [...tools.values()].filter((tool) => tool.isFor(scopes)),
      call: async (name: string, args: object) => {
        const tool = tools.get(name);
        return tool && call(spoken, tool, args);
      },
    };
    return answerMessage(speaker, message, flatHeaders(req.headers));
  };
};
