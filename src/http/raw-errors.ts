// Answers on the bare socket, for what never becomes a request: the same error body as everywhere.
import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dialect } from '../dialects/dialect.js';
import { DomainError } from '../domain/errors.js';
import type { Limiter, RateState } from './rate-limit.js';
import { errorReply, newRequestId } from './reply.js';

const refusalOf = (code: string | undefined): DomainError => {
  if (code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new DomainError('headers_too_large', 'The request headers are too large.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new DomainError('request_timeout', 'The request took too long to arrive.');
  return new DomainError('bad_request', 'The request is not valid HTTP.');
};

/** The response that is being written to a socket, if any: Node keeps it there itself. */
const underway = (socket: Duplex): ServerResponse | undefined =>
  (socket as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;

/**
 * Answers parse errors, timeouts and CONNECT; earlier requests on the socket are answered first. They count as requests
 * without a key, of the address that the socket has: nothing else is known of them.
 */
export const answerRawErrors = (
  server: Server,
  { dialect, limiter, now }: { dialect: Dialect; limiter: Pick<Limiter, 'byAddress'>; now: () => Date },
): void => {
  const seen = new WeakSet<Duplex>();

  const answer = (socket: Duplex, refusal: DomainError, rate: RateState): void => {
    const earlier = underway(socket);
    // A request whose body is what is broken would wait for the rest of it for ever.
    if (earlier?.req.complete) {
      earlier.once('close', () => answer(socket, refusal, rate));
      return;
    }
    if (!socket.writable || earlier?.headersSent) {
      socket.destroy();
      return;
    }
    const requestId = newRequestId();
    const { status, body } = errorReply(refusal, dialect, { requestId, upgradeUrl: '' });
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-ID: ${requestId}`,
      `X-RateLimit-Limit: ${rate.limit}`,
      `X-RateLimit-Remaining: ${rate.remaining}`,
      `X-RateLimit-Reset: ${rate.resetAt}`,
      `X-API-Dialect: ${dialect}`,
      `Date: ${new Date().toUTCString()}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  };

  const refuse = async (socket: Duplex, refusal: DomainError): Promise<void> => {
    const ip = (socket as Socket).remoteAddress ?? '';
    answer(socket, refusal, await limiter.byAddress(ip, now().getTime()));
  };

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || seen.has(socket)) {
      if (error.code === 'ECONNRESET') socket.destroy();
      return;
    }
    seen.add(socket);
    void refuse(socket, refusalOf(error.code));
  });
  server.on('connect', (_req, socket) => {
    socket.on('error', () => socket.destroy());
    void refuse(socket, new DomainError('method_not_allowed', 'This method is not allowed here.'));
  });
};
