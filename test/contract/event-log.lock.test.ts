// The lock of a data directory: one writer at a time, stale locks taken over, and talk with the command line.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import { acquireLock, DataDirHeld, type Lock } from '../../src/adapters/event-log/lock.js';
import { askHolder } from '../../src/adapters/event-log/lock-talk.js';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { startChild } from '../support/child.js';
import { collect, counted } from '../support/log-events.js';

let dir: string;
let path: string;
const held: Lock[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-lock-'));
  path = join(dir, 'lock.sock');
});
afterEach(async () => {
  for (const lock of held.splice(0)) await lock.release();
  await rm(dir, { recursive: true, force: true });
});
const acquire = async () => {
  const lock = await acquireLock(dir);
  held.push(lock);
  return lock;
};

/** A socket file whose process is gone. */
const leaveStale = () => {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
  spawnSync(process.execPath, ['-e', script]);
  expect(statSync(path).isSocket()).toBe(true);
};

describe('one writer', () => {
  test('holds a directory, which is made when missing, through a socket that only its owner may use', async () => {
    dir = join(dir, 'new', 'data');
    const lock = await acquire();
    expect(statSync(join(dir, 'lock.sock')).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['lock.sock']);
    expect(lock.held()).toBe(true);
  });

  test('keeps out a second of the same process, until it lets go', async () => {
    const lock = await acquire();
    await expect(acquireLock(dir)).rejects.toThrow(DataDirHeld);
    await expect(openEmbeddedLog({ dir })).rejects.toThrow(`${dir} is in use by another process.`);
    expect(lock.held()).toBe(true);
    held.length = 0;
    await lock.release();
    expect(await readdir(dir)).toEqual([]);
    expect((await acquire()).held()).toBe(true);
  });

  test('keeps out another process, and is taken over at once when killed', async () => {
    const first = startChild('appending.mjs', [dir, '1', '10']);
    expect(await first.next()).toHaveProperty('opened');
    expect(await startChild('appending.mjs', [dir, '1', '10']).rest()).toEqual([{ refused: 'DataDirHeld' }]);
    await expect(acquireLock(dir)).rejects.toThrow(DataDirHeld);
    first.process.kill('SIGSTOP'); // frozen is not dead
    await expect(acquireLock(dir)).rejects.toThrow(DataDirHeld);
    await first.kill();
    expect(existsSync(path)).toBe(true);
    expect((await acquire()).held()).toBe(true);
    expect(await readdir(dir)).toEqual(['events.log', 'lock.sock']);
  });

  test.each(['free', 'stale'])('wins alone when 20 start at once and the lock is %s', async (before) => {
    for (let round = 0; round < 5; round += 1) {
      if (before === 'stale') leaveStale();
      const results = await Promise.allSettled(Array.from({ length: 20 }, acquire));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(DataDirHeld);
      expect(held.filter((lock) => lock.held())).toHaveLength(1);
      expect(await readdir(dir)).toEqual(['lock.sock']);
      for (const lock of held.splice(0)) await lock.release();
    }
  });

  test('wins alone when processes start at once on a stale lock', async () => {
    leaveStale();
    const children = Array.from({ length: 4 }, () => startChild('appending.mjs', [dir, '1', '10']));
    const first = await Promise.all(children.map((child) => child.next()));
    expect(first.filter((line) => line?.opened !== undefined)).toHaveLength(1);
    expect(first.filter((line) => line?.refused === 'DataDirHeld')).toHaveLength(3);
    await Promise.all(children.map((child) => child.kill()));
  });

  test('whose socket another starter has put aside for a moment is found there, and the newcomer gives way', async () => {
    await acquire();
    await rename(path, join(dir, 'lock.oabc'));
    await expect(acquireLock(dir)).rejects.toThrow(DataDirHeld);
    await rename(join(dir, 'lock.oabc'), path);
    expect(held[0]?.held()).toBe(true);
  });

  test('removes what dead starters left behind', async () => {
    leaveStale();
    await rename(path, join(dir, 'lock.o123'));
    leaveStale();
    await rename(path, join(dir, 'lock.n123'));
    await acquire();
    expect(await readdir(dir)).toEqual(['lock.sock']);
  });

  test('leaves alone a socket that another holder has put in its place', async () => {
    const lock = await acquire();
    await unlink(path);
    const other = createServer().listen(path);
    await once(other, 'listening');
    expect(lock.held()).toBe(false);
    held.length = 0;
    await lock.release();
    expect(existsSync(path)).toBe(true);
    other.close();
  });

  test('is refused by name when the path is too long for a socket', async () => {
    const long = join(dir, 'x'.repeat(120));
    await expect(acquireLock(long)).rejects.toThrow(join(long, 'lock.sock'));
    await expect(acquireLock(long)).rejects.toThrow("a socket's path may have 107");
    expect(existsSync(long)).toBe(false);
    const longest = join(dir, 'y'.repeat(107 - dir.length - '/'.length - '/lock.sock'.length));
    await mkdir(longest);
    const lock = await acquireLock(longest);
    expect(lock.held()).toBe(true);
    await lock.release();
  });
});

