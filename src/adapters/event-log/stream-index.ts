// Where every event stands in the file and which events a stream has: numbers in typed arrays, some 20 bytes an event.
import { categoryOf, type Filter } from './port.js';

const NONE = 0xffff_ffff;

/** Copies into an array of twice the length when `length` does not fit. */
const room = <A extends Float64Array | Uint32Array>(
  array: A,
  length: number,
  make: (length: number) => A,
): A => {
  if (length <= array.length) return array;
  const larger = make(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
};
const floats = (length: number) => new Float64Array(length);
const integers = (length: number) => new Uint32Array(length);

/** A Map of V8 takes at most 2^24 entries: then the next one begins. */
const NAMES_PER_MAP = 2 ** 23;

/** Numbers for names, in order of appearance. */
const numbering = (namesPerMap: number) => {
  let newest = new Map<string, number>();
  const maps = [newest];
  const names: string[] = [];
  const known = (name: string): number | undefined => {
    for (const numbers of maps) {
      const number = numbers.get(name);
      if (number !== undefined) return number;
    }
    return undefined;
  };
  return {
    names,
    known,
    of(name: string): number {
      const number = known(name);
      if (number !== undefined) return number;
      if (newest.size === namesPerMap) {
        newest = new Map();
        maps.push(newest);
      }
      newest.set(name, names.length);
      return names.push(name) - 1;
    },
  };
};

export type StreamIndex = ReturnType<typeof createIndex>;

/**
 * Events are first added, then committed or rolled back: readers see committed ones only, while the next append
 * counts on all. Streams are known by a number (`slot`).
 */
export const createIndex = (namesPerMap = NAMES_PER_MAP) => {
  // By position. `size` events are committed and fill the file up to `end`; `next` have been added.
  let offsets = floats(1024);
  let slots = integers(1024);
  let typeIds = integers(1024);
  let previous = integers(1024);
  let size = 0;
  let next = 0;
  let end = 0;
  // By slot.
  let last = integers(256);
  let committed = integers(256);
  let added = integers(256);
  let categoryIds = integers(256);
  const streams = numbering(namesPerMap);
  const types = numbering(namesPerMap);
  const categories = numbering(namesPerMap);

  const slotOf = (stream: string): number => {
    const slot = streams.of(stream);
    if (slot < added.length && added[slot] !== 0) return slot;
    if (slot >= added.length) {
      last = room(last, slot + 1, integers);
      committed = room(committed, slot + 1, integers);
      added = room(added, slot + 1, integers);
      categoryIds = room(categoryIds, slot + 1, integers);
    }
    categoryIds[slot] = categories.of(categoryOf(stream));
    return slot;
  };

  /** Committed positions of a stream from one revision to another (inclusive), ascending. */
  const positionsOf = (slot: number, from: number, to: number): Uint32Array => {
    const positions = new Uint32Array(Math.max(0, to - from + 1));
    let position = last[slot] ?? NONE;
    for (let revision = (committed[slot] ?? 0) - 1; revision >= from && position !== NONE; revision -= 1) {
      if (revision <= to) positions[revision - from] = position;
      position = previous[position] ?? NONE;
    }
    return positions;
  };

  /** Tests positions against a filter by numbers alone; undefined when every event passes. */
  const matcher = ({ types: onlyTypes, categories: onlyCategories }: Filter) => {
    if (onlyTypes === undefined && onlyCategories === undefined) return undefined;
    const typePasses: boolean[] = [];
    const categoryPasses: boolean[] = [];
    return (position: number): boolean => {
      const type = typeIds[position] ?? 0;
      typePasses[type] ??= onlyTypes === undefined || onlyTypes.has(types.names[type] ?? '');
      if (!typePasses[type]) return false;
      const category = categoryIds[slots[position] ?? 0] ?? 0;
      categoryPasses[category] ??=
        onlyCategories === undefined || onlyCategories.has(categories.names[category] ?? '');
      return categoryPasses[category];
    };
  };

  return {
    /** How many events are committed; the head is one less. */
    size: () => size,
    /** Position of the next event to be added. */
    next: () => next,
    /** File offset after the last committed line. */
    end: () => end,
    known: streams.known,
    slotOf,
    /** Revision of the last committed event of a stream, -1 when it has none. */
    revision: (slot: number): number => (committed[slot] ?? 0) - 1,
    /** The same, counting events that are added but not committed. */
    expectedRevision: (slot: number): number => (added[slot] ?? 0) - 1,

    /** Adds an event whose line starts at `offset`. */
    add(slot: number, type: string, offset: number): void {
      if (next === offsets.length) {
        offsets = room(offsets, next + 1, floats);
        slots = room(slots, next + 1, integers);
        typeIds = room(typeIds, next + 1, integers);
        previous = room(previous, next + 1, integers);
      }
      offsets[next] = offset;
      slots[next] = slot;
      typeIds[next] = types.of(type);
      added[slot] = (added[slot] ?? 0) + 1;
      next += 1;
    },
    /** Commits the events up to position `upTo` (exclusive); `newEnd` is the offset after the last one's line. */
    commit(upTo: number, newEnd: number): void {
      for (; size < upTo; size += 1) {
        const slot = slots[size] ?? 0;
        previous[size] = committed[slot] === 0 ? NONE : (last[slot] ?? NONE);
        last[slot] = size;
        committed[slot] = (committed[slot] ?? 0) + 1;
      }
      end = newEnd;
    },
    /** Forgets every event that is not committed. */
    rollback(): void {
      for (let position = size; position < next; position += 1) {
        const slot = slots[position] ?? 0;
        added[slot] = committed[slot] ?? 0;
      }
      next = size;
    },

    /** Where the line of a committed event starts. */
    start: (position: number): number => offsets[position] ?? 0,
    /** Where the line of a committed event ends. Events of one append share a line. */
    stop(position: number): number {
      const own = offsets[position];
      let after = position + 1;
      while (after < size && offsets[after] === own) after += 1;
      return after < size ? (offsets[after] ?? end) : end;
    },
    positionsOf,
    matcher,
  };
};
