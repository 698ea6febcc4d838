// The HTTP of MCP clients, bounded: in size, in time, and so that a stream which breaks off says so.
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { MAX_ANSWER_BYTES } from './port.js';

/** Room for what surrounds an answer, and for what is told on the way to it. */
export const MAX_MESSAGE_BYTES = MAX_ANSWER_BYTES + 65_536;

/** Message of the error that stands for an answer which is too long. */
export const TOO_LARGE = 'The answer is too large.';
const BROKEN_OFF = 'The connection broke off.';
const CONNECTION_CLOSED = -32_000;

const idOf = (body: unknown): unknown => {
  if (typeof body !== 'string') return undefined;
  try {
    return (JSON.parse(body) as { id?: unknown }).id;
  } catch {
    return undefined;
  }
};

async function* upTo(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_MESSAGE_BYTES) throw new Error(TOO_LARGE);
    yield chunk;
  }
}

/**
 * A stream of events that ends, however it ends, with an error for the request that it answers. When that has its
 * answer already, the client takes no notice; else it would wait for ever.
 */
async function* ending(body: AsyncIterable<Uint8Array>, id: unknown): AsyncGenerator<Uint8Array> {
  let message = BROKEN_OFF;
  try {
    yield* upTo(body);
  } catch (error) {
    if (error instanceof Error && error.message === TOO_LARGE) message = TOO_LARGE;
  }
  const error = { jsonrpc: '2.0', id, error: { code: CONNECTION_CLOSED, message } };
  yield new TextEncoder().encode(`\n\nevent: message\ndata: ${JSON.stringify(error)}\n\n`);
}

/**
 * `fetch` for one server, each request of at most `ms`. The stream that a server may offer for messages of its own is
 * not opened: whatever it tells there is asked for.
 */
export const boundedFetch =
  (ms: number): FetchLike =>
  async (url, init = {}) => {
    if (init.method === 'GET') return new Response(null, { status: 405 });
    const late = AbortSignal.timeout(ms);
    const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
    const response = await fetch(url, { ...init, signal });
    const { body, status, statusText, headers } = response;
    if (!body) return response;
    const id = idOf(init.body);
    const isStream = headers.get('content-type')?.includes('text/event-stream') && id !== undefined;
    const bytes = body as AsyncIterable<Uint8Array>;
    const bounded = ReadableStream.from(isStream ? ending(bytes, id) : upTo(bytes));
    return new Response(bounded, { status, statusText, headers });
  };
