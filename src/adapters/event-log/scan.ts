// Reads a log file from its start: finds the header, checks every line's CRC, builds the index, tells a torn tail
// from damage.
import type { FileHandle } from 'node:fs/promises';
import { FORMAT, type Front, frontsIn, hashOf, isIntact, syncedOf } from './line.js';
import { createIndex, type StreamIndex } from './stream-index.js';

const chunkBytes = 4 << 20; // far longer than the longest line

/** The file is not what was written. Nothing was changed. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged';
  readonly offset: number;
  constructor(file: string, offset: number, line: number, reason: string) {
    super(
      `${file} is damaged at byte ${offset} (line ${line}): ${reason}. Nothing was changed. ` +
        '`npm run cli -- verify` tells more; restore the file from a backup.',
    );
    this.offset = offset;
  }
}

export type Header = { readonly format: number; readonly log: string; readonly createdAt: string };
/** The unfinished last write of a process or machine that died: bytes from `offset`, its first broken line, to the end. */
export type Tail = { readonly offset: number; readonly bytes: number };

/** A line at [start, end) of the chunk (without line feed); `offset` is its place in the file. */
export type OnLine = (chunk: Buffer, start: number, end: number, offset: number) => void;

/**
 * Calls `onLine` for every line that ends with a line feed; one longer than the chunk comes as an empty one.
 * Returns the length of the file and where its last line feed stands.
 */
export const eachLine = async (file: FileHandle, onLine: OnLine): Promise<{ size: number; end: number }> => {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let kept = 0; // bytes at the front of the chunk, begun before it
  let offset = 0; // of the chunk's first byte
  let overlong: number | undefined;
  for (;;) {
    const { bytesRead } = await file.read(chunk, kept, chunk.length - kept, offset + kept);
    if (bytesRead === 0) return { size: offset + kept, end: overlong ?? offset };
    const filled = kept + bytesRead;
    const text = chunk.subarray(0, filled);
    let start = 0;
    for (let feed = text.indexOf(10, kept); feed !== -1; feed = text.indexOf(10, start)) {
      if (overlong === undefined) onLine(chunk, start, feed, offset + start);
      else onLine(chunk, feed, feed, overlong);
      overlong = undefined;
      start = feed + 1;
    }
    if (start === 0 && filled === chunk.length) {
      overlong ??= offset;
      start = filled;
    }
    chunk.copy(chunk, 0, start, filled);
    kept = filled - start;
    offset += start;
  }
};

/** Reads the header. Throws on a newer format and on a damaged header. */
export const headerOf = (file: string, chunk: Buffer, start: number, end: number): Header => {
  let header: Partial<Header> = {};
  try {
    header = JSON.parse(chunk.toString('utf8', start, end)) as Partial<Header>;
  } catch {
    // not even JSON: damaged, as said below
  }
  const { format, log, createdAt } = header ?? {};
  if (typeof format === 'number' && format > FORMAT)
    throw new Error(
      `${file} has format ${format}; this core-api knows formats up to ${FORMAT}. Use a newer core-api.`,
    );
  if (!isIntact(chunk, start, end) || format === undefined || log === undefined || createdAt === undefined)
    throw new LogDamaged(file, 0, 1, 'the header is not readable');
  return { format, log, createdAt };
};

/** Adds the events of an intact line to the index; returns what is wrong with them, if anything. */
const addLine = (
  index: StreamIndex,
  chunk: Buffer,
  start: number,
  end: number,
  offset: number,
): string | undefined => {
  const add = ({ stream, type, revision, position }: Front): string | undefined => {
    const slot = index.slotOf(stream);
    if (position !== index.next()) return `position ${position} where ${index.next()} follows`;
    const follows = index.expectedRevision(slot) + 1;
    if (revision !== follows) return `revision ${revision} of ${stream} where ${follows} follows`;
    index.add(slot, type, offset);
    return undefined;
  };
  try {
    for (const front of frontsIn(chunk, start, end)) {
      const wrong = add(front);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  } catch {
    return 'its CRC holds but it is not a line of events';
  }
};

export type Scanned = {
  readonly header: Header;
  readonly index: StreamIndex;
  /** Hash of the last intact line. */
  readonly hash: string;
  readonly tail?: Tail;
};

/**
 * Scans a whole file. What is broken from where the last write began is a torn tail, even if intact lines of that write
 * follow; anything else that is wrong throws LogDamaged.
 */
export const scan = async (handle: FileHandle, file: string): Promise<Scanned> => {
  const index = createIndex();
  let header: Header | undefined;
  let hash = '';
  let lines = 0;
  let broken: { offset: number; line: number } | undefined;

  const { size, end } = await eachLine(handle, (chunk, start, stop, offset) => {
    lines += 1;
    if (header === undefined) {
      header = headerOf(file, chunk, start, stop);
      index.commit(0, offset + stop - start + 1);
    } else if (!isIntact(chunk, start, stop)) {
      broken ??= { offset, line: lines };
      return;
    } else if (broken !== undefined) {
      if (syncedOf(chunk, start) > broken.offset)
        throw new LogDamaged(
          file,
          broken.offset,
          broken.line,
          'its CRC does not hold, and it was on disk before later lines were written',
        );
      return; // of the same unfinished write
    } else {
      const wrong = addLine(index, chunk, start, stop, offset);
      if (wrong !== undefined) throw new LogDamaged(file, offset, lines, wrong);
      index.commit(index.next(), offset + stop - start + 1);
    }
    hash = hashOf(chunk, start);
  });
  if (header === undefined) throw new LogDamaged(file, 0, 1, 'the header is not readable');
  const offset = broken?.offset ?? end;
  return { header, index, hash, ...(offset < size && { tail: { offset, bytes: size - offset } }) };
};
