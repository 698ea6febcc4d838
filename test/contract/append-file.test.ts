// The append-only record file: what was acknowledged is found again after any crash, and damage is never taken for one.
import { link, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type AppendFile,
  type Cut,
  openAppendFile,
  type SyncedWrite,
  writeSynced,
} from '../../src/adapters/append-file.js';
import type { Json } from '../../src/domain/decider.js';

const format = 'test 1';
const append = (file: AppendFile, record: Json, options?: { lazy?: boolean }) =>
  file.append(JSON.stringify(record), options);

describe('append file', () => {
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'core-api-'));
    path = join(dir, 'records.jsonl');
  });
  afterEach(() => rm(dir, { recursive: true }));

  const open = async (write?: SyncedWrite, at = path) => {
    const records: Json[] = [];
    const cuts: Cut[] = [];
    const visit = (record: Buffer) => void records.push(JSON.parse(record.toString()));
    const file = await openAppendFile({
      path: at,
      format,
      visit,
      onCut: (cut) => void cuts.push(cut),
      write,
    });
    return { file, records, cuts };
  };
  const recordsOf = async (at = path) => {
    const { file, records } = await open(undefined, at);
    await file.close();
    return records;
  };
  /** Writes each group of records with one sync; answers where each group ends. */
  const writeGroups = async (groups: Json[][]) => {
    const { file } = await open();
    const ends = [(await stat(path)).size];
    for (const group of groups) {
      await Promise.all(group.map((record) => append(file, record)));
      ends.push((await stat(path)).size);
    }
    await file.close();
    return ends;
  };
  const groups = [['a', { text: 'grün 😀\n' }], [[2, 'three']], [1, null, 'last']];

  test('records come back in order, and each can be read at its place', async () => {
    const { file } = await open();
    const places = await Promise.all(groups.flat().map((record) => append(file, record)));
    for (const [index, record] of groups.flat().entries())
      expect(await file.read(places[index] ?? { offset: 0, length: 0 })).toEqual(record);
    await file.close();
    expect(await recordsOf()).toEqual(groups.flat());
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('each line is JSON, so that usual tools read it', async () => {
    await writeGroups(groups);
    const lines = (await readFile(path, 'utf8')).split('\n').slice(1, -1);
    expect(lines.map((line) => JSON.parse(line)[2])).toEqual(groups.flat());
  });

  test('a hundred records at once share few syncs, and lazy ones cause none', async () => {
    let writes = 0;
    const { file } = await open((...written) => {
      writes += 1;
      return writeSynced(...written);
    });
    writes = 0;
    const lazy = Promise.all(['l1', 'l2'].map((record) => append(file, record, { lazy: true })));
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toBe(0);
    await Promise.all(Array.from({ length: 100 }, (_, index) => append(file, index)));
    expect(writes).toBe(1);
    await lazy;
    const last = append(file, 'l3', { lazy: true });
    await file.close();
    await last;
    expect((await recordsOf()).length).toBe(103);
  });

  test('cut at any length, it keeps every group that was synced before, and goes on', async () => {
    const ends = await writeGroups(groups);
    const whole = await readFile(path);
    for (let length = 0; length <= whole.length; length++) {
      const torn = join(dir, 'torn.jsonl');
      await writeFile(torn, whole.subarray(0, length));
      const { file, records, cuts } = await open(undefined, torn);
      const synced = groups.slice(0, Math.max(ends.filter((end) => end <= length).length - 1, 0)).flat();
      expect(records.slice(0, synced.length)).toEqual(synced);
      expect(groups.flat().slice(0, records.length)).toEqual(records);
      const lineEnd = length === 0 || whole[length - 1] === 10;
      expect(cuts.map(({ offset, bytes }) => offset + bytes)).toEqual(lineEnd ? [] : [length]);
      await append(file, 'more');
      await file.close();
      expect(await recordsOf(torn)).toEqual([...records, 'more']);
    }
  });

  test('a changed byte is refused by file and offset, except where only the last write can have been torn', async () => {
    const ends = await writeGroups(groups);
    const lastGroup = ends.at(-2) ?? 0;
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const damaged = join(dir, 'damaged.jsonl');
      await writeFile(
        damaged,
        whole.map((byte, index) => (index === at ? byte ^ 1 : byte)),
      );
      const line = whole.subarray(0, at).lastIndexOf(10) + 1;
      if (at < lastGroup) {
        await expect(open(undefined, damaged)).rejects.toThrow(`${damaged} is damaged at byte ${line}.`);
      } else {
        const { file, records, cuts } = await open(undefined, damaged);
        expect(groups.flat().slice(0, records.length)).toEqual(records);
        expect(records.length).toBeGreaterThanOrEqual(groups.slice(0, -1).flat().length);
        expect(cuts).toEqual([{ path: damaged, offset: line, bytes: whole.length - line }]);
        await file.close();
      }
    }
  });

  test('damage in a file that was rewritten is refused on every line but the last', async () => {
    const { file } = await open();
    await Promise.all(groups.flat().map((record) => append(file, record)));
    await file.rewrite(() => true, []);
    await file.close();
    const whole = await readFile(path);
    const lastLine = whole.lastIndexOf(10, whole.length - 2) + 1;
    for (let at = 0; at < lastLine - 1; at++) {
      await writeFile(
        path,
        whole.map((byte, index) => (index === at ? byte ^ 1 : byte)),
      );
      await expect(open()).rejects.toThrow('is damaged at byte');
    }
  });

  test('a file that is not one of these, or of another format, is refused and left alone', async () => {
    await writeFile(path, `${'something else\n'.repeat(10)}`);
    await expect(open()).rejects.toThrow(`${path} is damaged at byte 0.`);
    expect(await readFile(path, 'utf8')).toContain('something else');
    const other = join(dir, 'other.jsonl');
    await (await openAppendFile({ path: other, format: 'test 2', visit: () => undefined })).close();
    await expect(open(undefined, other)).rejects.toThrow(`${other} is not of the format "test 1".`);
  });

  /** Writes half of the bytes and fails, as a full disk does, while `full` says so. */
  const failing = () => {
    const disk = { full: false };
    const write: SyncedWrite = async (file, bytes, position) => {
      if (!disk.full) return writeSynced(file, bytes, position);
      await writeSynced(file, bytes.subarray(0, bytes.length >> 1), position);
      throw new Error('ENOSPC: no space left on device');
    };
    return { disk, write };
  };

  test('a write that fails is reported to each caller and leaves no byte; the next one is kept', async () => {
    const { disk, write } = failing();
    const { file } = await open(write);
    await append(file, 'before');
    const { size } = await stat(path);
    disk.full = true;
    const failed = await Promise.allSettled([append(file, 'x'.repeat(1000)), append(file, 'y')]);
    for (const each of failed)
      expect(each).toMatchObject({
        status: 'rejected',
        reason: { code: 'unavailable', cause: { message: `Cannot write ${path}.` } },
      });
    expect((await stat(path)).size).toBe(size);
    disk.full = false;
    await append(file, 'after');
    await file.close();
    expect(await recordsOf()).toEqual(['before', 'after']);
  });

  test('after close nothing is taken', async () => {
    const { file } = await open();
    await file.close();
    await expect(append(file, 'late')).rejects.toMatchObject({ code: 'unavailable' });
    await file.close();
  });

  test('rewriting keeps what is wanted, adds, and goes on, while appends come', async () => {
    const { file } = await open();
    await Promise.all(['a', 'b', 'c'].map((record) => append(file, record)));
    const appended = append(file, 'd');
    const rewritten = file.rewrite((record) => record !== 'b', ['"z"']);
    await Promise.all([appended, rewritten, append(file, 'e')]);
    await append(file, 'f');
    await file.close();
    expect((await recordsOf()).sort()).toEqual(['a', 'c', 'd', 'e', 'f', 'z']);
    expect((await recordsOf()).indexOf('z')).toBeLessThan((await recordsOf()).indexOf('f'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('rewriting overwrites the old bytes', async () => {
    const { file } = await open();
    await Promise.all(['keep', 'SECRET'].map((record) => append(file, record)));
    const old = join(dir, 'old');
    await link(path, old); // another name for the old bytes, which would be gone otherwise
    await file.rewrite((record) => record !== 'SECRET', []);
    await file.close();
    expect(await readFile(path, 'utf8')).not.toContain('SECRET');
    expect(new Set(await readFile(old))).toEqual(new Set([0]));
  });

  test('rewriting that fails changes nothing, and what a crash left of one is removed', async () => {
    const { disk, write } = failing();
    const { file } = await open(write);
    await append(file, 'a');
    disk.full = true;
    await expect(file.rewrite(() => false, [])).rejects.toMatchObject({ code: 'unavailable' });
    disk.full = false;
    await expect(stat(`${path}.new`)).rejects.toThrow('ENOENT');
    await append(file, 'b');
    await file.close();
    await writeFile(`${path}.new`, 'half a file');
    expect(await recordsOf()).toEqual(['a', 'b']);
    await expect(stat(`${path}.new`)).rejects.toThrow('ENOENT');
  });

  test('lines longer than a read block are read whole', async () => {
    const long = 'x'.repeat(2_500_000);
    const { file } = await open();
    await Promise.all(['a', long, 'b', long].map((record) => append(file, record)));
    await file.close();
    expect(await recordsOf()).toEqual(['a', long, 'b', long]);
    await truncate(path, (await stat(path)).size - 1);
    expect(await recordsOf()).toEqual(['a', long, 'b']);
  });
});
