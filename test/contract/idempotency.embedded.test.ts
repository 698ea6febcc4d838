// The idempotency files: the common contract, any crash, a full disk, and what may be read in them.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type SyncedWrite, writeSynced } from '../../src/adapters/append-file.js';
import { openIdempotencyFile } from '../../src/adapters/idempotency/embedded.js';
import type { Idempotency, Started } from '../../src/adapters/idempotency/port.js';
import { idempotencyContract } from './idempotency.js';

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

idempotencyContract('embedded', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
  const key = randomBytes(32);
  const clock = { now: start };
  const opened: Idempotency[] = [];
  const open = async () => {
    const store = await openIdempotencyFile({ dir, key, now: () => clock.now });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    clock,
    async restart() {
      await opened.at(-1)?.close();
      return open();
    },
    crash: open, // the dead process's store writes nothing more: no sync is under way, and nobody calls it again
    async dispose() {
      for (const store of opened) await store.close();
      await rm(dir, { recursive: true });
    },
  };
});

describe('idempotency: embedded, files', () => {
  const key = randomBytes(32);
  const answer = { status: 201, body: '{"secret":"sk_live_1"}', headers: { location: '/somewhere' } };
  const clock = { now: start };
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'core-api-'));
    clock.now = start;
  });
  afterEach(() => rm(dir, { recursive: true }));

  const open = (at = dir, write?: SyncedWrite) =>
    openIdempotencyFile({ dir: at, key, now: () => clock.now, ...(write && { write }) });
  const fresh = (name: string): Started => ({
    commandId: `command of ${name}`,
    fingerprint: 'ab'.repeat(32),
    seed: `seed of ${name}`,
    at: new Date(clock.now).toISOString(),
  });
  const files = async () => (await readdir(join(dir, 'idempotency'))).sort();

  /** Runs three commands; answers by name how long the file was when each step was acknowledged. */
  const threeRuns = async (path: string) => {
    const store = await open();
    const size = async () => (await stat(path)).size;
    const acknowledged: { name: string; begun: number; finished: number }[] = [];
    for (const name of ['a', 'b', 'c']) {
      await store.begin(name, fresh(name));
      const begun = await size();
      const durable = name !== 'b';
      await store.finish(name, { ...answer, body: name }, { durable });
      acknowledged.push({ name, begun, finished: durable ? await size() : Number.POSITIVE_INFINITY });
    }
    await store.close();
    return acknowledged;
  };

  test('cut anywhere, an acknowledged begin is a retry with its values and a durable answer is given again', async () => {
    const path = join(dir, 'idempotency', '000001.jsonl');
    const acknowledged = await threeRuns(path);
    const whole = await readFile(path);
    const torn = join(dir, 'torn');
    await mkdir(join(torn, 'idempotency'), { recursive: true });
    const nearLineEnd = (length: number) => whole.subarray(Math.max(length - 2, 0), length + 2).includes(10);
    for (let length = 0; length <= whole.length; length++) {
      if (length % 17 !== 0 && !nearLineEnd(length)) continue;
      await writeFile(join(torn, 'idempotency', '000001.jsonl'), whole.subarray(0, length));
      const reopened = await open(torn);
      for (const { name, begun, finished } of acknowledged) {
        const found = await reopened.begin(name, { ...fresh(name), seed: 'another' });
        const again = { state: 'finished', answer: { ...answer, body: name } };
        const retried = { state: 'run', started: fresh(name), retry: true };
        const anew = { state: 'run', started: { ...fresh(name), seed: 'another' }, retry: false };
        const allowed =
          length >= finished ? [again] : length >= begun ? [again, retried] : [again, retried, anew];
        expect(allowed).toContainEqual(found);
      }
      await reopened.close();
    }
  });

  test('no key, seed, fingerprint, header or answer stands in the files in clear', async () => {
    const store = await open();
    await store.begin('caller key', fresh('x'));
    await store.finish('caller key', answer, { durable: true });
    await store.close();
    const text = await readFile(join(dir, 'idempotency', '000001.jsonl'), 'utf8');
    expect(text).toContain('k1.');
    for (const secret of ['caller key', 'seed of', 'command of', 'abab', 'sk_live_1', 'somewhere', 'secret'])
      expect(text).not.toContain(secret);
  });

  test('another encryption key is refused by name', async () => {
    const store = await open();
    await store.begin('a', fresh('a'));
    await store.close();
    await expect(openIdempotencyFile({ dir, key: randomBytes(32), now: () => clock.now })).rejects.toThrow(
      `ENCRYPTION_KEY is not the key that the records in ${join(dir, 'idempotency')} were sealed with.`,
    );
  });

  test('records go with their file a day later, and no file is written to for more than about an hour', async () => {
    for (let step = 0; step <= 30; step += 3) {
      clock.now = start + step * hour;
      const store = await open();
      await store.begin(`key-${step}`, fresh(`${step}`));
      await store.finish(`key-${step}`, answer, { durable: true });
      await store.close();
    }
    // Of the hours 0, 3, … 30 those from 6 on are younger than a day; the files of 3 and 6 may still stand.
    const left = await files();
    expect(left.length).toBeGreaterThanOrEqual(8);
    expect(left.length).toBeLessThanOrEqual(10);
    const store = await open();
    expect(await store.begin('key-9', fresh('9'))).toMatchObject({ state: 'finished' });
    expect(await store.begin('key-6', fresh('6'))).toMatchObject({ state: 'run', retry: false });
    await store.close();
    clock.now += 25 * hour;
    await (await open()).close();
    expect(await files()).toHaveLength(1);
  });

  test('answers that are stored hours after their runs began do not begin a file each minute', async () => {
    const store = await open();
    const names = Array.from({ length: 30 }, (_, index) => `long-${index}`);
    for (const name of names) await store.begin(name, fresh(name));
    clock.now += 5 * hour;
    for (const name of names) {
      await store.finish(name, answer, { durable: true });
      await store.begin(`other than ${name}`, fresh('other'));
      clock.now += 61_000;
    }
    await store.close();
    expect((await files()).length).toBeLessThanOrEqual(3);
  });

  describe('on a disk that is full', () => {
    const disk = { full: false };
    beforeEach(() => {
      disk.full = false;
    });
    const write: SyncedWrite = async (file, bytes, position) => {
      if (disk.full) throw new Error('ENOSPC: no space left on device');
      await writeSynced(file, bytes, position);
    };

    test('a begin is refused as unavailable, and the next one is a first run', async () => {
      const store = await open(dir, write);
      disk.full = true;
      await expect(store.begin('a', fresh('a'))).rejects.toMatchObject({ code: 'unavailable' });
      disk.full = false;
      expect(await store.begin('a', fresh('a'))).toMatchObject({ state: 'run', retry: false });
      await store.close();
    });

    test('a durable answer is refused as unavailable, and the next begin runs again', async () => {
      const store = await open(dir, write);
      await store.begin('a', fresh('a'));
      disk.full = true;
      await expect(store.finish('a', answer, { durable: true })).rejects.toMatchObject({
        code: 'unavailable',
      });
      disk.full = false;
      expect(await store.begin('a', fresh('a'))).toEqual({ state: 'run', started: fresh('a'), retry: true });
      await store.close();
    });

    test('an answer that need not be durable is given again by this process, and run again by the next', async () => {
      const store = await open(dir, write);
      await store.begin('a', fresh('a'));
      await store.finish('a', answer, { durable: false });
      disk.full = true;
      await expect(store.begin('b', fresh('b'))).rejects.toMatchObject({ code: 'unavailable' });
      disk.full = false;
      expect(await store.begin('a', fresh('a'))).toEqual({ state: 'finished', answer });
      await store.close();
      const next = await open();
      expect(await next.begin('a', fresh('a'))).toMatchObject({ state: 'run', retry: true });
      await next.close();
    });
  });
});
