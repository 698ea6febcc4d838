// A folder that nothing leads out of: every step of a path is opened by itself, inside the folder opened before it.
import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** A part of the path is a symbolic link, or led out of the tree while it was opened. */
export class LeavesTree extends Error {
  override readonly name = 'LeavesTree';
}

/** An open folder. `at(name)` is the address of something directly in it. */
export type Folder = { readonly handle: FileHandle; at(name?: string): string };

/**
 * On Linux the address of an open folder goes through its descriptor: whatever is renamed or linked meanwhile, the
 * next step starts in the folder that was opened. Elsewhere the path is looked at again after each step.
 */
const byDescriptor = existsSync('/proc/self/fd');

const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Throws LeavesTree unless the open file is what stands at `path`, and no link is on the way there. */
const requireInPlace = async (handle: FileHandle, path: string): Promise<void> => {
  const [opened, there, real] = await Promise.all([handle.stat(), lstat(path), realpath(path)]);
  if (opened.ino !== there.ino || opened.dev !== there.dev || real !== path) throw new LeavesTree();
};

const opened = async (path: string, how: number, mode?: number): Promise<FileHandle> => {
  const handle = await open(path, how | flags, mode).catch((error: unknown) => {
    // ELOOP: a symbolic link. Asked for a folder, Linux says ENOTDIR of a link too.
    throw codeOf(error) === 'ELOOP' ? new LeavesTree() : error;
  });
  try {
    if (!byDescriptor) await requireInPlace(handle, path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const folderOf = (handle: FileHandle, path: string): Folder => ({
  handle,
  at: (name = '') => (byDescriptor ? `/proc/self/fd/${handle.fd}/${name}` : join(path, name)),
});

/** Opens the root, which is trusted; makes it when missing. */
export const openRoot = async (path: string): Promise<Folder> => {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const real = await realpath(path);
  return folderOf(await open(real, folderFlags), real);
};

/** True for a symbolic link. */
export const isLink = async (folder: Folder, name: string): Promise<boolean> =>
  lstat(folder.at(name)).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );

/** Opens something directly in a folder. Throws LeavesTree for a symbolic link, else what the system says. */
export const openIn = async (
  folder: Folder,
  name: string,
  how: number,
  mode?: number,
): Promise<FileHandle> => {
  try {
    return await opened(folder.at(name), how, mode);
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR' && (await isLink(folder, name))) throw new LeavesTree();
    throw error;
  }
};

/**
 * Goes down from `root` and gives the last folder to `use`; each is closed once the next is open, as many callers may
 * be under way. `make` makes what is missing. Throws LeavesTree, and ENOENT or ENOTDIR as the system says them.
 */
export const inFolder = async <T>(
  root: Folder,
  names: readonly string[],
  use: (folder: Folder) => Promise<T>,
  make = false,
): Promise<T> => {
  let folder = root;
  let path = root.at();
  const leave = async ({ handle }: Folder) => {
    if (handle !== root.handle) await handle.close();
  };
  try {
    for (const name of names) {
      if (make)
        await mkdir(folder.at(name), { mode: 0o700 }).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw error;
        });
      const handle = await openIn(folder, name, folderFlags);
      const left = folder;
      path = join(path, name);
      folder = folderOf(handle, path);
      await leave(left);
    }
    return await use(folder);
  } finally {
    await leave(folder);
  }
};
