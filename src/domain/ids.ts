// Three forms of one identity: the stream's UUID, the public prefixed id derived from it, and the integer id.
import { hash, randomBytes } from 'node:crypto';
import { stringify as uuidString, validate } from 'uuid';

/** Public prefixes by kind. `wks_` + 26 characters of Crockford base32 (the TypeID encoding of a UUID). */
export const prefixes = {
  workspace: 'wks',
  namespace: 'ns',
  user: 'usr',
  apiKey: 'key',
  webhook: 'wh',
  delivery: 'del',
  event: 'evt',
  seoReport: 'seo',
  seoIssue: 'iss',
  usage: 'use',
  boost: 'bst',
  pixel: 'px',
} as const;
export type IdKind = keyof typeof prefixes;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const symbols = Buffer.from(alphabet);
const values = new Map([...alphabet].map((character, value) => [character, BigInt(value)]));
const HYPHEN = 45;
/** Characters of the id that is being made. */
const encoded = Buffer.alloc(26);

const requireUuid = (text: string): void => {
  if (!validate(text)) throw new TypeError(`${text} is no UUID.`);
};

/** UUID → `wks_…`. Source of the encoding: TypeID 0.3 (128 bits, 26 characters, most significant first). */
export const publicId = (kind: IdKind, uuid: string): string => {
  requireUuid(uuid);
  let bits = 2; // 26 * 5 = 130 bits: two leading zero bits
  let buffer = 0;
  let length = 0;
  for (let at = 0; at < uuid.length; at++) {
    const code = uuid.charCodeAt(at);
    if (code === HYPHEN) continue;
    buffer = (buffer << 4) | ((code & 15) + (code > 57 ? 9 : 0)); // a digit, or a letter from `a` or `A` on
    bits += 4;
    if (bits < 5) continue;
    bits -= 5;
    encoded[length++] = symbols[buffer >> bits] ?? 0;
    buffer &= (1 << bits) - 1;
  }
  return `${prefixes[kind]}_${encoded.toString('latin1')}`;
};

/** `wks_…` → UUID, or undefined when it is not such an id. */
export const uuidOf = (kind: IdKind, id: string): string | undefined => {
  const prefix = `${prefixes[kind]}_`;
  if (!id.startsWith(prefix) || id.length !== prefix.length + 26) return undefined;
  let number = 0n;
  for (const character of id.slice(prefix.length)) {
    const value = values.get(character);
    if (value === undefined) return undefined;
    number = (number << 5n) | value;
  }
  if (number >> 128n) return undefined;
  const bytes = Buffer.from(number.toString(16).padStart(32, '0'), 'hex');
  try {
    return uuidString(bytes);
  } catch {
    return undefined;
  }
};

/** A record as a path or header names it: by integer id, or by UUID (also given as prefixed id). */
export type Reference = { readonly number: number } | { readonly uuid: string };

/** Reads any accepted form of an id; undefined when it is none (the record then does not exist). */
export const parseReference = (kind: IdKind, text: string): Reference | undefined => {
  if (/^[1-9][0-9]{0,15}$/.test(text)) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? { number } : undefined;
  }
  const uuid = uuidOf(kind, text) ?? (validate(text) ? text.toLowerCase() : undefined);
  return uuid === undefined ? undefined : { uuid };
};

/** The digit that tells the variant of a UUID and has two more of its bits. */
const variantOf = (digit: string): string => '89ab'.charAt(Number.parseInt(digit, 16) & 3);

// Randomness is drawn and spelled for many ids at once, the time once for each millisecond.
const DRAWN = 512;
let random = '';
let drawn = DRAWN;
let time = { ms: 0, text: '' };

const timeText = (ms: number): string => {
  if (time.ms !== ms) {
    const digits = ms.toString(16).padStart(12, '0');
    time = { ms, text: `${digits.slice(0, 8)}-${digits.slice(8)}` };
  }
  return time.text;
};

/** Time-ordered random UUID (version 7). Source of its layout: RFC 9562, 5.7, without the optional counter. */
export const newId = (): string => {
  if (drawn === DRAWN) {
    random = randomBytes(10 * DRAWN).toString('hex');
    drawn = 0;
  }
  const at = 20 * drawn++;
  const digits = (from: number, to: number) => random.slice(at + from, at + to);
  return `${timeText(Date.now())}-7${digits(1, 4)}-${variantOf(digits(0, 1))}${digits(4, 7)}-${digits(7, 19)}`;
};

/** Derived UUID (version 5): the same parts give the same id, on every run. Source: RFC 9562, 5.5. */
export const derivedId = (namespace: string, ...parts: string[]): string => {
  requireUuid(namespace);
  const name = parts.join('\u0000');
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(name));
  bytes.write(namespace.replaceAll('-', ''), 'hex');
  bytes.write(name, 16);
  const digest = hash('sha1', bytes);
  const digits = (from: number, to: number) => digest.slice(from, to);
  return `${digits(0, 8)}-${digits(8, 12)}-5${digits(13, 16)}-${variantOf(digits(16, 17))}${digits(17, 20)}-${digits(20, 32)}`;
};
