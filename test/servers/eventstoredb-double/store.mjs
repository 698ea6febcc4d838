// The double's database: streams over one log with sparse positions, kept in a file so that a restart finds it again.
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes that a record takes in the log besides its name, type, data and metadata: makes positions sparse. */
const RECORD_OVERHEAD = 96;
const MAX_APPEND_SIZE = 1_048_576;
/** `$tb` of a soft-deleted stream: everything is hidden, whatever its revision. */
const DELETED = 2 ** 63;

/**
 * @typedef {{ stream: string, revision: number, position: number, id: string, type: string, json: boolean,
 *   data: Buffer, metadata: Buffer, created: number }} Stored
 * @typedef {{ id: string, type: string, json: boolean, data: Buffer, metadata: Buffer }} Proposed
 * @typedef {number | 'no_stream' | 'stream_exists' | 'any'} Expected
 * @typedef {{ records: Stored[], ids: Map<string, number>, last: number, tombstoned: boolean }} Stream
 */

const sizeOf = ({ stream, type, data, metadata }) =>
  RECORD_OVERHEAD + Buffer.byteLength(stream) + Buffer.byteLength(type) + data.length + metadata.length;

/** Opens (or makes) the database in a directory; a torn last line is cut. */
export const openStore = (dir) => {
  mkdirSync(dir, { recursive: true });
  const file = openSync(join(dir, 'double.jsonl'), 'a+');
  /** @type {Stored[]} */
  const all = [];
  /** @type {Map<string, Stream>} */
  const streams = new Map();
  /** @type {Set<(records: Stored[]) => void>} */
  const listeners = new Set();
  let tail = 0;

  const add = ({ stream, events, created, tombstone }) => {
    const known = streams.get(stream) ?? { records: [], ids: new Map(), last: -1, tombstoned: false };
    streams.set(stream, known);
    const added = events.map((event) => {
      const record = { ...event, stream, created, revision: known.last + 1, position: tail };
      known.last++;
      tail += sizeOf(record);
      known.records.push(record);
      known.ids.set(record.id, record.revision);
      return record;
    });
    all.push(...added);
    if (tombstone) known.tombstoned = true;
    return added;
  };

  const commit = (stream, events, tombstone = false) => {
    const created = Date.now();
    const encoded = events.map(({ id, type, json, data, metadata }) => ({
      ...{ id, type, json, data: data.toString('base64'), metadata: metadata.toString('base64') },
    }));
    writeSync(file, `${JSON.stringify({ stream, created, tombstone, events: encoded })}\n`);
    const added = add({ stream, events, created, tombstone });
    for (const listener of listeners) listener(added);
    return { revision: streams.get(stream).last, position: added.at(-1).position };
  };

  const load = () => {
    const bytes = readFileSync(file);
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole < bytes.length) ftruncateSync(file, whole);
    for (const line of bytes.subarray(0, whole).toString('utf8').split('\n')) {
      if (line === '') continue;
      const { events, ...rest } = JSON.parse(line);
      const decode = (text) => Buffer.from(text, 'base64');
      add({
        ...rest,
        events: events.map((e) => ({ ...e, data: decode(e.data), metadata: decode(e.metadata) })),
      });
    }
  };

  const lastOf = (stream) => streams.get(stream)?.last ?? -1;
  const metaOf = (stream) => {
    const last = streams.get(`$$${stream}`)?.records.at(-1);
    return last ? JSON.parse(last.data.toString('utf8')) : {};
  };
  const softDeleted = (stream) => (metaOf(stream).$tb ?? 0) >= DELETED;
  const setMeta = (stream, meta) =>
    commit(`$$${stream}`, [
      {
        id: randomUUID(),
        type: '$metadata',
        json: true,
        data: Buffer.from(JSON.stringify(meta)),
        metadata: Buffer.alloc(0),
      },
    ]);

  /**
   * Revision of the last of these ids when the stream has them all (one after the other from `first` on, where given);
   * 'none' when it lacks the first, 'some' when it lacks another.
   */
  const repeated = (stream, events, first) => {
    const ids = streams.get(stream)?.ids ?? new Map();
    const isKnown = ({ id }, index) => (first === undefined ? ids.has(id) : ids.get(id) === first + index);
    const missing = events.findIndex((event, index) => !isKnown(event, index));
    if (missing === -1) return ids.get(events.at(-1).id);
    return missing === 0 ? 'none' : 'some';
  };

  /** What an append comes to without writing: a conflict, the original result of a repetition; undefined = write it. */
  const judge = (stream, events, expected) => {
    const last = lastOf(stream);
    const free = expected === 'any' || expected === 'stream_exists';
    const revision = expected === 'no_stream' ? -1 : expected;
    if (revision === last) return undefined;
    if (revision > last || (expected === 'stream_exists' && last < 0)) return { conflict: last };
    const found = repeated(stream, events, free ? undefined : revision + 1);
    if (typeof found === 'number')
      return { revision: found, position: streams.get(stream).records[found].position };
    const writes = free || (expected === 'no_stream' && softDeleted(stream));
    return found === 'none' && writes ? undefined : { conflict: last };
  };

  load();
  if (tail === 0) {
    // Like the server's own first events: what stands in $all before ours, under names and types with `$`.
    setMeta('$settings', { $acl: { $r: '$all' } });
    setMeta('$user-admin', { $acl: { $r: '$admins' } });
  }

  return {
    all,
    tail: () => tail,
    exists: (stream) => lastOf(stream) >= 0 && !softDeleted(stream),
    tombstoned: (stream) => streams.get(stream)?.tombstoned ?? false,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** All events of a stream (index = revision) and from where on its metadata shows them. */
    visible(stream) {
      const { records, last } = streams.get(stream) ?? { records: [], last: -1 };
      const { $maxCount, $tb = 0, $maxAge } = metaOf(stream);
      const counted = Math.max($tb, $maxCount === undefined ? 0 : last + 1 - $maxCount);
      const oldest = $maxAge === undefined ? 0 : Date.now() - $maxAge * 1000;
      const aged = $maxAge === undefined ? 0 : records.findIndex(({ created }) => created >= oldest);
      return { records, first: Math.max(counted, aged === -1 ? records.length : aged) };
    },

    /**
     * Appends as the server does: `{ revision, position }` (also for a repetition), `{ conflict: last revision }`,
     * `{ deleted: true }` or `{ tooLarge: limit }`.
     * @param {string} stream @param {Proposed[]} events @param {Expected} expected
     */
    append(stream, events, expected) {
      if (streams.get(stream)?.tombstoned) return { deleted: true };
      if (events.length === 0) return { revision: Math.max(0, lastOf(stream)), position: tail };
      const size = events.reduce(
        (sum, { type, data, metadata }) => sum + data.length + metadata.length + 2 * type.length,
        0,
      );
      if (size > MAX_APPEND_SIZE) return { tooLarge: MAX_APPEND_SIZE };
      const judged = judge(stream, events, expected);
      if (judged) return judged;
      const revived = softDeleted(stream) ? lastOf(stream) + 1 : undefined;
      const appended = commit(stream, events);
      if (revived !== undefined) setMeta(stream, { ...metaOf(stream), $tb: revived });
      return appended;
    },

    /** Deletes a stream, softly or for good: `{ position }`, or `{ conflict }` / `{ deleted }`. */
    remove(stream, expected, forGood) {
      const last = lastOf(stream);
      if (streams.get(stream)?.tombstoned) return { deleted: true };
      const missing = last < 0 || softDeleted(stream);
      const wanted = expected === 'no_stream' ? -1 : expected;
      if (!forGood && missing) return { conflict: -1 };
      if (typeof wanted === 'number' && wanted !== last) return { conflict: last };
      if (!forGood) return setMeta(stream, { ...metaOf(stream), $tb: DELETED });
      const tombstone = {
        id: randomUUID(),
        type: '$streamDeleted',
        json: false,
        data: Buffer.alloc(0),
        metadata: Buffer.alloc(0),
      };
      return commit(stream, [tombstone], true);
    },

    close: () => closeSync(file),
  };
};
