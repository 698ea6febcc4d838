// The embedded log when things break: disks that fail or are full, processes that die, files that were damaged.
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedLog, openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import { acquireLock, type Lock } from '../../src/adapters/event-log/lock.js';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { LogDamaged } from '../../src/adapters/event-log/scan.js';
import { verifyEmbeddedLog } from '../../src/adapters/event-log/verify.js';
import { startChild } from '../support/child.js';
import { faultyFs } from '../support/faulty-fs.js';
import { collect, counted, idsOf, newEvent } from '../support/log-events.js';

let dir: string;
let file: string;
let log: EmbeddedLog | undefined;
let lock: Lock;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-faults-'));
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
const closed = async () => {
  await log?.close();
  log = undefined;
};
const allIds = async (of: EmbeddedLog) => idsOf(await collect(of.readAll(-1)));
const unavailable = (fate: 'not_written' | 'unknown') =>
  expect.toSatisfy((error) => error instanceof LogUnavailable && error.fate === fate);

/** A closed log of four appends, the last of three events; where its lines begin, and the ids in order. */
const written = async () => {
  const appender = await open();
  const metadata = { ...newEvent().metadata, audience: [], commandId: '1', correlationId: '1' };
  const events = counted(7).map((event) => ({ ...event, metadata }));
  await appender.append('a-1', events.slice(0, 1), 'no_stream');
  await appender.append('b-1', events.slice(1, 3), 'no_stream');
  await appender.append('a-1', events.slice(3, 5), 0);
  await appender.append('ä-1', events.slice(5, 7), 'no_stream');
  await closed();
  const bytes = await readFile(file);
  const starts = [0];
  for (let feed = bytes.indexOf(10); feed !== -1; feed = bytes.indexOf(10, feed + 1)) starts.push(feed + 1);
  return { bytes, starts, ids: idsOf(events), last: starts.at(-2) ?? 0, size: bytes.length };
};

describe('a torn tail', () => {
  test('of any length of the last line is cut off and told, and the log goes on', async () => {
    const { bytes, last, ids, size } = await written();
    for (let length = last + 1; length < size; length += 1) {
      await writeFile(file, bytes.subarray(0, length));
      const warnings: string[] = [];
      const reopened = await open({ onWarning: (text) => warnings.push(text) });
      expect(reopened.cut).toEqual({ offset: last, bytes: length - last });
      expect(warnings).toEqual([
        expect.stringContaining(`${file}: cut off ${length - last} bytes at ${last}`),
      ]);
      expect(await reopened.head()).toBe(4);
      expect((await stat(file)).size).toBe(last);
    }
    const reopened = await open();
    const more = counted(2);
    await reopened.append('ä-1', more, 'no_stream');
    expect(await allIds(reopened)).toEqual([...ids.slice(0, 5), ...idsOf(more)]);
    expect(await verifyEmbeddedLog(dir)).not.toHaveProperty('problem');
  });

  test.each([
    ['text', Buffer.from('garbage'.repeat(50))],
    ['lines', Buffer.from('{"crc":"00000000"}\n\n{}\n')],
    ['zeros over several reads', Buffer.alloc(9 << 20)],
    ['line feeds', Buffer.alloc(50, 10)],
    ['binary', Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 89) % 256))],
  ])('of %s after the last whole line is cut off', async (_, garbage) => {
    const { bytes, ids, size } = await written();
    await writeFile(file, Buffer.concat([bytes, garbage]));
    const reopened = await open();
    expect(reopened.cut).toEqual({ offset: size, bytes: garbage.length });
    expect(await allIds(reopened)).toEqual(ids);
    expect(await readFile(file)).toEqual(bytes);
  });

  test('is left alone by those who only look, and shown by verify', async () => {
    const { last, size } = await written();
    await truncate(file, size - 5);
    expect(await verifyEmbeddedLog(dir)).toMatchObject({
      events: 5,
      tail: { offset: last, bytes: size - 5 - last },
    });
    expect((await stat(file)).size).toBe(size - 5);
  });
});

describe('damage', () => {
  test('anywhere before the last line refuses to open, names file and byte, and changes nothing', async () => {
    const { bytes, starts, last } = await written();
    for (let at = starts[1] ?? 0; at < last; at += 13) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      await writeFile(file, damaged);
      const line = starts.filter((start) => start <= at).at(-1) ?? 0;
      const error = await openEmbeddedLog({ dir, lock }).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(LogDamaged);
      expect(error.message).toContain(`${file} is damaged at byte ${line} `);
      expect(error.message).toContain('npm run cli -- verify');
      expect(await readFile(file)).toEqual(damaged);
      expect((await verifyEmbeddedLog(dir)).problem?.offset).toBe(line);
    }
  });

  test('of the header refuses to open, wherever it is', async () => {
    const { bytes, starts } = await written();
    for (let at = 0; at < (starts[1] ?? 0); at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await writeFile(file, damaged);
      await expect(openEmbeddedLog({ dir, lock })).rejects.toThrow(/byte 0|format/);
      expect(await readFile(file)).toEqual(damaged);
    }
    for (const length of [0, 10, (starts[1] ?? 0) - 1]) {
      await writeFile(file, bytes.subarray(0, length));
      await expect(openEmbeddedLog({ dir, lock })).rejects.toThrow(`${file} is damaged at byte 0`);
    }
  });

  test.each([
    ['removed', (lines: string[]) => lines.toSpliced(2, 1)],
    ['repeated', (lines: string[]) => lines.toSpliced(2, 0, lines[2] ?? '')],
    ['swapped', (lines: string[]) => [...lines.slice(0, 2), lines[3], lines[2], ...lines.slice(4)]],
  ])('by lines that are whole but were %s is found', async (_, edit) => {
    const { bytes } = await written();
    await writeFile(file, edit(bytes.toString().split('\n')).join('\n'));
    await expect(openEmbeddedLog({ dir, lock })).rejects.toThrow(LogDamaged);
    expect(await verifyEmbeddedLog(dir)).toHaveProperty('problem');
  });

  test('by a line that was rewritten with a right CRC is found by verify', async () => {
    const { bytes, starts } = await written();
    const { seal } = await import('../../src/adapters/event-log/line.js');
    const [start, end] = [starts[2] ?? 0, (starts[3] ?? 0) - 1];
    bytes.write('9', bytes.indexOf('"n":1}', start) + 4);
    seal(bytes, start, end);
    await writeFile(file, bytes);
    expect((await verifyEmbeddedLog(dir)).problem).toMatchObject({
      line: 3,
      reason: expect.stringContaining('chain'),
    });
  });

  test('a newer format is refused in a clear sentence', async () => {
    await written();
    await writeFile(file, '{"crc":"x","format":2,"anything":[]}\n');
    await expect(openEmbeddedLog({ dir, lock })).rejects.toThrow(
      `${file} has format 2; this core-api knows formats up to 1. Use a newer core-api.`,
    );
  });
});

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
