// Looking at a log file without the lock, beside a running writer: reading it, and checking all of it.
import { open } from 'node:fs/promises';
import { createReader } from './embedded-read.js';
import { frontsIn, hashAfter, hashOf, isIntact, NO_HASH, syncedOf } from './line.js';
import { logFile } from './log-file.js';
import type { EventLog } from './port.js';
import { eachLine, headerOf, scan, type Tail } from './scan.js';

/** What a whole log says about itself. */
export type Verified = {
  readonly logId: string;
  /** Sound lines, the header among them. */
  readonly lines: number;
  readonly events: number;
  /** Hash of the last good line: whoever noted it earlier can tell whether history was rewritten. */
  readonly lastHash: string;
  /** A write under way, or an unfinished one, which the next start will cut off. */
  readonly tail?: Tail;
  /** The first thing that is wrong. `line` counts from 1. */
  readonly problem?: { readonly offset: number; readonly line: number; readonly reason: string };
};

/**
 * Opens a log for reading only. Sees what the file holds at this moment; a running writer's last append may not
 * be on disk yet. Throws as opening the log does.
 */
export const readEmbeddedLog = async (
  dir: string,
): Promise<Pick<EventLog, 'id' | 'read' | 'readAll' | 'head' | 'close'>> => {
  const file = logFile(dir);
  const handle = await open(file, 'r');
  try {
    const { header, index } = await scan(handle, file);
    const { read, readAll, close } = createReader({ fd: handle.fd, file, index });
    return {
      id: header.log,
      read,
      readAll,
      head: async () => index.size() - 1,
      close: async () => {
        await close();
        await handle.close();
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** Follows the chain line by line; answers what is wrong with a line, if anything. */
const follower = () => {
  const revisions = new Map<string, number>();
  let lastHash = NO_HASH;
  let events = 0;

  const follow = (chunk: Buffer, start: number, end: number, isHeader: boolean): string | undefined => {
    const hash = hashOf(chunk, start);
    if (hash !== hashAfter(lastHash, chunk, start, end)) return 'its hash does not continue the chain';
    lastHash = hash;
    if (isHeader) return undefined;
    for (const { stream, revision, position } of frontsIn(chunk, start, end)) {
      if (position !== events) return `position ${position} where ${events} follows`;
      const follows = revisions.get(stream) ?? 0;
      if (revision !== follows) return `revision ${revision} of ${stream} where ${follows} follows`;
      revisions.set(stream, follows + 1);
      events += 1;
    }
    return undefined;
  };
  return { follow, sums: () => ({ events, lastHash }) };
};

/**
 * Checks every CRC, the hash chain, positions and revisions; stops at the first problem. Throws when there is
 * no log, its header cannot be read, or its format is newer than this code.
 */
export const verifyEmbeddedLog = async (dir: string): Promise<Verified> => {
  const file = logFile(dir);
  const handle = await open(file, 'r');
  const { follow, sums } = follower();
  let logId: string | undefined;
  let lines = 0;
  let broken: Verified['problem']; // where lines end to be intact: damage only if it was on disk before later ones
  let problem: Verified['problem'];
  try {
    const { size, end } = await eachLine(handle, (chunk, start, stop, offset) => {
      if (problem !== undefined) return;
      logId ??= headerOf(file, chunk, start, stop).log;
      if (!isIntact(chunk, start, stop)) {
        broken ??= { offset, line: lines + 1, reason: 'its CRC does not hold' };
        return;
      }
      if (broken !== undefined) {
        if (syncedOf(chunk, start) > broken.offset) problem = broken;
        return;
      }
      let reason: string | undefined;
      try {
        reason = follow(chunk, start, stop, lines === 0);
      } catch {
        reason = 'its CRC holds but it is not a line of events';
      }
      if (reason === undefined) lines += 1;
      else problem = { offset, line: lines + 1, reason };
    });
    if (logId === undefined) throw new Error(`${file} has no header.`);
    const offset = broken?.offset ?? end;
    const tail = problem === undefined && offset < size && { tail: { offset, bytes: size - offset } };
    return { logId, lines, ...sums(), ...tail, ...(problem !== undefined && { problem }) };
  } finally {
    await handle.close();
  }
};
