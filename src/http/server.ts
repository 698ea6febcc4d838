// The HTTP server: Express with the route table, and around it what makes sure that every request gets an answer.
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import express, { type Request, type Response } from 'express';
import { type AnsweringDeps, createAnswering } from './answering.js';
import { MCP_PATH } from './mcp-server/endpoint.js';
import type { Operation } from './operations.js';
import { answerRawErrors } from './raw-errors.js';
import type { Route } from './route.js';
import { endpointsOf } from './table.js';
import { originForm, splitTarget } from './target.js';

/**
 * Milliseconds that a client has for its headers and for its whole request, that an idle connection is kept, and that
 * one is kept on which nothing moves while an answer is made or read: a client that does not read would stay for ever.
 */
export type Timeouts = {
  readonly headers: number;
  readonly request: number;
  readonly keepAlive: number;
  readonly stalled: number;
};
const usualTimeouts: Timeouts = { headers: 20_000, request: 60_000, keepAlive: 65_000, stalled: 180_000 };

export type ServerDeps = AnsweringDeps & {
  readonly routes: readonly Route[];
  readonly operations: readonly Operation[];
  /** Endpoints that the tools of the MCP server stand for; without them there is no such server. */
  readonly toolRoutes?: readonly Route[];
  readonly timeouts?: Partial<Timeouts> | undefined;
};

/**
 * A constructor of Node's whose objects have the prototype from the start that Express would give them later:
 * changing the prototype of a live object is what costs most in a request of Express.
 */
const withPrototype = <C extends typeof http.IncomingMessage | typeof http.ServerResponse>(
  base: C,
  prototype: object,
): C => {
  const made = function (this: object, first: unknown, second: unknown) {
    Reflect.apply(base, this, [first, second]);
  };
  made.prototype = prototype;
  return made as unknown as C;
};

/** The server, not yet listening. Throws when the route table contradicts itself. */
export const createServer = (deps: ServerDeps): Server => {
  const { headers, request, keepAlive, stalled } = { ...usualTimeouts, ...deps.timeouts };
  const { serve, operate, speak, unmatched } = createAnswering(deps);
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing');
  app.set('query parser', false).set('trust proxy', deps.trustProxy);
  // Express tries one route after the other: a path without parameters is looked up before.
  const fixed = new Map<string, (req: Request, res: Response) => void>();
  for (const endpoint of endpointsOf(deps.routes)) {
    const { path } = endpoint;
    const answer = serve(endpoint);
    app.route(path).all(answer);
    if (!/[:*]/.test(path)) fixed.set(path, answer);
  }
  for (const operation of deps.operations) app.route(operation.path).all(operate(operation));
  if (deps.toolRoutes) app.route(MCP_PATH).all(speak(deps.toolRoutes));
  app.use((req: Request, res: Response) => unmatched(req, res));
  // Express tells handlers of errors by their four parameters.
  app.use((error: unknown, req: Request, res: Response, _next: unknown) => unmatched(req, res, error));

  const handle = (incoming: IncomingMessage, res: ServerResponse) => {
    const req = incoming as Request;
    const { url: asked = '/' } = req;
    const url = asked.startsWith('/') && !asked.includes('#') ? asked : originForm(asked);
    req.url = url;
    const found = fixed.get(splitTarget(url)[0]);
    if (!found) return app(req, res as Response);
    req.originalUrl = url;
    req.params = {};
    found(req, res as Response);
  };

  const server = http.createServer(
    {
      IncomingMessage: withPrototype(http.IncomingMessage, app.request),
      ServerResponse: withPrototype(http.ServerResponse, app.response),
      requireHostHeader: false, // answered here, with a body
      headersTimeout: headers,
      requestTimeout: request,
      keepAliveTimeout: keepAlive,
      connectionsCheckingInterval: Math.min(5_000, headers),
    },
    handle,
  );
  server.timeout = stalled;
  // A client that asks first is told to go on only when its body is wanted; other expectations are ignored.
  server.on('checkContinue', handle);
  server.on('checkExpectation', handle);
  answerRawErrors(server, deps);
  return server;
};
