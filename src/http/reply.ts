// Writes answers: one head, one end, headers as a flat list (which costs Node the least), then the log and the metrics.
import type { Request, Response } from 'express';
import type { UsedKey } from '../commands/usage.js';
import type { Dialect } from '../dialects/dialect.js';
import { errorBody } from '../dialects/envelopes.js';
import { randomDigits } from '../domain/ids.js';
import { type ErrorContext, refusalOf, retryAfter, wireError } from './errors.js';
import type { RateState } from './rate-limit.js';

/** An answer without what every answer has. `headers`: name, value, name, value … */
export type Reply = {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers: readonly string[];
  /** Media type of a body that is no JSON. */
  readonly type?: string;
};

/** A request under way. */
export type Incoming = {
  readonly req: Request;
  readonly res: Response;
  readonly requestId: string;
  readonly now: Date;
  /** The same instant (ISO, ms). */
  readonly at: string;
  /** Milliseconds, of the monotonic clock. */
  readonly startedAt: number;
};

/** What an answer under /api/v1 says about itself besides its body. */
export type Told = {
  readonly dialect: Dialect;
  readonly rate: RateState;
  readonly key?: UsedKey | undefined;
};

/** `req_` and 24 hexadecimal digits. */
export const newRequestId = (): string => `req_${randomDigits(24)}`;

const JSON_TYPE = 'application/json; charset=utf-8';
export const noHeaders: readonly string[] = [];

/** The answer to a refusal or a failure. */
export const errorReply = (
  error: unknown,
  dialect: Dialect,
  context: ErrorContext,
  headers = noHeaders,
): Reply & { readonly body: string } => {
  const wire = wireError(error, context);
  const wait = retryAfter(wire);
  const more = [...headers];
  if (wait !== undefined) more.push('Retry-After', String(wait));
  if (wire.status === 401) more.push('WWW-Authenticate', 'Bearer');
  return { status: wire.status, body: JSON.stringify(errorBody(dialect, wire)), headers: more };
};

/** The log of the process. Nothing secret is ever passed to it. */
export type Log = Readonly<Record<'info' | 'warn' | 'error', (details: object, message: string) => void>>;

/** Writes failures of ours to the log, and stores that are away; what the client did wrong is told to the client alone. */
export const failureLog =
  (logger: Pick<Log, 'warn' | 'error'>) =>
  (error: unknown, about: { readonly requestId: string; readonly route: string }): void => {
    const refusal = refusalOf(error);
    const details = { ...about, error: error instanceof Error ? error.stack : String(error) };
    if (refusal === undefined) logger.error(details, 'request failed');
    else if (refusal.code === 'unavailable') logger.warn(details, 'store unavailable');
  };
export type FailureLog = ReturnType<typeof failureLog>;

/** `at`: Unix ms of the request; `ms`: how long its answer took. */
export type CountRequest = (
  key: UsedKey,
  method: string,
  route: string,
  status: number,
  at: number,
  ms: number,
) => void;

export type RequestMetrics = {
  request(method: string, route: string, status: number, seconds: number): void;
};

const millisecondsSince = (start: number): number => Math.round((performance.now() - start) * 100) / 100;

/** `route` is the pattern, never the path or the query as sent: those may hold what nobody should read in a log. */
export const createReplier = (deps: {
  logger: Log;
  metrics: RequestMetrics;
  /** Called for every answer to a request that carried a valid key. */
  countRequest: CountRequest;
}) => {
  const { logger, metrics, countRequest } = deps;

  const note = (
    { req, requestId, startedAt, now }: Incoming,
    status: number,
    route: string,
    key: UsedKey | undefined,
  ) => {
    const ms = millisecondsSince(startedAt);
    metrics.request(req.method, route, status, ms / 1_000);
    if (key) countRequest(key, req.method, route, status, now.getTime(), ms);
    logger.info({ requestId, method: req.method, route, status, ms, key: key?.id }, 'request');
  };

  // Answers of one turn of the event loop are written together at its end: so clients are woken once, not once each.
  let waiting: (() => void)[] = [];
  const writeAll = () => {
    const due = waiting;
    waiting = [];
    for (const send of due) send();
  };

  const write = (
    { req, res, requestId }: Incoming,
    status: number,
    body: string | Buffer,
    headers: string[],
  ) => {
    const send = () => {
      try {
        res.writeHead(status, headers);
        if (body.length === 0 || req.method === 'HEAD') res.end();
        else res.end(body);
      } catch (error) {
        logger.error({ requestId, error: String(error) }, 'answer could not be written');
        res.destroy();
      }
    };
    if (waiting.push(send) === 1) setImmediate(writeAll);
  };

  return {
    /** Answers a request under /api/v1. */
    api(incoming: Incoming, reply: Reply, { dialect, rate, key }: Told, route: string): void {
      const { status, body, type = JSON_TYPE } = reply;
      const headers = [
        'X-Request-ID',
        incoming.requestId,
        'X-RateLimit-Limit',
        String(rate.limit),
        'X-RateLimit-Remaining',
        String(rate.remaining),
        'X-RateLimit-Reset',
        String(rate.resetAt),
        'X-API-Dialect',
        dialect,
        'Vary',
        'Authorization, X-API-Dialect, X-Workspace-ID, X-Namespace-ID, X-Namespace',
        'X-Content-Type-Options',
        'nosniff',
        ...reply.headers,
      ];
      // What few routes say about caching counts in place of this.
      if (!reply.headers.includes('Cache-Control')) headers.push('Cache-Control', 'no-cache, private');
      if (body.length > 0)
        headers.push('Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)));
      write(incoming, status, body, headers);
      note(incoming, status, route, key);
    },

    /** Answers any other request. */
    plain(incoming: Incoming, reply: Reply, route: string, type = JSON_TYPE): void {
      const { status, body } = reply;
      const headers = [
        'X-Request-ID',
        incoming.requestId,
        'X-Content-Type-Options',
        'nosniff',
        ...reply.headers,
      ];
      if (body.length > 0)
        headers.push('Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)));
      write(incoming, status, body, headers);
      note(incoming, status, route, undefined);
    },

    /** The client went away before there was an answer. */
    gone(incoming: Incoming, route: string): void {
      incoming.req.destroy();
      note(incoming, 499, route, undefined);
    },
  };
};
export type Replier = ReturnType<typeof createReplier>;
