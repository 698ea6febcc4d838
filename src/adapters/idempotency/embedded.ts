// Idempotency records in synced files: the sealed records stay on disk, memory holds where each one stands.
import { timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Cut, SyncedWrite } from '../append-file.js';
import { hmac, seal, unseal } from '../seal.js';
import { openParts, type Stand, type StoredRecord } from './parts.js';
import type { Begun, Idempotency, Started, StoredAnswer } from './port.js';

export type IdempotencyFileOptions = {
  readonly dir: string;
  /** Purpose key that the records are sealed with. */
  readonly key: Buffer;
  /** Unix ms. */
  readonly now?: () => number;
  readonly onCut?: (cut: Cut) => void;
  readonly write?: SyncedWrite;
};

/** What is sealed: the run, or once it has ended its answer. */
type Content = Started | { readonly fingerprint: string; readonly answer: StoredAnswer };

/** A known record: on disk, or waiting to be written. Never changed, so that identity tells whether it is current. */
type Known = { readonly at: number } & (Stand | { readonly sealed: string });

const lifeMs = 24 * 3_600_000;
const tidyMs = 60_000;

const same = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

/** Opens the folder `idempotency` in `dir`. Throws when a file is damaged or sealed with another key. */
export const openIdempotencyFile = async (options: IdempotencyFileOptions): Promise<Idempotency> => {
  const { key, now = Date.now, onCut, write } = options;
  const dir = join(options.dir, 'idempotency');
  // The keys of callers do not stand on disk in clear: a record's name is an HMAC with a key of its own.
  const nameKey = Buffer.from(hmac(key, 'record names'), 'hex');
  const known = new Map<string, Known>();
  const runs = new Map<string, { readonly name: string; readonly started: Started }>();
  let tidyAt = now() + tidyMs;

  const know = (name: string, at: number, where: Stand | { sealed: string }): Known => {
    const entry = { at, ...where };
    const before = known.get(name);
    if (before && before.at !== at) known.delete(name); // the oldest stay first
    known.set(name, entry);
    return entry;
  };
  const expired = () => now() - lifeMs;

  const parts = await openParts({
    dir,
    visit: (name, at, stand) => {
      if (at > expired()) know(name, at, stand);
    },
    onCut,
    write,
  });

  const record = (name: string, at: string, content: Content): StoredRecord => ({
    name,
    at: Date.parse(at),
    sealed: seal(key, JSON.stringify(content), name),
  });

  const load = async (name: string, where: Known): Promise<Content> => {
    const { sealed } = 'sealed' in where ? where : await parts.read(where);
    return JSON.parse(unseal(key, sealed, name).toString()) as Content;
  };

  // Files go a little later than their records: one may still be read. What fails is tried again next time.
  const tidyParts = () => parts.tidy(now(), expired() - tidyMs).catch(() => undefined);

  const tidy = () => {
    if (now() < tidyAt) return;
    tidyAt = now() + tidyMs;
    for (const [name, { at }] of known) {
      if (at > expired()) break;
      known.delete(name);
    }
    tidyParts();
  };

  const run = async (callerKey: string, name: string, started: Started): Promise<Begun> => {
    runs.set(callerKey, { name, started });
    try {
      const stored = record(name, started.at, started);
      know(name, stored.at, await parts.append(stored, { lazy: false }));
      return { state: 'run', started, retry: false };
    } catch (error) {
      runs.delete(callerKey);
      throw error;
    }
  };

  const [oldest] = known;
  try {
    if (oldest) await load(...oldest);
  } catch (cause) {
    await parts.close();
    throw new Error(`ENCRYPTION_KEY is not the key that the records in ${dir} were sealed with.`, { cause });
  }
  await tidyParts();

  /** What a record that was found means for a new call; undefined when another call has gone on meanwhile. */
  const judge = async (callerKey: string, name: string, where: Known, fresh: Started) => {
    const content = await load(name, where);
    if (runs.has(callerKey) || known.get(name) !== where) return undefined;
    if (!same(content.fingerprint, fresh.fingerprint)) return { state: 'reused' } as const;
    if ('answer' in content) return { state: 'finished', answer: content.answer } as const;
    runs.set(callerKey, { name, started: content });
    return { state: 'run', started: content, retry: true } as const;
  };

  return {
    async begin(callerKey, fresh) {
      tidy();
      const name = hmac(nameKey, callerKey).slice(0, 32);
      for (;;) {
        const live = runs.get(callerKey);
        if (live)
          return { state: same(live.started.fingerprint, fresh.fingerprint) ? 'in_progress' : 'reused' };
        const where = known.get(name);
        if (!where || where.at <= expired()) return run(callerKey, name, fresh);
        const begun = await judge(callerKey, name, where, fresh);
        if (begun) return begun;
      }
    },

    async finish(callerKey, answer, { durable }) {
      const live = runs.get(callerKey);
      if (!live) return;
      const { name, started } = live;
      const stored = record(name, started.at, { fingerprint: started.fingerprint, answer });
      const written = parts.append(stored, { lazy: !durable });
      if (durable) {
        try {
          know(name, stored.at, await written);
        } finally {
          runs.delete(callerKey); // when it failed, the next try runs again
        }
        return;
      }
      const waiting = know(name, stored.at, { sealed: stored.sealed });
      runs.delete(callerKey);
      written.then(
        (stand) => known.get(name) === waiting && know(name, stored.at, stand),
        () => undefined, // it stays known until the process ends; then the command is run again and finds its events
      );
    },

    async release(callerKey) {
      runs.delete(callerKey);
    },

    close: () => parts.close(),
  };
};
