// Rows that share a value, kept in order: short runs, so that adding and removing stays cheap among a million.
import { compareText } from '../../domain/text-order.js';
import type { Row } from './port.js';

/** Holds a row in every bucket that it is in: a new version of the row takes the place of the old one here. */
export type Slot = { row: Row; readonly order: number };

/** Slots by ascending `order`, then id. Runs are never empty. */
export type Bucket = { readonly runs: Slot[][]; size: number };

const longestRun = 1024;

export const emptyBucket = (): Bucket => ({ runs: [], size: 0 });

const compareSlots = (a: Slot, b: Slot): number => a.order - b.order || compareText(a.row.id, b.row.id);

/** Index of the first element that does not come before; the length when all do. */
const firstAt = (length: number, comesBefore: (at: number) => boolean): number => {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
};

const endOf = (run: Slot[]): Slot => run[run.length - 1] as Slot;

/** Slots that are looked at one by one from the end. */
const NEAR = 32;

/** The run that holds a slot, or would, and the place in it. */
const seek = ({ runs }: Bucket, slot: Slot): { at: number; run: Slot[]; index: number } => {
  const before = (held: Slot) => compareSlots(held, slot) < 0;
  // Records that were begun together come in any order: most of those with numbers stand near the end.
  const last = Number.isFinite(slot.order) ? (runs[runs.length - 1] ?? []) : [];
  for (let index = last.length - 1; index >= Math.max(0, last.length - NEAR); index--)
    if (before(last[index] as Slot)) return { at: runs.length - 1, run: last, index: index + 1 };
  const at = firstAt(runs.length, (index) => before(endOf(runs[index] as Slot[])));
  const run = runs[at] ?? [];
  return { at, run, index: firstAt(run.length, (index) => before(run[index] as Slot)) };
};

/** Adds a slot; answers whether it stands beside one of the same order. */
export const addSlot = (bucket: Bucket, slot: Slot): boolean => {
  const { runs } = bucket;
  bucket.size += 1;
  const last = runs[runs.length - 1];
  if (!last) {
    runs.push([slot]);
    return false;
  }
  const end = endOf(last);
  if (compareSlots(end, slot) < 0) {
    if (last.length < longestRun) last.push(slot);
    else runs.push([slot]);
    return end.order === slot.order;
  }
  const { at, run, index } = seek(bucket, slot);
  const previous = index > 0 ? run[index - 1] : runs[at - 1] && endOf(runs[at - 1] as Slot[]);
  const next = run[index];
  run.splice(index, 0, slot);
  if (run.length > longestRun) runs.splice(at + 1, 0, run.splice(longestRun / 2));
  return previous?.order === slot.order || next?.order === slot.order;
};

export const removeSlot = (bucket: Bucket, slot: Slot): void => {
  const { at, run, index } = seek(bucket, slot);
  if (run[index] !== slot) return;
  run.splice(index, 1);
  bucket.size -= 1;
  if (run.length === 0) bucket.runs.splice(at, 1);
};

/** The slots of one order. */
export const slotsAt = ({ runs }: Bucket, order: number): Slot[] => {
  const found: Slot[] = [];
  for (
    let at = firstAt(runs.length, (index) => endOf(runs[index] as Slot[]).order < order);
    at < runs.length;
    at++
  ) {
    const run = runs[at] as Slot[];
    const from = firstAt(run.length, (index) => (run[index] as Slot).order < order);
    const to = firstAt(run.length, (index) => (run[index] as Slot).order <= order);
    found.push(...run.slice(from, to));
    if (to < run.length) break;
  }
  return found;
};

/** How many slots stand up to an order, that order included. */
export const countUpTo = ({ runs }: Bucket, order: number): number => {
  let count = 0;
  for (const run of runs) {
    if (endOf(run).order > order)
      return count + firstAt(run.length, (index) => (run[index] as Slot).order <= order);
    count += run.length;
  }
  return count;
};

/** Calls `visit` in order, or backwards, from the slot number `skip` on, until it answers false. */
export const walk = (
  { runs }: Bucket,
  backwards: boolean,
  skip: number,
  visit: (slot: Slot) => boolean,
): void => {
  let passed = 0;
  for (let turn = 0; turn < runs.length; turn++) {
    const run = runs[backwards ? runs.length - 1 - turn : turn] as Slot[];
    for (let step = Math.max(skip - passed, 0); step < run.length; step++)
      if (!visit(run[backwards ? run.length - 1 - step : step] as Slot)) return;
    passed += run.length;
  }
};
