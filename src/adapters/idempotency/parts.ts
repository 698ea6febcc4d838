// Where the idempotency records stand: a folder of hourly files, so that old records go by deleting a file.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AppendFile,
  type Cut,
  openAppendFile,
  type SyncedWrite,
  syncDirectory,
} from '../append-file.js';
import type { Place } from '../append-lines.js';

/** `name` (32 characters of hex) stands for the key, `at` (Unix ms) is its first run, `sealed` holds all the rest. */
export type StoredRecord = { readonly name: string; readonly at: number; readonly sealed: string };

/** Where a record stands: the number of its file, and the place in it. */
export type Stand = Place & { readonly part: number };

export type Parts = {
  /** Resolves once on disk; a `lazy` record waits for the next one that is not. */
  append(record: StoredRecord, options: { lazy: boolean }): Promise<Stand>;
  read(stand: Stand): Promise<StoredRecord>;
  /** Begins a new file when the last is an hour old; deletes those with records of before `expired` (Unix ms) alone. */
  tidy(now: number, expired: number): Promise<void>;
  close(): Promise<void>;
};

export type PartsOptions = {
  readonly dir: string;
  readonly visit: (name: string, at: number, stand: Stand) => void;
  readonly onCut?: ((cut: Cut) => void) | undefined;
  readonly write?: SyncedWrite | undefined;
};

type Part = { number: number; path: string; file: AppendFile; span: Span };
/** Times (`at`) of the first and of the youngest record in a file. */
type Span = { first?: number; newest: number };

const partMs = 3_600_000;

const widen = (span: Span, at: number) => {
  span.first ??= at;
  span.newest = Math.max(span.newest, at);
};

// Written and read by hand, as a start may have millions to read: nothing in a record needs escaping, and what is
// sealed is not looked at. The name has 32 characters, the time 13 digits.
const head = { name: '{"name":"'.length, at: '{"name":"","at":'.length + 32 };

const encode = ({ name, at, sealed }: StoredRecord): string =>
  `{"name":"${name}","at":${at},"sealed":"${sealed}"}`;

const decodeHead = (record: Buffer): { name: string; at: number } => ({
  name: record.toString('latin1', head.name, head.name + 32),
  at: Number(record.toString('latin1', head.at, head.at + 13)),
});

/** Opens all parts in order, the last one for writing, and visits their records. Throws when one is damaged. */
export const openParts = async ({ dir, visit, onCut, write }: PartsOptions): Promise<Parts> => {
  const openPart = async (number: number): Promise<Part> => {
    const path = join(dir, `${String(number).padStart(6, '0')}.jsonl`);
    const span: Span = { newest: Number.NEGATIVE_INFINITY };
    const file = await openAppendFile({
      path,
      format: 'idempotency 1',
      visit: (record, { offset, length }) => {
        const { name, at } = decodeHead(record);
        widen(span, at);
        visit(name, at, { part: number, offset, length });
      },
      onCut,
      write,
    });
    return { number, path, file, span };
  };

  await mkdir(dir, { recursive: true, mode: 0o700 });
  await syncDirectory(join(dir, '..'));
  const numbers = (await readdir(dir))
    .filter((name) => /^\d+\.jsonl$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
  const parts = new Map<number, Part>();
  for (const number of numbers.slice(0, -1)) parts.set(number, await openPart(number));
  let current = await openPart(numbers.at(-1) ?? 1);
  parts.set(current.number, current);

  const partOf = (number: number): Part => {
    const part = parts.get(number);
    if (!part) throw new Error(`Part ${number} of ${dir} is gone.`);
    return part;
  };

  const tidy = async (now: number, expired: number) => {
    if (now - (current.span.first ?? now) >= partMs) {
      current = await openPart(current.number + 1);
      // Its age counts from here: the first record in it may be the late answer to an old run.
      current.span.first = now;
      parts.set(current.number, current);
    }
    for (const part of parts.values()) {
      if (part === current || part.span.newest >= expired) continue;
      parts.delete(part.number);
      await part.file.close();
      await rm(part.path);
    }
  };
  let tidying: Promise<void> = Promise.resolve();

  return {
    async append(record, options) {
      const { number, file, span } = current;
      widen(span, record.at);
      const { offset, length } = await file.append(encode(record), options);
      return { part: number, offset, length };
    },
    async read(stand) {
      return (await partOf(stand.part).file.read(stand)) as StoredRecord;
    },
    tidy(now, expired) {
      const result = tidying.then(() => tidy(now, expired));
      tidying = result.catch(() => undefined);
      return result;
    },
    async close() {
      await tidying;
      for (const { file } of parts.values()) await file.close();
    },
  };
};
