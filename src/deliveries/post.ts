// One request to an endpoint: to the checked address only, bounded in time and size, redirects not followed.
import type { LookupFunction } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Pool } from 'undici';
import type { Soon } from '../domain/soon.js';
import {
  DNS_TIMEOUT_MS,
  resolveTarget,
  type Target,
  type TargetOptions,
  TargetRefused,
} from './target-address.js';

export type Outgoing = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Bound of the whole attempt, ms: name resolution, connection, headers and body. */
  readonly timeoutMs: number;
};

/** What came of it: an answer (of any status), or a clean sentence on why there was none. */
export type Outcome =
  | {
      readonly status: number;
      /** The first 10,000 characters. */
      readonly body: string;
      /** Seconds that the receiver asks to wait. */
      readonly retryAfter?: number;
      readonly durationMs: number;
    }
  | { readonly error: string; readonly durationMs: number };

export type Poster = {
  /** Checks the target, then posts. Never throws. */
  send(request: Outgoing): Promise<Outcome>;
  /** Posts to addresses that were checked already. Never throws. */
  post(request: Outgoing & { readonly target: Target }): Promise<Outcome>;
  /** Ends the connections, after the requests in hand. */
  close(): Promise<void>;
};

export const MAX_RESPONSE_CHARACTERS = 10_000;
/** No character of UTF-8 is longer than four bytes. */
const MAX_RESPONSE_BYTES = 4 * MAX_RESPONSE_CHARACTERS;
const MAX_POOLS = 512;
const IDLE_MS = 4_000;
/** For so long one address of several may take to connect before the next is tried. */
const NEXT_ADDRESS_MS = 2_000;

const sentences: Record<string, string> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection closed by the receiver',
  EPIPE: 'Connection closed by the receiver',
  UND_ERR_SOCKET: 'Connection closed by the receiver',
  EHOSTUNREACH: 'Host unreachable',
  ENETUNREACH: 'Host unreachable',
  EADDRNOTAVAIL: 'Host unreachable',
  ETIMEDOUT: 'Connection timeout',
  UND_ERR_CONNECT_TIMEOUT: 'Connection timeout',
  UND_ERR_ABORTED: 'Connection timeout',
  UND_ERR_HEADERS_OVERFLOW: 'Invalid HTTP response',
};
const tlsCode =
  /^(?:ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA)/;

/** The public sentence of a failure: never an address, a path or a message of a library. */
const sentenceOf = (error: unknown): string => {
  if (error instanceof TargetRefused) return error.message;
  if (error instanceof AggregateError) return sentenceOf(error.errors[0]);
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === 'AbortError') return 'Connection timeout';
  if (name === 'HTTPParserError') return 'Invalid HTTP response';
  if (typeof code !== 'string') return 'Connection failed';
  if (tlsCode.test(code)) return 'TLS error';
  return sentences[code] ?? 'Connection failed';
};

/** `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3). */
const retryAfterOf = (header: string | string[] | undefined, now: number): number | undefined => {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!text) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  const at = / \d\d:\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
};

/** The start of a body as text. What is beyond is not read; what is cut off by the deadline or a reset is left out. */
const readStart = async (body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_RESPONSE_BYTES) break;
    }
  } catch {
    // The receiver has answered by its status; a body that breaks off takes nothing back.
  }
  body.destroy();
  // A character that the limit cuts in half comes after those that are kept.
  const text = Buffer.concat(chunks).toString('utf8', 0, MAX_RESPONSE_BYTES);
  return text.length <= MAX_RESPONSE_CHARACTERS ? text : [...text].slice(0, MAX_RESPONSE_CHARACTERS).join('');
};

/** Answers every look-up of a connection with the checked addresses, so that a name cannot lead elsewhere meanwhile. */
const pinned =
  (target: Target): LookupFunction =>
  (_hostname, options, callback) => {
    if (options.all) callback(null, [...target]);
    else callback(null, target[0].address, target[0].family);
  };

/** Sends webhooks. Connections are kept per origin and checked addresses, and closed soon after their last use. */
export const poster = (options: TargetOptions & { readonly connectTimeoutMs?: number }): Poster => {
  const closing = new Set<Promise<unknown>>();
  const pools = new LRUCache<string, Pool>({
    max: MAX_POOLS,
    dispose: (pool) => {
      const closed = pool.close().finally(() => closing.delete(closed));
      closing.add(closed);
    },
  });

  const poolFor = (origin: string, target: Target): Pool => {
    const key = `${origin} ${target
      .map(({ address }) => address)
      .sort()
      .join(' ')}`;
    let pool = pools.get(key);
    if (!pool) {
      pool = new Pool(origin, {
        keepAliveTimeout: IDLE_MS,
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: options.connectTimeoutMs ?? 30_000,
          lookup: pinned(target),
          autoSelectFamily: target.length > 1,
          autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
        },
      });
      pools.set(key, pool);
    }
    return pool;
  };

  const exchange = async (request: Outgoing, target: Target, signal: AbortSignal) => {
    const { origin, pathname, search } = new URL(request.url);
    const { statusCode, headers, body } = await poolFor(origin, target).request({
      method: 'POST',
      path: `${pathname}${search}`,
      headers: request.headers,
      body: request.body,
      signal,
    });
    const retryAfter = retryAfterOf(headers['retry-after'], Date.now());
    return {
      status: statusCode,
      body: await readStart(body),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  };

  const attempt = async (request: Outgoing, targetOf: (left: number) => Soon<Target>): Promise<Outcome> => {
    const start = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), request.timeoutMs);
    const durationMs = () => Math.round(performance.now() - start);
    try {
      const target = await targetOf(request.timeoutMs);
      deadline.signal.throwIfAborted();
      return { ...(await exchange(request, target, deadline.signal)), durationMs: durationMs() };
    } catch (error) {
      return { error: sentenceOf(error), durationMs: durationMs() };
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    send: (request) =>
      attempt(request, (left) =>
        resolveTarget(request.url, {
          ...options,
          timeoutMs: Math.min(left, options.timeoutMs ?? DNS_TIMEOUT_MS),
        }),
      ),
    post: ({ target, ...request }) => attempt(request, () => target),
    async close() {
      pools.clear();
      await Promise.allSettled(closing);
    },
  };
};
