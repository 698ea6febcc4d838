// The lock of a data directory: a Unix socket in it (a named pipe on Windows). While it is held no second process
// writes there; the command line asks the holder through it for what only the writer can do.
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { chmod, link, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Json, JsonObject } from '../../domain/decider.js';
import { answering, lockPath, probe } from './lock-talk.js';

export type Lock = {
  /** False when the path is not our socket any more. Ask before every sync; costs a few microseconds. */
  held(): boolean;
  /** Waits up to a second for the path to be ours again: another starter may have it aside for a moment. */
  regained(): Promise<boolean>;
  /** Answers requests of the command line; an error's message is passed on. One handler at a time. */
  onRequest(handler: (request: JsonObject) => Promise<Json>): void;
  release(): Promise<void>;
};

/** Another process works on this data directory. */
export class DataDirHeld extends Error {
  override readonly name = 'DataDirHeld';
  constructor(dir: string, hint = '') {
    super(`${dir} is in use by another process. Stop it first, or choose another DATA_DIR. ${hint}`.trim());
  }
}

const windows = process.platform === 'win32';
// Names of sockets not at the path: being set up (n), put aside (o). As short as lock.sock, so that they fit too.
const besides = /^lock\.[no][0-9a-f]{3}$/;
const beside = (kind: 'n' | 'o') => `lock.${kind}${randomBytes(2).toString('hex').slice(1)}`;

const ignoreMissing = (error: NodeJS.ErrnoException) => {
  if (error.code !== 'ENOENT') throw error;
};

const listen = (server: Server, path: string) =>
  new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      server.on('error', () => {}); // a connection that could not be accepted: the other side notices
      done();
    });
  });

/**
 * Moves a stale socket away. Two starters may both have found it stale and one may have bound since, so what was
 * moved is asked again: alive = put back. Returns whether it was alive.
 */
const clearStale = async (path: string, dir: string): Promise<boolean> => {
  const aside = join(dir, beside('o'));
  try {
    await rename(path, aside);
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return false;
  }
  if ((await probe(aside)) === 'alive') {
    await rename(aside, path);
    return true;
  }
  await unlink(aside).catch(ignoreMissing);
  return false;
};

/** What tells a socket file from another: the kernel keeps the inode as long as its owner listens. */
type Identity = { readonly dev: number; readonly ino: number };

/** Makes our socket appear at the path at once and listening, or not at all: undefined when another was faster. */
const claim = async (server: Server, path: string, dir: string): Promise<Identity | undefined> => {
  const candidate = join(dir, beside('n'));
  try {
    await listen(server, candidate);
    await chmod(candidate, 0o600);
    const identity = await stat(candidate);
    await link(candidate, path);
    return identity;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOENT' || code === 'EADDRINUSE') return undefined;
    throw error;
  } finally {
    await unlink(candidate).catch(ignoreMissing);
  }
};

const close = (server: Server) => new Promise<void>((done) => server.close(() => done()));

const isAt = (path: string, { dev, ino }: Identity): boolean => {
  try {
    const now = statSync(path);
    return now.ino === ino && now.dev === dev;
  } catch {
    return false; // whatever hides it: not provably ours
  }
};

/** Whether another living holder's socket stands aside just now; removes dead leftovers. */
const livesAside = async (dir: string, own: Identity): Promise<boolean> => {
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    if (!besides.test(name) || isAt(path, own)) continue;
    const found = await probe(path);
    if (found === 'alive' && name.startsWith('lock.o')) return true;
    if (found === 'stale') await unlink(path).catch(ignoreMissing);
  }
  return false;
};

const lockOf = (
  server: Server,
  answers: ReturnType<typeof answering>,
  held: () => boolean,
  path?: string,
): Lock => ({
  held,
  async regained() {
    for (let tries = 0; tries < 50 && !held(); tries += 1) await wait(20);
    return held();
  },
  onRequest: answers.onRequest,
  async release() {
    if (path !== undefined && held()) await unlink(path).catch(ignoreMissing);
    answers.end();
    await close(server);
  },
});

/** One try on a Unix socket; undefined when others were at it in the same moment. */
const tryToAcquire = async (
  server: Server,
  answers: ReturnType<typeof answering>,
  path: string,
  dir: string,
) => {
  const found = await probe(path);
  if (found === 'alive' || (found === 'stale' && (await clearStale(path, dir)))) throw new DataDirHeld(dir);
  const identity = await claim(server, path, dir);
  if (identity === undefined) return undefined;
  const lock = lockOf(server, answers, () => isAt(path, identity), path);
  if (!(await livesAside(dir, identity)) && (await lock.regained())) return lock;
  await lock.release();
  throw new DataDirHeld(dir);
};

/** Takes the lock of a data directory, which is made if missing. Throws DataDirHeld when another process has it. */
export const acquireLock = async (dir: string): Promise<Lock> => {
  const path = lockPath(dir);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const answers = answering();
  for (let tries = 0; tries < 20; tries += 1) {
    const server = createServer(answers.serve).unref();
    try {
      if (windows) {
        await listen(server, path).catch(() => Promise.reject(new DataDirHeld(dir)));
        return lockOf(server, answers, () => true);
      }
      const lock = await tryToAcquire(server, answers, path, dir);
      if (lock !== undefined) return lock;
    } catch (error) {
      await close(server);
      throw error;
    }
    await close(server);
  }
  throw new DataDirHeld(dir);
};
