// The embedded log when the disk fails or is full, and when its process is killed.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedLog, openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import { acquireLock, type Lock } from '../../src/adapters/event-log/lock.js';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { verifyEmbeddedLog } from '../../src/adapters/event-log/verify.js';
import { startChild } from '../support/child.js';
import { faultyFs } from '../support/faulty-fs.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';

let dir: string;
let file: string;
let log: EmbeddedLog | undefined;
let lock: Lock;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-disk-'));
  file = join(dir, 'events.log');
  lock = await acquireLock(dir);
});
afterEach(async () => {
  await log?.close();
  log = undefined;
  await lock.release();
  await rm(dir, { recursive: true, force: true });
});

const open = async (options: Partial<Parameters<typeof openEmbeddedLog>[0]> = {}) => {
  await log?.close();
  log = undefined;
  log = await openEmbeddedLog({ dir, lock, ...options });
  return log;
};
const allIds = async (of: EmbeddedLog) => idsOf(await collect(of.readAll(-1)));
const unavailable = (fate: 'not_written' | 'unknown') =>
  expect.toSatisfy((error) => error instanceof LogUnavailable && error.fate === fate);

describe('a disk that fails', () => {
  test.each<[string, { call: 'write' | 'fdatasync'; code: string; partial?: number }]>([
    ['takes no byte', { call: 'write', code: 'ENOSPC' }],
    ['takes half a line', { call: 'write', code: 'ENOSPC', partial: 100 }],
    ['takes one line and a half', { call: 'write', code: 'ENOSPC', partial: 600 }],
    ['cannot sync', { call: 'fdatasync', code: 'EIO' }],
  ] as const)(
    'and %s: nothing of those appends remains, and the log goes on when it can',
    async (_, fault) => {
      const faults = faultyFs();
      const broken = await open({ fs: faults.fs });
      const kept = counted(1);
      await broken.append('a-1', kept, 'no_stream');
      const { size } = await stat(file);

      faults.fail(fault.call, fault.code, fault);
      // The sync after cutting back fails too when syncing does: then what was written may still be found.
      const fate = fault.call === 'write' ? 'not_written' : 'unknown';
      const racing = await Promise.allSettled(
        Array.from({ length: 50 }, () => broken.append('a-1', counted(2), 0)),
      );
      expect(racing.map(({ status }) => status)).toEqual(Array(50).fill('rejected'));
      expect(racing.map((result) => result.status === 'rejected' && result.reason.name)).toEqual(
        Array(50).fill('LogUnavailable'),
      );
      await expect(broken.append('b-1', counted(1), 'no_stream')).rejects.toThrow(unavailable('not_written'));
      expect(racing[0]).toMatchObject({ reason: { fate } });
      expect(await broken.head()).toBe(0);
      expect((await stat(file)).size).toBe(size);

      faults.heal();
      const more = counted(2);
      expect(await broken.append('a-1', more, 0)).toEqual({ revision: 2, position: 2 });
      expect(await allIds(broken)).toEqual(idsOf([...kept, ...more]));
      expect(await allIds(await open())).toEqual(idsOf([...kept, ...more]));
      expect(await verifyEmbeddedLog(dir)).not.toHaveProperty('problem');
    },
  );

  test('while other appends wait: those wait in vain too, and subscribers see none of them', async () => {
    const faults = faultyFs();
    const broken = await open({ fs: faults.fs });
    const stop = new AbortController();
    const batches = broken.subscribe(-1, {}, stop.signal)[Symbol.asyncIterator]();
    await batches.next();
    const seen = batches.next();
    faults.fail('fdatasync', 'EIO');
    const first = broken.append('a-1', counted(1), 'no_stream');
    first.catch(() => {});
    await new Promise(setImmediate); // its write begins here
    const second = broken.append('b-1', counted(1), 'no_stream');
    await expect(first).rejects.toThrow(LogUnavailable);
    await expect(second).rejects.toThrow(unavailable('not_written'));
    expect(await collect(broken.readAll(-1))).toEqual([]);
    faults.heal();
    const kept = counted(1);
    await broken.append('b-1', kept, 'no_stream');
    expect(idsOf((await seen).value.events)).toEqual(idsOf(kept));
    stop.abort();
  });

  test('and cannot be cut back: refuses every append until it can, and a restart finds whole appends only', async () => {
    const faults = faultyFs();
    const broken = await open({ fs: faults.fs });
    await broken.append('a-1', counted(1), 'no_stream');
    faults.fail('fdatasync', 'EIO');
    faults.fail('ftruncate', 'EIO');
    const doubtful = counted(2);
    await expect(broken.append('a-1', doubtful, 0)).rejects.toThrow(unavailable('unknown'));
    for (let i = 0; i < 3; i += 1)
      await expect(broken.append('a-1', counted(1), 0)).rejects.toThrow(unavailable('not_written'));
    const reopened = await open();
    expect((await allIds(reopened)).slice(1)).toEqual(idsOf(doubtful));
    expect(await reopened.append('a-1', doubtful, 0)).toEqual({ revision: 2, position: 2 });
    expect(await verifyEmbeddedLog(dir)).toMatchObject({ events: 3 });
  });

  test('for good, as at a real limit of the file size: 503, no half line, and what fits is still taken', async () => {
    await lock.release();
    const child = startChild('appending.mjs', [dir, '8', '4000'], 'ulimit -f 256');
    const lines = await child.rest();
    const acknowledged = lines.flatMap(({ ids }) => (ids as string[] | undefined) ?? []);
    expect(lines).toContainEqual({ failed: 'LogUnavailable', fate: 'not_written', code: 'EFBIG' });
    expect(lines.at(-1)).toHaveProperty('small');
    lock = await acquireLock(dir);
    const reopened = await open();
    expect(reopened.cut).toBeUndefined();
    const stored = await collect(reopened.readAll(-1));
    expect(idsOf(stored)).toEqual(expect.arrayContaining(acknowledged));
    expect(stored.at(-1)?.stream).toBe('small-1');
  });
});

