// A small append-only record file, for what must be on disk before it counts: one sync for all who wait.
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Json } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { decodeLine, encodeLine, type Place, recoverLines, scanLines } from './append-lines.js';

/** A torn tail that was cut off when a file was opened, in bytes. */
export type Cut = { readonly path: string; readonly offset: number; readonly bytes: number };

/** Writes all bytes at a position; resolves once they are on disk. */
export type SyncedWrite = (file: FileHandle, bytes: Buffer, position: number) => Promise<void>;

export type AppendFile = {
  /**
   * Takes a record as JSON text; resolves once it is on disk. Rejects with `unavailable` when it could not be written,
   * and takes it out of the file again. A `lazy` record is written with the next one that is not, or at close.
   */
  append(record: string, options?: { lazy?: boolean }): Promise<Place>;
  read(place: Place): Promise<Json>;
  /**
   * Replaces the records by those that `keep` wants and `add` (JSON texts), all or nothing and durably, and overwrites
   * the old bytes where the medium keeps blocks in place. Places known before do not hold any more.
   */
  rewrite(keep: (record: Json) => boolean, add: readonly string[]): Promise<void>;
  /** Writes what waits and closes. */
  close(): Promise<void>;
};

export type AppendFileOptions = {
  readonly path: string;
  /** Name and version of the records: the file's first line. Another one there is refused. */
  readonly format: string;
  /** Called for each record found, in order, with its JSON text, which stays as it is during the call only. */
  readonly visit: (record: Buffer, place: Place) => void;
  readonly onCut?: ((cut: Cut) => void) | undefined;
  readonly write?: SyncedWrite | undefined;
};

// Where the system has it, one write that syncs costs a quarter less CPU than a write and a sync.
const syncsOnWrite = process.platform === 'linux';
const flags = constants.O_RDWR | constants.O_CREAT | (syncsOnWrite ? constants.O_DSYNC : 0);

/** The real write. */
export const writeSynced: SyncedWrite = async (file, bytes, position) => {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  if (!syncsOnWrite) await file.datasync();
};

/** Makes the creation or renaming of files in a directory durable. */
export const syncDirectory = async (dir: string): Promise<void> => {
  if (process.platform === 'win32') return; // directories cannot be opened there
  const handle = await open(dir, 'r');
  await handle.sync().finally(() => handle.close());
};

/** The refusal that callers see; the reason is its `cause`, for the log. */
const unavailable = (path: string, cause: unknown): DomainError =>
  Object.assign(new DomainError('unavailable', 'The server cannot store data now. Please try again later.'), {
    cause: new Error(`Cannot write ${path}.`, { cause }),
  });

const openRecovered = async ({ path, format, visit, onCut, write = writeSynced }: AppendFileOptions) => {
  await rm(`${path}.new`, { force: true }); // of a rewrite that did not end
  const file = await open(path, flags, 0o600);
  try {
    let size = await recoverLines(file, path, format, visit);
    const bytes = (await file.stat()).size - size;
    if (bytes > 0) {
      await file.truncate(size);
      onCut?.({ path, offset: size, bytes });
    }
    await file.datasync(); // what was read may not have been on disk yet
    if (size === 0) {
      const first = encodeLine(0, JSON.stringify(format));
      await write(file, first, 0);
      size = first.length;
      await syncDirectory(dirname(path));
    }
    return { file, size };
  } catch (error) {
    await file.close();
    throw error;
  }
};

/** Overwrites a file that was replaced, and closes it. */
const wipe = async (file: FileHandle, size: number) => {
  try {
    const zeros = Buffer.alloc(Math.min(size, 1 << 20));
    for (let at = 0; at < size; at += zeros.length)
      await writeSynced(file, zeros.subarray(0, Math.min(zeros.length, size - at)), at);
  } finally {
    await file.close();
  }
};

type Waiting = { record: string; resolve(place: Place): void; reject(error: unknown): void };

/** Opens a file, made when missing (mode 0600). Throws naming file and offset when it is damaged. */
export const openAppendFile = async (options: AppendFileOptions): Promise<AppendFile> => {
  const { path, write = writeSynced } = options;
  let { file, size } = await openRecovered(options);
  let uncut = false;
  let closed = false;
  let scheduled = false;
  let waiting: Waiting[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };

  /** Back to what is known to be on disk, before anything else is written. */
  const cutBack = async () => {
    uncut = true;
    await file.truncate(size);
    await file.datasync();
    uncut = false;
  };

  const writeGroup = async (group: readonly Waiting[]) => {
    if (uncut) await cutBack();
    const lines = group.map(({ record }) => encodeLine(size, record));
    const bytes = Buffer.concat(lines);
    try {
      await write(file, bytes, size);
    } catch (error) {
      await cutBack().catch(() => undefined); // tried again before the next write
      throw error;
    }
    let offset = size;
    size += bytes.length;
    for (const [at, { length }] of lines.entries()) {
      group[at]?.resolve({ offset, length: length - 1 });
      offset += length;
    }
  };

  const flush = async () => {
    scheduled = false;
    const group = waiting;
    waiting = [];
    if (group.length === 0) return;
    try {
      await writeGroup(group);
    } catch (error) {
      const refusal = unavailable(path, error);
      for (const { reject } of group) reject(refusal);
    }
  };

  const replace = async (keep: (record: Json) => boolean, add: readonly string[]) => {
    if (uncut) await cutBack();
    const lines: Buffer[] = [];
    let end = 0;
    const put = (record: string) => {
      const line = encodeLine(end, record); // all before it is on disk once the file has its name
      lines.push(line);
      end += line.length;
    };
    await scanLines(file, (line, offset) => {
      const found = decodeLine(line);
      if (!found) throw new Error(`${path} is damaged at byte ${offset}.`);
      const text = found.record.toString();
      if (offset === 0 || keep(JSON.parse(text))) put(text);
    });
    for (const record of add) put(record);
    const aside = `${path}.new`;
    const fresh = await open(aside, flags | constants.O_TRUNC, 0o600);
    try {
      await write(fresh, Buffer.concat(lines), 0);
      await rename(aside, path);
    } catch (error) {
      await fresh.close();
      await rm(aside, { force: true });
      throw error;
    }
    const old = { file, size };
    [file, size] = [fresh, end];
    try {
      await syncDirectory(dirname(path));
    } finally {
      await wipe(old.file, old.size).catch(() => undefined); // its name is gone already
    }
  };

  return {
    append(record, { lazy = false } = {}) {
      if (closed) return Promise.reject(unavailable(path, new Error('It is closed.')));
      return new Promise((resolve, reject) => {
        waiting.push({ record, resolve, reject });
        if (lazy || scheduled) return;
        scheduled = true;
        // All that this turn of the event loop brings, and all that comes while a sync runs, shares the next one.
        setImmediate(() => inTurn(flush));
      });
    },

    async read({ offset, length }) {
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
      const found = decodeLine(buffer);
      if (!found) throw new Error(`${path} is damaged at byte ${offset}.`);
      return JSON.parse(found.record.toString());
    },

    async rewrite(keep, add) {
      try {
        await inTurn(() => replace(keep, add));
      } catch (error) {
        throw unavailable(path, error);
      }
    },

    async close() {
      if (closed) return;
      closed = true;
      await inTurn(flush);
      await inTurn(() => file.close());
    },
  };
};
