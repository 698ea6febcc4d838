// Files in a workspace's folder: read, written and listed, and every refusal in the caller's terms.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, opendir, rename, rm } from 'node:fs/promises';
import { DomainError, notFound } from '../../domain/errors.js';
import { badPath, leadsOut, namesOf } from './file-paths.js';
import { MAX_ANSWER_BYTES } from './port.js';
import { type Folder, inFolder, isLink, LeavesTree, openIn } from './tree.js';

/** Largest file that is read or written, and most entries of a folder that are listed. */
const MAX_FILE_BYTES = MAX_ANSWER_BYTES;
const MAX_ENTRIES = 5_000;
/** A file on its way into place; not listed. */
const underway = /^\.[0-9a-f-]{36}\.writing$/;

export const noFile = () => notFound('File');
export const noFolder = () => notFound('Directory');
const isFolder = () => badPath('names a directory');
const isNoFile = () => badPath('names neither a file nor a directory');
const tooLarge = () => badPath('names a file of more than 1 MiB');

/** What the system says, as a refusal of the path; undefined for what is our own trouble. */
export const refusalOf = (error: unknown, missing: () => DomainError): DomainError | undefined => {
  if (error instanceof DomainError) return error;
  if (error instanceof LeavesTree) return leadsOut();
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return missing();
    case 'ENOTDIR':
      return badPath('goes through something that is no directory');
    case 'EISDIR':
      return isFolder();
    case 'ENAMETOOLONG':
      return badPath('is too long');
    case 'ENXIO': // a pipe that nobody reads, a socket
      return isNoFile();
    default:
      return undefined;
  }
};

const splitPath = (given: string) => {
  const names = namesOf(given);
  return { folders: names.slice(0, -1), name: names.at(-1) };
};

/** A file, whole. */
export const readFile = async (root: Folder, given: string): Promise<{ name: string; bytes: Buffer }> => {
  const { folders, name } = splitPath(given);
  if (name === undefined) throw isFolder();
  return inFolder(root, folders, async (folder) => {
    const handle = await openIn(folder, name, constants.O_RDONLY);
    try {
      const found = await handle.stat();
      if (found.isDirectory()) throw isFolder();
      if (!found.isFile()) throw isNoFile();
      if (found.size > MAX_FILE_BYTES) throw tooLarge();
      // It may grow while it is read.
      const buffer = Buffer.alloc(Math.min(MAX_FILE_BYTES, found.size) + 1);
      let filled = 0;
      for (let got = -1; got !== 0 && filled < buffer.length; filled += got)
        ({ bytesRead: got } = await handle.read(buffer, filled, buffer.length - filled, filled));
      if (filled > MAX_FILE_BYTES) throw tooLarge();
      return { name, bytes: buffer.subarray(0, filled) };
    } finally {
      await handle.close();
    }
  });
};

/** Written beside and moved into place, so that nobody reads half of it; the move replaces a link, never follows it. */
export const writeFile = async (root: Folder, given: string, bytes: Buffer): Promise<void> => {
  const { folders, name } = splitPath(given);
  if (name === undefined || given.endsWith('/')) throw isFolder();
  const put = async (folder: Folder) => {
    if (await isLink(folder, name)) throw leadsOut();
    const there = await lstat(folder.at(name)).catch(() => undefined);
    if (there?.isDirectory()) throw isFolder();
    if (there && !there.isFile()) throw isNoFile();
    const aside = `.${randomUUID()}.writing`;
    const handle = await openIn(
      folder,
      aside,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
      0o600,
    );
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await handle.close();
      await rename(folder.at(aside), folder.at(name));
      await folder.handle.sync();
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(folder.at(aside), { force: true });
      throw error;
    }
  };
  await inFolder(root, folders, put, true);
};

export type Entry = { name: string; type: 'file' | 'directory' | 'other'; size: number };

/** Links are listed as `other`: where they lead is nobody's to see. */
const entryOf = async (folder: Folder, name: string): Promise<Entry[]> => {
  const found = await lstat(folder.at(name)).catch(() => undefined); // gone meanwhile
  if (!found) return [];
  if (found.isDirectory()) return [{ name, type: 'directory', size: 0 }];
  return found.isFile() ? [{ name, type: 'file', size: found.size }] : [{ name, type: 'other', size: 0 }];
};

/** What stands in a folder, by name. */
export const listFolder = (root: Folder, given: string): Promise<Entry[]> =>
  inFolder(root, namesOf(given), async (folder) => {
    const names: string[] = [];
    for await (const { name } of await opendir(folder.at(), { bufferSize: 1_000 })) {
      if (!underway.test(name)) names.push(name);
      if (names.length > MAX_ENTRIES) throw badPath(`names a directory of more than ${MAX_ENTRIES} entries`);
    }
    const entries: Entry[] = [];
    for (const name of names.toSorted()) entries.push(...(await entryOf(folder, name)));
    return entries;
  });
