// The request's body: its bytes, then what they say. Whatever is wrong with it is the client's fault, and says so.
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { JsonObject } from '../domain/decider.js';
import { DomainError, invalid } from '../domain/errors.js';
import type { Soon } from '../domain/soon.js';
import { invalidFaults } from './validation.js';

export const MAX_BODY_BYTES = 1_048_576;
/** So much more of a refused body is read and dropped, so that the client gets to see the answer. */
const MAX_DROPPED_BYTES = 32 * MAX_BODY_BYTES;
const MAX_DEPTH = 32;

export const noBytes: Buffer = Buffer.alloc(0);

const tooLarge = (most: number) => {
  const size = most < MAX_BODY_BYTES ? `${most / 1_024} KiB` : `${most / MAX_BODY_BYTES} MiB`;
  return new DomainError('payload_too_large', `The request body may not be larger than ${size}.`);
};
const unsupported = (what: string) => new DomainError('unsupported_media_type', what);

/** The client went away in the middle of its body: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

const charsets = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

/** Throws 415 unless the content type is one that is read as JSON: JSON itself, `+json`, plain text, or none. */
const requireJson = (contentType: string | undefined): void => {
  if (contentType === undefined || contentType === 'application/json') return;
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  if (!/^\s*(?:application\/json|text\/plain|[\w.+-]+\/[\w.+-]+\+json)?\s*$/.test(type))
    throw unsupported('The Content-Type must be application/json.');
  for (const parameter of parameters) {
    const [, charset] = /^\s*charset\s*=\s*"?([^\s"]*)"?\s*$/.exec(parameter) ?? [];
    if (charset !== undefined && !charsets.has(charset)) throw unsupported('The charset must be utf-8.');
  }
};

const decoders: Readonly<
  Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

const decompress = async (bytes: Buffer, encoding: string, most: number): Promise<Buffer> => {
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (!decoder) throw unsupported('The Content-Encoding must be gzip, deflate, br or identity.');
  try {
    return await decoder(bytes, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(most);
    throw new DomainError('bad_request', 'The request body could not be decompressed.');
  }
};

/** True when the request announces a body, or may have one. */
const hasBody = ({ 'content-length': length, 'transfer-encoding': transfer }: IncomingHttpHeaders): boolean =>
  transfer !== undefined || (length !== undefined && length !== '0');

/** Reads and drops what else comes; a client that sends on and on is cut off. */
const drop = (req: IncomingMessage, seen: number): void => {
  let left = MAX_DROPPED_BYTES - seen;
  req.removeAllListeners('data');
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) req.destroy();
  });
};

const collect = (req: IncomingMessage, most: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= most) return;
      drop(req, size);
      reject(tooLarge(most));
    });
    req.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? noBytes) : Buffer.concat(chunks)));
    req.on('error', () => reject(new ClientGone()));
    req.on('close', () => req.complete || reject(new ClientGone()));
  });

/**
 * The bytes of the body, decompressed, at most `most`; none when there is no body. `onRead` runs just before. Throws
 * 400, 413, 415.
 */
export const readBody = (req: IncomingMessage, onRead: () => void, most = MAX_BODY_BYTES): Soon<Buffer> => {
  const { headers } = req;
  if (!hasBody(headers)) return noBytes;
  if (req.destroyed) throw new ClientGone();
  requireJson(headers['content-type']);
  if (Number(headers['content-length']) > most) {
    drop(req, 0);
    throw tooLarge(most);
  }
  onRead();
  const collected = collect(req, most);
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  return encoding === 'identity' || encoding === ''
    ? collected
    : collected.then((bytes) => (bytes.length === 0 ? bytes : decompress(bytes, encoding, most)));
};

const unsafeKeys = new Set(['__proto__', 'constructor', 'prototype']);

const textFault = (text: string): string | undefined => {
  if (!text.isWellFormed()) return 'The :attribute is not valid Unicode: it has half a surrogate pair.';
  return text.includes('\u0000') ? 'The :attribute may not contain NUL.' : undefined;
};
const keyFault = (key: string): string | undefined =>
  unsafeKeys.has(key) ? 'The :attribute field is not allowed.' : textFault(key);

/** What is wrong, and where: the keys on the way to it. */
type Fault = { readonly sentence: string; readonly path: readonly (string | number)[] };

/** What no schema looks at: keys that mean something to JavaScript, texts that are none, endless nesting. */
const faultIn = (value: unknown, depth: number): Fault | undefined => {
  if (typeof value === 'string') return asFault(textFault(value));
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : asFault('The :attribute is too large a number.');
  if (value === null || typeof value !== 'object') return undefined;
  if (depth === MAX_DEPTH) return asFault('The :attribute is nested too deeply.');
  return Array.isArray(value)
    ? faultInItems(value, depth)
    : faultInFields(value as Record<string, unknown>, depth);
};

const asFault = (sentence: string | undefined): Fault | undefined =>
  sentence === undefined ? undefined : { sentence, path: [] };
const under = (key: string | number, { sentence, path }: Fault): Fault => ({
  sentence,
  path: [key, ...path],
});

const faultInItems = (items: readonly unknown[], depth: number): Fault | undefined => {
  for (let n = 0; n < items.length; n++) {
    const fault = faultIn(items[n], depth + 1);
    if (fault) return under(n, fault);
  }
  return undefined;
};

const faultInFields = (fields: Readonly<Record<string, unknown>>, depth: number): Fault | undefined => {
  for (const key of Object.keys(fields)) {
    const fault = asFault(keyFault(key)) ?? faultIn(fields[key], depth + 1);
    if (fault) return under(key, fault);
  }
  return undefined;
};

const MAX_LABEL = 100;

const refuse = ({ sentence, path }: Fault): never => {
  const label = path
    .join('.')
    .replace(/\p{Surrogate}/gu, '\uFFFD')
    .slice(0, MAX_LABEL);
  throw invalidFaults([[label, sentence.replace(':attribute', label)]]);
};

/** What the bytes say; {} when there are none. Throws 400 for what is no JSON, 422 for what is no object. */
export const parseBody = (bytes: Buffer): JsonObject => {
  if (bytes.length === 0) return {};
  if (!isUtf8(bytes)) throw new DomainError('invalid_json', 'The request body is not valid UTF-8.');
  let value: unknown;
  try {
    const text = bytes.toString('utf8');
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    throw new DomainError('invalid_json', 'The request body is not valid JSON.');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid({ body: 'The body must be a JSON object.' });
  const fault = faultIn(value, 0);
  if (fault) refuse(fault);
  return value as JsonObject;
};
