// The file of the embedded log as a crash or damage may leave it: what is cut off, and what refuses to open.
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedLog, openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import { acquireLock, type Lock } from '../../src/adapters/event-log/lock.js';
import { LogDamaged } from '../../src/adapters/event-log/scan.js';
import { verifyEmbeddedLog } from '../../src/adapters/event-log/verify.js';
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

/** A closed log: an append acknowledged alone, then 40 that shared one write and sync, from byte `begin` on. */
const writtenTogether = async () => {
  const syncs: number[] = [];
  const appender = await open({ onSync: ({ appends }) => syncs.push(appends) });
  const events = Array.from({ length: 41 }, () => newEvent('Counted', { pad: 'x'.repeat(400) }));
  await appender.append('a-0', events.slice(0, 1), 'no_stream');
  const { size: begin } = await stat(file);
  await Promise.all(events.slice(1).map((event, i) => appender.append(`a-${i + 1}`, [event], 'no_stream')));
  expect(syncs).toEqual([1, 40]);
  await closed();
  return { bytes: await readFile(file), begin, ids: idsOf(events) };
};

const page = 4096;
/** The bytes without what a write from `begin` on put into some pages of the file. */
const withoutPages = (bytes: Buffer, begin: number, missing: readonly number[]): Buffer => {
  const torn = Buffer.from(bytes);
  for (const number of missing)
    torn.fill(0, Math.max(begin, number * page), Math.min(torn.length, (number + 1) * page));
  return torn;
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

  test('of a shared write whose first page is missing is cut off, though whole lines of that write follow', async () => {
    const { bytes, begin, ids } = await writtenTogether();
    const torn = Buffer.from(bytes).fill(0, begin, begin + page);
    await writeFile(file, torn);
    const tail = { offset: begin, bytes: bytes.length - begin };
    const seen = await verifyEmbeddedLog(dir);
    expect(seen).toMatchObject({ events: 1, lines: 2, tail });
    expect(seen).not.toHaveProperty('problem');
    expect(await readFile(file)).toEqual(torn);
    const reopened = await open();
    expect(reopened.cut).toEqual(tail);
    expect(await allIds(reopened)).toEqual(ids.slice(0, 1));
  });

  test('of a shared write with any pages missing is cut at its first broken line, and the log goes on', async () => {
    const { bytes, begin, ids } = await writtenTogether();
    const pages = { min: Math.floor(begin / page), max: Math.floor((bytes.length - 1) / page) };
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer(pages), { minLength: 1 }), async (missing) => {
        await writeFile(file, withoutPages(bytes, begin, missing));
        const gone = Math.max(begin, Math.min(...missing) * page);
        const cutAt = bytes.lastIndexOf(10, gone - 1) + 1;
        const kept = bytes.subarray(0, cutAt).toString().split('\n').length - 2; // lines without the header
        const tail = { offset: cutAt, bytes: bytes.length - cutAt };
        expect(await verifyEmbeddedLog(dir)).toMatchObject({ events: kept, lines: kept + 1, tail });
        const reopened = await open();
        expect(reopened.cut).toEqual(tail);
        const more = counted(2);
        await reopened.append('b-1', more, 'no_stream');
        expect(await allIds(await open())).toEqual([...ids.slice(0, kept), ...idsOf(more)]);
        const seen = await verifyEmbeddedLog(dir);
        expect(seen).not.toHaveProperty('problem');
        expect(seen).not.toHaveProperty('tail');
      }),
      { numRuns: 60 },
    );
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

  test('of any pages of a shared write refuses to open once anything was written after it', async () => {
    const together = await writtenTogether();
    await (await open()).append('b-1', counted(1), 'no_stream');
    await closed();
    const bytes = await readFile(file);
    const end = together.bytes.length;
    const pages = { min: Math.floor(together.begin / page), max: Math.floor(end / page) - 1 };
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer(pages), { minLength: 1 }), async (missing) => {
        const damaged = withoutPages(bytes, together.begin, missing);
        await writeFile(file, damaged);
        const offset = bytes.lastIndexOf(10, Math.max(together.begin, Math.min(...missing) * page) - 1) + 1;
        const refusal = { name: 'LogDamaged', offset };
        await expect(openEmbeddedLog({ dir, lock })).rejects.toMatchObject(refusal);
        expect(await readFile(file)).toEqual(damaged);
        const seen = await verifyEmbeddedLog(dir);
        expect(seen.problem).toMatchObject({ offset, reason: 'its CRC does not hold' });
        expect(seen).not.toHaveProperty('tail');
      }),
      { numRuns: 60 },
    );
  });

  test('of a write refuses to open also when the write after it was begun before its sync ended', async () => {
    const syncs: number[] = [];
    const appender = await open({ onSync: ({ appends }) => syncs.push(appends) });
    const { size: begin } = await stat(file);
    const first = appender.append('a-1', counted(1), 'no_stream');
    await new Promise(setImmediate); // its write begins here
    await Promise.all([first, ...[2, 3].map((n) => appender.append(`a-${n}`, counted(1), 'no_stream'))]);
    expect(syncs).toEqual([1, 2]);
    await closed();
    await writeFile(file, (await readFile(file)).fill(0, begin, begin + 10));
    const refusal = { name: 'LogDamaged', offset: begin };
    await expect(openEmbeddedLog({ dir, lock })).rejects.toMatchObject(refusal);
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
