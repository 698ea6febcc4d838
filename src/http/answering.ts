// From an Express request to its answer: the gate first, then the route; every error becomes an answer too.
import type { Request, Response } from 'express';
import type { Dialect } from '../dialects/dialect.js';
import { instantOf } from '../domain/decider.js';
import { DomainError, notFound } from '../domain/errors.js';
import { ClientGone } from './body.js';
import { clientAddress } from './client-address.js';
import { askedDialect } from './context.js';
import { corsHeaders, preflightHeaders } from './cors.js';
import { type Admission, createGate, type GateDeps } from './gate.js';
import { MCP_METHODS, MCP_PATH, mcpEndpoint } from './mcp-server/endpoint.js';
import type { Operation } from './operations.js';
import {
  type CountRequest,
  createReplier,
  errorReply,
  failureLog,
  type Incoming,
  type Log,
  newRequestId,
  noHeaders,
  type Reply,
  type RequestMetrics,
} from './reply.js';
import type { Method, Route } from './route.js';
import { createRunner, type RunDeps } from './run.js';
import { BASE_PATH, type Bound, type Endpoint } from './table.js';
import { splitTarget } from './target.js';

export type AnsweringDeps = GateDeps &
  RunDeps & {
    readonly metrics: RequestMetrics;
    readonly logger: Log;
    /** Dialect where neither request nor key names one. */
    readonly dialect: Dialect;
    /** As Express understands it; false = the connection's own address counts. */
    readonly trustProxy: boolean | number | string[];
    now(): Date;
    /** Called for every answer to a request that carried a valid key. */
    readonly countRequest: CountRequest;
  };

/** What is left to do for a request that the gate has seen. Throws refusals. */
type Work = (admission: Admission, ip: string) => Promise<Reply>;
type Place = {
  readonly pattern: string;
  /** What the gate goes by; without it only a key or an address counts. */
  readonly route?: Route | undefined;
  readonly headers?: readonly string[];
};

const methodNotAllowed = () => new DomainError('method_not_allowed', 'This method is not allowed here.');
const noHost = () => new DomainError('bad_request', 'The Host header is required.');
const badPath = () => new DomainError('bad_request', 'The path is not validly percent-encoded.');

/** Under the API, where rate limits count and dialects differ. */
const isApi = (target: string): boolean => {
  const [path] = splitTarget(target);
  return path === BASE_PATH || path.startsWith(`${BASE_PATH}/`);
};

/** Which paths and methods there are is no secret, so it is told without a key; but not without end. */
const throwIfTooMany = ({ refusal }: Admission): void => {
  if (refusal?.code === 'rate_limit_exceeded') throw refusal;
};

