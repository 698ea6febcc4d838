// The log's file on disk: made with its header in one step, opened, cut where a dead process left half a line.
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { FORMAT, NO_HASH, seal, unsealed } from './line.js';

/** The log of a data directory. */
export const logFile = (dir: string): string => join(dir, 'events.log');

const syncDirectory = async (dir: string): Promise<void> => {
  if (process.platform === 'win32') return; // directories cannot be opened there
  const handle = await open(dir, 'r');
  await handle.sync().finally(() => handle.close());
};

/** Makes the file under another name first, so that a file of that name always has its header. */
const create = async (dir: string, now: () => Date): Promise<void> => {
  const header = { format: FORMAT, log: randomUUID(), createdAt: now().toISOString() };
  const line = Buffer.from(unsealed(NO_HASH, 0, JSON.stringify(header).slice(1, -1)));
  seal(line, 0, line.length - 1);
  const draft = join(dir, 'events.log.new');
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(line);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, logFile(dir));
  await syncDirectory(dir);
};

/** Opens the log for writing; makes it when there is none. */
export const openLogFile = async (dir: string, now: () => Date): Promise<FileHandle> => {
  try {
    return await open(logFile(dir), 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await create(dir, now);
    return open(logFile(dir), 'r+');
  }
};