describe('a log whose lock is lost', () => {
  test('writes nothing any more', async () => {
    const log = await openEmbeddedLog({ dir });
    await log.append('a-1', counted(1), 'no_stream');
    const { size } = statSync(log.file);
    await unlink(path);
    await acquire();
    const refusal = {
      name: 'LogUnavailable',
      fate: 'not_written',
      message: expect.stringContaining('another process'),
    };
    await expect(log.append('a-1', counted(1), 0)).rejects.toMatchObject(refusal);
    await expect(log.append('a-1', counted(1), 0)).rejects.toThrow(LogUnavailable);
    expect(statSync(log.file).size).toBe(size);
    expect(await collect(log.readAll(-1))).toHaveLength(1);
    await log.close();
    expect(held[0]?.held()).toBe(true);
  });

  test('but comes back within a moment goes on', async () => {
    const log = await openEmbeddedLog({ dir });
    await rename(path, join(dir, 'lock.oabc'));
    const appended = log.append('a-1', counted(1), 'no_stream');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(await log.head()).toBe(-1);
    await rename(join(dir, 'lock.oabc'), path);
    expect(await appended).toEqual({ revision: 0, position: 0 });
    await log.close();
  });
});

describe('the command line', () => {
  test('asks the holder and gets its answer, or its refusal in its words', async () => {
    const lock = await acquire();
    await expect(askHolder(dir, { ask: 'early' })).rejects.toThrow('not ready');
    lock.onRequest(async (request) => {
      if (request['bad'] !== undefined) throw new Error('That cannot be done.');
      return { got: request, list: [1, 'ä\n'] };
    });
    const answers = await Promise.all([1, 2, 3].map((n) => askHolder(dir, { n, text: 'x'.repeat(100_000) })));
    expect(answers).toEqual(
      [1, 2, 3].map((n) => ({ got: { n, text: 'x'.repeat(100_000) }, list: [1, 'ä\n'] })),
    );
    await expect(askHolder(dir, { bad: true })).rejects.toThrow('That cannot be done.');
  });

  test('learns that nobody holds the directory: never held, let go, or dead', async () => {
    expect(await askHolder(dir, {})).toBeUndefined();
    const lock = await acquireLock(dir);
    lock.onRequest(async () => 'here');
    expect(await askHolder(dir, {})).toBe('here');
    await lock.release();
    expect(await askHolder(dir, {})).toBeUndefined();
    leaveStale();
    expect(await askHolder(dir, {})).toBeUndefined();
  });

  test('learns when the holder ends without an answer', async () => {
    const lock = await acquireLock(dir);
    const asked = new Promise<void>((resolve) => {
      lock.onRequest(() => {
        resolve();
        return new Promise(() => {});
      });
    });
    const failed = expect(askHolder(dir, {})).rejects.toThrow('without an answer');
    await asked;
    await lock.release();
    await failed;
  });

  test('finds a file that is no socket no obstacle', async () => {
    await writeFile(path, 'left over');
    expect(await askHolder(dir, {})).toBeUndefined();
    expect((await acquire()).held()).toBe(true);
  });
});