export const createAnswering = (deps: AnsweringDeps) => {
  const { logger, dialect: usual, links, trustProxy } = deps;
  const admit = createGate(deps);
  const runner = createRunner(deps);
  const reply = createReplier(deps);

  const begin = (req: Request, res: Response): Incoming => {
    const now = deps.now();
    return { req, res, requestId: newRequestId(), now, at: instantOf(now), startedAt: performance.now() };
  };

  /** What an error's answer says besides the error. */
  const aboutError = ({ req, requestId }: Incoming) => ({ requestId, upgradeUrl: links.upgrade(req) });

  const noteFailure = failureLog(logger);
  const report = (error: unknown, { requestId }: Incoming, route: string): void =>
    noteFailure(error, { requestId, route });

  /** The last resort: the gate itself failed, or an answer could not be written. */
  const failed = (incoming: Incoming, pattern: string) => (error: unknown) => {
    report(error, incoming, pattern);
    const { req, res } = incoming;
    const asked = askedDialect(req.headers);
    const dialect = asked === undefined || asked === 'unknown' ? usual : asked;
    if (res.headersSent) res.destroy();
    else reply.plain(incoming, errorReply(error, dialect, aboutError(incoming)), pattern);
  };

  const answerApi = async (
    incoming: Incoming,
    { pattern, route, headers = noHeaders }: Place,
    work: Work,
  ) => {
    const { req, now, at } = incoming;
    const ip = clientAddress(req, trustProxy);
    const params = req.params as Readonly<Record<string, string>>;
    const admitting = admit({ headers: req.headers, ip, now, at, route, params });
    const admission = admitting instanceof Promise ? await admitting : admitting;
    const { dialect, rate, caller } = admission;
    let answer: Reply;
    try {
      if (req.headers.host === undefined && req.httpVersion === '1.1') throw noHost();
      answer = await work(admission, ip);
    } catch (error) {
      if (error instanceof ClientGone) return reply.gone(incoming, pattern);
      report(error, incoming, pattern);
      const about = { ...aboutError(incoming), scopes: caller?.key.scopes };
      answer = errorReply(error, dialect, about, headers);
    }
    if (route?.cors) answer = { ...answer, headers: [...answer.headers, ...corsHeaders(req)] };
    reply.api(incoming, answer, { dialect, rate, key: caller?.key }, pattern);
  };

  return {
    /** Handler of one path of the API, all methods. */
    serve: (endpoint: Endpoint) => (req: Request, res: Response) => {
      const incoming = begin(req, res);
      const bound = endpoint.methods.get((req.method === 'HEAD' ? 'GET' : req.method) as Method);
      const allow = ['Allow', endpoint.allow];
      const call =
        (bound: Bound): Work =>
        ({ refusal, caller, dialect, ended }, ip) => {
          if (ended && caller) return runner.repeat({ incoming, bound, caller, dialect, ip });
          if (refusal) throw refusal;
          // A route without authentication never looks at its caller.
          return runner.run({ incoming, bound, caller: caller as NonNullable<typeof caller>, dialect, ip });
        };
      const refuse: Work = async (admission) => {
        throwIfTooMany(admission);
        if (req.method !== 'OPTIONS') throw methodNotAllowed();
        return { status: 204, body: '', headers: endpoint.open ? [...allow, ...preflightHeaders] : allow };
      };
      const place = bound
        ? { pattern: bound.pattern, route: bound.route }
        : { pattern: endpoint.pattern, route: endpoint.open, headers: allow };
      answerApi(incoming, place, bound ? call(bound) : refuse).catch(failed(incoming, place.pattern));
    },

    /** Handler of one path outside the API: GET only. */
    operate: (operation: Operation) => (req: Request, res: Response) => {
      const incoming = begin(req, res);
      const { path, type } = operation;
      const allow = ['Allow', 'GET, HEAD, OPTIONS'];
      const work = async () => {
        if (req.method === 'GET' || req.method === 'HEAD')
          return reply.plain(incoming, await operation.answer(links.base(req)), path, type);
        if (req.method === 'OPTIONS')
          return reply.plain(incoming, { status: 204, body: '', headers: allow }, path);
        return reply.plain(
          incoming,
          errorReply(methodNotAllowed(), usual, aboutError(incoming), allow),
          path,
        );
      };
      work().catch(failed(incoming, path));
    },

    /** Handler of the MCP server: the gate of the API, and one answer whatever the message asks for. */
    speak: (toolRoutes: readonly Route[]) => {
      const answer = mcpEndpoint({ routes: toolRoutes, runner, failed: noteFailure, links });
      const allow = ['Allow', MCP_METHODS];
      return (req: Request, res: Response) => {
        const incoming = begin(req, res);
        const work: Work = async ({ refusal, caller, dialect }, ip) => {
          if (refusal) throw refusal;
          if (req.method === 'OPTIONS') return { status: 204, body: '', headers: allow };
          if (req.method !== 'POST') throw methodNotAllowed();
          // Without a refusal there is a caller, since no route lets this one off.
          return answer({ incoming, caller: caller as NonNullable<typeof caller>, dialect, ip });
        };
        answerApi(incoming, { pattern: MCP_PATH, headers: allow }, work).catch(failed(incoming, MCP_PATH));
      };
    },

    /** No path fits, or (`error`) it cannot be decoded. */
    unmatched(req: Request, res: Response, error?: unknown) {
      const incoming = begin(req, res);
      const refusal = error ? badPath() : notFound();
      if (!isApi(req.originalUrl))
        return reply.plain(incoming, errorReply(refusal, usual, aboutError(incoming)), 'unknown');
      const work: Work = async (admission) => {
        throwIfTooMany(admission);
        throw refusal;
      };
      answerApi(incoming, { pattern: 'unknown' }, work).catch(failed(incoming, 'unknown'));
    },
  };
};
