// One line of the log file: {"crc":"8 hex","hash":"64 hex","synced":bytes,…}. The CRC-32 (that of zlib) covers everything
// from "hash" on; the hash is the SHA-256 of the same text with the previous line's hash standing in its place. `synced`
// is how much of the file was on disk when the line was written: damage below it is real, damage from there on can be
// an unfinished write, whose pages reach the disk in any order.
import { hash as digest } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Newest format this code reads and the one it writes. */
export const FORMAT = 1;
/** Stands for the hash before the first line. */
export const NO_HASH = '0'.repeat(64);

const crcAt = 8;
const restAt = 18;
const hashAt = 26;
const syncedAt = 101;
const shortest = syncedAt + 2;

/** Text of an unsealed line: the previous hash stands where its own will be. `body` is JSON without its braces. */
export const unsealed = (previousHash: string, synced: number, body: string): string =>
  `{"crc":"00000000","hash":"${previousHash}","synced":${synced},${body}}\n`;

const hexDigits = Buffer.from('0123456789abcdef');

/** Seals the unsealed line at [start, end) (without its line feed) in place; returns its hash. */
export const seal = (buffer: Buffer, start: number, end: number): string => {
  const rest = buffer.subarray(start + restAt, end);
  const hash = digest('sha256', rest);
  buffer.write(hash, start + hashAt, 'latin1');
  const crc = crc32(rest);
  for (let digit = 0; digit < 8; digit += 1)
    buffer[start + crcAt + digit] = hexDigits[(crc >>> (28 - 4 * digit)) & 15] ?? 0;
  return hash;
};

/** The hash that a line should have after `previousHash`. Writes into the buffer and puts it back. */
export const hashAfter = (previousHash: string, buffer: Buffer, start: number, end: number): string => {
  const own = hashOf(buffer, start);
  buffer.write(previousHash, start + hashAt, 'latin1');
  const hash = digest('sha256', buffer.subarray(start + restAt, end));
  buffer.write(own, start + hashAt, 'latin1');
  return hash;
};

/** The hash that stands in an intact line. */
export const hashOf = (buffer: Buffer, start: number): string =>
  buffer.toString('latin1', start + hashAt, start + hashAt + 64);

const literal = (text: string, at: number) =>
  [...Buffer.from(text)].map((byte, i) => [at + i, byte] as const);
const frame = [...literal('{"crc":"', 0), ...literal('","hash":"', 16), ...literal('","synced":', 90)];

const hexValue = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value += 1) hexValue[hexDigits[value] ?? 0] = value;

/** Whether [start, end) (without its line feed) is a line as it was written: its frame is there and its CRC holds. */
export const isIntact = (buffer: Buffer, start: number, end: number): boolean => {
  if (end - start < shortest) return false;
  for (const [at, byte] of frame) if (buffer[start + at] !== byte) return false;
  let written = 0;
  for (let at = start + crcAt; at < start + crcAt + 8; at += 1) {
    const value = hexValue[buffer[at] ?? 0] ?? -1;
    if (value < 0) return false;
    written = (written << 4) | value;
  }
  return written >>> 0 === crc32(buffer.subarray(start + restAt, end));
};

const matches = (buffer: Buffer, at: number, bytes: Buffer): boolean => {
  for (let i = 0; i < bytes.length; i += 1) if (buffer[at + i] !== bytes[i]) return false;
  return true;
};
const single = Buffer.from(',"n":1,"events":[{"stream":"');
const beforeType = Buffer.from('","type":"');
const afterType = Buffer.from('","revision":');
const beforePosition = Buffer.from(',"position":');

/** Start of a line's text, enough to index its event. */
export type Front = { stream: string; type: string; revision: number; position: number };

/** End of a plain name (ASCII, nothing escaped) that starts at `at`, or -1. */
const nameEnd = (buffer: Buffer, at: number): number => {
  for (let i = at; i < buffer.length; i += 1) {
    const byte = buffer[i] ?? 0;
    if (byte === 0x22) return i;
    if (byte === 0x5c || byte >= 0x80) return -1;
  }
  return -1;
};

const numberAt = (buffer: Buffer, at: number): { value: number; end: number } => {
  let value = 0;
  let end = at;
  for (let digit = (buffer[end] ?? 0) - 48; digit >= 0 && digit <= 9; digit = (buffer[end] ?? 0) - 48) {
    value = value * 10 + digit;
    end += 1;
  }
  return { value, end };
};

/** How many bytes of the file were on disk when an intact line was written. */
export const syncedOf = (buffer: Buffer, start: number): number => numberAt(buffer, start + syncedAt).value;

/** Where the stream's name stands in a line of one event; -1 for any other line. */
const nameAt = (buffer: Buffer, start: number): number => {
  const { end } = numberAt(buffer, start + syncedAt);
  return matches(buffer, end, single) ? end + single.length : -1;
};

/** Where the event of a line of one event begins (it ends `eventTail` before the line does); -1 for any other line. */
export const eventAt = (buffer: Buffer, start: number): number => {
  const at = nameAt(buffer, start);
  return at === -1 ? -1 : at - '{"stream":"'.length;
};
export const eventTail = 2;

/** Reads the front of a line of one event with plain names without parsing it; undefined for any other line. */
const frontOf = (buffer: Buffer, start: number): Front | undefined => {
  const streamAt = nameAt(buffer, start);
  if (streamAt === -1) return undefined;
  const streamEnd = nameEnd(buffer, streamAt);
  const typeAt = streamEnd + beforeType.length;
  if (streamEnd === -1 || !matches(buffer, streamEnd, beforeType)) return undefined;
  const typeEnd = nameEnd(buffer, typeAt);
  if (typeEnd === -1 || !matches(buffer, typeEnd, afterType)) return undefined;
  const revision = numberAt(buffer, typeEnd + afterType.length);
  if (!matches(buffer, revision.end, beforePosition)) return undefined;
  return {
    stream: buffer.toString('latin1', streamAt, streamEnd),
    type: buffer.toString('latin1', typeAt, typeEnd),
    revision: revision.value,
    position: numberAt(buffer, revision.end + beforePosition.length).value,
  };
};

/** The events of an intact line. Throws when it is no line of events. */
export const frontsIn = (buffer: Buffer, start: number, end: number): readonly Front[] => {
  const front = frontOf(buffer, start);
  if (front !== undefined) return [front];
  const { events } = JSON.parse(buffer.toString('utf8', start, end)) as { events?: Front[] };
  if (!Array.isArray(events) || events.length === 0) throw new Error('a line without events');
  return events;
};
