// The event log in one append-only file of the data directory.
import { fdatasync, ftruncate, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { createReader } from './embedded-read.js';
import { createAppender, type LogFs, type SyncStats } from './group-commit.js';
import { acquireLock, type Lock } from './lock.js';
import { logFile, openLogFile } from './log-file.js';
import type { EventLog } from './port.js';
import { type Scanned, scan, type Tail } from './scan.js';

export type EmbeddedLog = EventLog & {
  /** Path of the file. */
  readonly file: string;
  /** The lock of the data directory, through which the command line talks to this process. */
  readonly lock: Lock;
  /** What a dead process or machine left unfinished and was cut off at the start: it was never acknowledged. */
  readonly cut?: Tail;
};

export type EmbeddedLogOptions = {
  readonly dir: string;
  /** The lock of `dir`, when it is already held; else it is taken, and released on close. */
  readonly lock?: Lock;
  readonly now?: () => Date;
  readonly fs?: LogFs;
  /** Told once, when a torn tail was cut off. */
  readonly onWarning?: (message: string) => void;
  /** Told after every sync. */
  readonly onSync?: (stats: SyncStats) => void;
};

const realFs: LogFs = { write: writeSync, fdatasync, ftruncate };

/** Scans the file and makes it end after its last intact line, on disk: what is indexed must not vanish later. */
const scanAndCut = async (handle: FileHandle, file: string): Promise<Scanned> => {
  const scanned = await scan(handle, file);
  if (scanned.tail !== undefined) await handle.truncate(scanned.tail.offset);
  await handle.datasync();
  return scanned;
};

/**
 * Opens the log of a data directory; makes both when missing. Throws DataDirHeld when another process has it,
 * LogDamaged when the file is not what was written, and when its format is newer than this code.
 */
export const openEmbeddedLog = async (options: EmbeddedLogOptions): Promise<EmbeddedLog> => {
  const { dir, now = () => new Date(), fs = realFs, onWarning, onSync } = options;
  const lock = options.lock ?? (await acquireLock(dir));
  const releaseOwn = async () => {
    if (options.lock === undefined) await lock.release();
  };
  const file = logFile(dir);
  let handle: FileHandle | undefined;
  let scanned: Scanned;
  try {
    handle = await openLogFile(dir, now);
    scanned = await scanAndCut(handle, file);
  } catch (error) {
    await handle?.close();
    await releaseOwn();
    throw error;
  }
  const { header, index, hash, tail } = scanned;
  if (tail !== undefined)
    onWarning?.(
      `${file}: cut off ${tail.bytes} bytes at ${tail.offset}, a write that was never acknowledged.`,
    );

  const open = handle;
  const reader = createReader({ fd: open.fd, file, index });
  const { load, publish: onCommit } = reader;
  const appender = createAppender({ fd: open.fd, index, hash, lock, fs, load, onCommit, onSync });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await appender.close();
    await reader.close();
    await open.close();
    await releaseOwn();
  };

  return {
    id: header.log,
    shared: false,
    file,
    lock,
    ...(tail !== undefined && { cut: tail }),
    append: appender.append,
    read: reader.read,
    readAll: reader.readAll,
    readAllBackwards: reader.readAllBackwards,
    subscribe: reader.subscribe,
    head: async () => index.size() - 1,
    close() {
      closing ??= close();
      return closing;
    },
  };
};
