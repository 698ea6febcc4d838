// Three forms of one identity: the stream's UUID, the public prefixed id derived from it, and the integer id.
import { randomFillSync } from 'node:crypto';
import { parse as uuidBytes, stringify as uuidString, v5, v7, validate } from 'uuid';

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
const values = new Map([...alphabet].map((character, value) => [character, BigInt(value)]));

/** UUID → `wks_…`. Source of the encoding: TypeID 0.3 (128 bits, 26 characters, most significant first). */
export const publicId = (kind: IdKind, uuid: string): string => {
  const bytes = uuidBytes(uuid);
  let text = '';
  let bits = 2; // 26 * 5 = 130 bits: two leading zero bits
  let buffer = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return `${prefixes[kind]}_${text}`;
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

// Randomness is drawn for many ids at once: a draw costs more than all the rest of an id.
const pool = Buffer.alloc(16 * 256);
let drawn = pool.length;

/** Time-ordered random UUID (version 7). */
export const newId = (): string => {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  drawn += 16;
  return v7({ random: pool.subarray(drawn - 16, drawn) });
};

/** Derived UUID: the same parts give the same id, on every run. */
export const derivedId = (namespace: string, ...parts: string[]): string =>
  v5(parts.join('\u0000'), namespace);
