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

/** A UUID by its first 12 digits with their hyphen, its version, and 20 more, the first of which gives way to the version. */
const assembled = (first: string, version: 5 | 7, digits: string): string =>
  `${first}-${version}${digits.slice(1, 4)}-${variantOf(digits.charAt(4))}${digits.slice(5, 8)}-${digits.slice(8)}`;

// Randomness is drawn and spelled for many ids at once, the time once for each millisecond.
const DRAWN_BYTES = 5_120;
let drawn = '';
let taken = 0;
let time = { ms: 0, text: '' };

/** `count` random hexadecimal digits, given to nobody else. Not for secrets: what was given stays in memory for a while. */
export const randomDigits = (count: number): string => {
  if (taken + count > drawn.length) {
    drawn = randomBytes(DRAWN_BYTES).toString('hex');
    taken = 0;
  }
  taken += count;
  return drawn.slice(taken - count, taken);
};

const timeText = (ms: number): string => {
  if (time.ms !== ms) {
    const digits = ms.toString(16).padStart(12, '0');
    time = { ms, text: `${digits.slice(0, 8)}-${digits.slice(8)}` };
  }
  return time.text;
};

/** Time-ordered random UUID (version 7). Source of its layout: RFC 9562, 5.7, without the optional counter. */
export const newId = (): string => assembled(timeText(Date.now()), 7, randomDigits(20));

/** Derived UUID (version 5): the same parts give the same id, on every run. Source: RFC 9562, 5.5. */
export const derivedId = (namespace: string, ...parts: string[]): string => {
  requireUuid(namespace);
  const name = parts.join('\u0000');
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(name));
  bytes.write(namespace.replaceAll('-', ''), 'hex');
  bytes.write(name, 16);
  const digest = hash('sha1', bytes);
  return assembled(`${digest.slice(0, 8)}-${digest.slice(8, 12)}`, 5, digest.slice(12, 32));
};
