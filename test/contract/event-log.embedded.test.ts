// The embedded log: the contract, and what its file promises to those who read it with other tools.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedLog, openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import type { SyncStats } from '../../src/adapters/event-log/group-commit.js';
import type { Filter } from '../../src/adapters/event-log/port.js';
import { readEmbeddedLog, verifyEmbeddedLog } from '../../src/adapters/event-log/verify.js';
import { collect, counted, idsOf } from '../support/log-events.js';
import { eventLogContract } from './event-log.js';

const folder = () => mkdtemp(join(tmpdir(), 'core-api-log-'));

eventLogContract('embedded', async () => {
  const dir = await folder();
  return {
    open: () => openEmbeddedLog({ dir }),
    cleanup: () => rm(dir, { recursive: true, force: true }),
  };
});

describe('the file of the embedded log', () => {
  let dir: string;
  let log: EmbeddedLog;
  let syncs: SyncStats[];
  beforeEach(async () => {
    dir = await folder();
    syncs = [];
    const now = () => new Date('2026-01-15T10:30:00Z');
    log = await openEmbeddedLog({ dir, now, onSync: (stats) => syncs.push(stats) });
  });
  afterEach(async () => {
    await log.close();
    await rm(dir, { recursive: true, force: true });
  });
  const lines = async () => (await readFile(log.file, 'utf8')).split('\n').slice(0, -1);

  test('is readable by its owner alone and begins with format, log id and time of creation', async () => {
    expect((await stat(log.file)).mode & 0o777).toBe(0o600);
    const [header] = await lines();
    expect(JSON.parse(header ?? '')).toMatchObject({
      format: 1,
      log: log.id,
      createdAt: '2026-01-15T10:30:00.000Z',
    });
  });

  test('has one JSON line per append, events with dense positions', async () => {
    await log.append('a-1', counted(2), 'no_stream');
    await log.append('b-1', counted(1), 'no_stream');
    const [, first, second] = (await lines()).map((line) => JSON.parse(line));
    expect(first).toMatchObject({
      n: 2,
      events: [
        { stream: 'a-1', position: 0 },
        { stream: 'a-1', position: 1 },
      ],
    });
    expect(second).toMatchObject({
      n: 1,
      events: [{ stream: 'b-1', revision: 0, position: 2, data: { n: 0 } }],
    });
  });

  test('has on every line a CRC-32, and a SHA-256 chained to the line before, that others can compute', async () => {
    await Promise.all([1, 2, 3, 4].map((n) => log.append(`ä"-${n}`, counted(n), 'no_stream')));
    let previous = '0'.repeat(64);
    for (const line of await lines()) {
      const { crc, hash } = JSON.parse(line) as { crc: string; hash: string };
      const rest = line.slice(line.indexOf('"hash"'));
      expect(crc).toBe(crc32(rest).toString(16).padStart(8, '0'));
      expect(hash).toBe(createHash('sha256').update(rest.replace(hash, previous)).digest('hex'));
      previous = hash;
    }
    expect((await verifyEmbeddedLog(dir)).lastHash).toBe(previous);
  });

  test('appends that arrive while a sync runs share the next one', async () => {
    const first = log.append('a-1', counted(1), 'any');
    await new Promise(setImmediate); // its write begins here
    const others = Array.from({ length: 99 }, () => log.append('a-1', counted(1), 'any'));
    await Promise.all([first, ...others]);
    expect(syncs.map(({ appends }) => appends)).toEqual([1, 99]);
    const headerBytes = Buffer.byteLength(`${(await lines())[0]}\n`);
    const written = syncs.reduce((sum, { bytes }) => sum + bytes, headerBytes);
    expect(written).toBe((await stat(log.file)).size);
  });

  test('can be read and verified beside the running writer', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, i) => log.append(`a-${i % 3}`, counted(2), 'any')));
    const reader = await readEmbeddedLog(dir);
    expect(reader.id).toBe(log.id);
    expect(await reader.head()).toBe(59);
    expect(await collect(reader.readAll(-1))).toEqual(await collect(log.readAll(-1)));
    expect(idsOf(await collect(reader.read('a-1')))).toEqual(idsOf(await collect(log.read('a-1'))));
    await reader.close();
    expect(await verifyEmbeddedLog(dir)).toMatchObject({ logId: log.id, events: 60, lines: 31 });
  });

  test('looking backwards counts what is looked at, wanted or not', async () => {
    for (let n = 0; n < 10; n += 1) await log.append(`${n % 2 ? 'odd' : 'even'}-1`, counted(1, n), 'any');
    const seen = async (before: number, filter: Filter, scan: number) =>
      (await collect(log.readAllBackwards(before, filter, scan))).map(({ position }) => position);
    expect(await seen(Number.POSITIVE_INFINITY, {}, 3)).toEqual([9, 8, 7]);
    expect(await seen(Number.POSITIVE_INFINITY, { categories: new Set(['even']) }, 4)).toEqual([8, 6]);
    expect(await seen(3, {}, 99)).toEqual([2, 1, 0]);
    expect(await seen(0, {}, 99)).toEqual([]);
  });

  test('lines far longer and far more than a read or a buffer holds are found again', async () => {
    const long = (n: number) => [{ ...counted(1, n)[0], data: { n, text: 'é'.repeat(200_000) } }] as never;
    await Promise.all(Array.from({ length: 30 }, (_, n) => log.append(`long-${n}`, long(n), 'no_stream')));
    await Promise.all(
      Array.from({ length: 5000 }, (_, n) => log.append(`short-${n % 7}`, counted(1), 'any')),
    );
    await log.close();
    log = await openEmbeddedLog({ dir });
    expect(await log.head()).toBe(5029);
    const all = await collect(log.readAll(-1));
    expect(all.map(({ position }) => position)).toEqual(Array.from({ length: 5030 }, (_, n) => n));
    expect(all[29]?.data).toEqual({ n: 29, text: 'é'.repeat(200_000) });
    expect(await collect(log.readAll(-1, { categories: new Set(['short']) }))).toHaveLength(5000);
  });
});
