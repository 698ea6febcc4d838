// The lines of an append-only record file: how one is written and checked, and how a file is read after a crash.
// A line is ["<crc>",<synced>,<record>]. The CRC-32 covers what follows it. `synced` is how much of the file was on
// disk when the line was written: damage below it is real, damage at the end of the file is an unfinished write.
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Where a record's line stands, in bytes, without the line end. */
export type Place = { readonly offset: number; readonly length: number };

/** The beginning of a line, by the bytes that follow it. */
const begin = (covered: Buffer): string => `["${crc32(covered).toString(16).padStart(8, '0')}",`;
const coveredStart = '["00000000",'.length;

/** One line, with its end, of a record given as JSON text. */
export const encodeLine = (synced: number, record: string): Buffer => {
  const line = Buffer.from(`["00000000",${synced},${record}]\n`);
  line.write(begin(line.subarray(coveredStart, -1)), 'latin1');
  return line;
};

/** What a line (without its end) holds, the record as JSON text in a part of `line`; undefined when it is damaged. */
export const decodeLine = (line: Buffer): { synced: number; record: Buffer } | undefined => {
  if (line.toString('latin1', 0, coveredStart) !== begin(line.subarray(coveredStart))) return undefined;
  const comma = line.indexOf(44, coveredStart);
  const synced = Number(line.toString('latin1', coveredStart, comma));
  return { synced, record: line.subarray(comma + 1, -1) };
};

const blockBytes = 1 << 20;

/** Hands over each line without its end; `ended` is false for bytes after the last line end. */
export const scanLines = async (
  file: FileHandle,
  visit: (line: Buffer, offset: number, ended: boolean) => void,
): Promise<void> => {
  let rest: Buffer = Buffer.alloc(0);
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, position);
    if (bytesRead === 0) {
      if (rest.length > 0) visit(rest, position - rest.length, false);
      return;
    }
    const block = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    const origin = position - rest.length;
    let start = 0;
    for (let end = block.indexOf(10); end !== -1; end = block.indexOf(10, start)) {
      visit(block.subarray(start, end), origin + start, true);
      start = end + 1;
    }
    rest = block.subarray(start);
    position += bytesRead;
  }
};

const refuse = (path: string, offset: number): never => {
  throw new Error(`${path} is damaged at byte ${offset}. Restore it from a copy, or move it away.`);
};

/**
 * Visits the records of a file whose first record must be `format`; answers where the intact part ends (0 = the file
 * is to be begun). What follows is an unfinished write; other damage throws, naming the file and the offset.
 */
export const recoverLines = async (
  file: FileHandle,
  path: string,
  format: string,
  visit: (record: Buffer, place: Place) => void,
): Promise<number> => {
  let intact = 0;
  let damage: number | undefined;
  await scanLines(file, (line, offset, ended) => {
    const found = ended ? decodeLine(line) : undefined;
    if (!found) {
      damage ??= offset;
    } else if (damage !== undefined) {
      if (found.synced > damage) refuse(path, damage); // otherwise it belongs to the same unfinished write
    } else {
      intact = offset + line.length + 1;
      if (offset > 0) visit(found.record, { offset, length: line.length });
      else if (found.record.toString() !== JSON.stringify(format))
        throw new Error(`${path} is not of the format "${format}".`);
    }
  });
  // The first line was written alone: a longer file that does not begin with it is not the beginning of one of ours.
  if (intact === 0 && (await file.stat()).size > encodeLine(0, JSON.stringify(format)).length)
    refuse(path, 0);
  return intact;
};