describe('between a sync and the next write', () => {
  /** A log; `inGap` runs once, right after the first sync was told of. */
  const openWith = async (inGap: (log: EmbeddedLog) => void) => {
    let syncs = 0;
    const { fs } = faultyFs();
    const opened = await open({
      fs: {
        ...fs,
        fdatasync: (fd, done) =>
          fs.fdatasync(fd, (error) => {
            done(error);
            syncs += 1;
            if (syncs === 1) inGap(opened);
          }),
      },
    });
    return { opened, syncs: () => syncs };
  };
  /** The first append has begun to be written; the second one waits for it. */
  const twoUnderWay = async (log: EmbeddedLog, data: object = {}) => {
    const first = log.append('a-1', counted(1), 'no_stream');
    await new Promise(setImmediate);
    return [first, log.append('b-1', [newEvent('Counted', data)], 'no_stream')] as const;
  };

  test.each([
    ['a little waits for what the same turn brings', {}, 2],
    ['what is large does not wait', { text: 'x'.repeat(40_000) }, 3],
  ])('%s', async (_, data, expected) => {
    let third: Promise<unknown> | undefined;
    const { opened, syncs } = await openWith((log) => {
      third = log.append('c-1', counted(1), 'no_stream');
    });
    await Promise.all(await twoUnderWay(opened, data));
    expect(await third).toEqual({ revision: 0, position: 2 });
    expect(syncs()).toBe(expected);
    expect(await verifyEmbeddedLog(dir)).toMatchObject({ events: 3 });
  });

  test('a log that is closed still writes what waits', async () => {
    let closed: Promise<void> | undefined;
    const { opened } = await openWith((log) => {
      closed = log.close();
    });
    await Promise.all(await twoUnderWay(opened));
    await closed;
    expect(await collect((await open()).readAll(-1))).toHaveLength(2);
  });
});

describe('kill -9', () => {
  test('of a process that appends loses nothing that it acknowledged and leaves no half append', async () => {
    await lock.release();
    const acknowledged = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      const child = startChild('appending.mjs', [dir, '32', '300']);
      for (let line = 0; line < 40 + round * 200; line += 1) {
        const said = await child.next();
        expect(said).not.toHaveProperty('refused');
        for (const id of (said?.ids as string[] | undefined) ?? []) acknowledged.add(id);
      }
      await child.kill();
      for (const said of await child.rest())
        for (const id of (said.ids as string[] | undefined) ?? []) acknowledged.add(id);
    }
    lock = await acquireLock(dir);
    const reopened = await open();
    const stored = new Set(await allIds(reopened));
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(2000);
    expect(await verifyEmbeddedLog(dir)).not.toHaveProperty('problem');
  });
});
