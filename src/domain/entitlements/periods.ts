// The stretch of time that a count belongs to, and when it ends. Pure.
import type { Reset } from './plans.js';

const DAY_MS = 86_400_000;
/** A rolling window is counted in so many slices. */
const SLICES = 720;

/** Name of a period in a meter's stream: `all`, `2026-01`, `rolling30`. `at` is an ISO instant. */
export const periodOf = (reset: Reset, at: string): string => {
  if (reset.kind === 'monthly') return at.slice(0, 7);
  return reset.kind === 'rolling' ? `rolling${reset.days}` : 'all';
};

/** The periods that were current between two instants that are at most a month apart, the last one first. */
export const periodsSince = (reset: Reset, from: string, to: string): string[] => [
  ...new Set([periodOf(reset, to), periodOf(reset, from)]),
];

/** First instant after the calendar month of `at`. */
export const monthEnd = (at: string): string =>
  new Date(Date.UTC(Number(at.slice(0, 4)), Number(at.slice(5, 7)), 1)).toISOString();

/** Months from that of `from` up to that of `to` (exclusive), oldest first: `2026-01`. */
export const monthsBetween = (from: string, to: string): string[] => {
  const months: string[] = [];
  for (let at = from; at.slice(0, 7) < to.slice(0, 7); at = monthEnd(at)) months.push(at.slice(0, 7));
  return months;
};

/** When the cycle that runs at `at` ends; undefined for what never starts again. */
export const cycleEnd = (reset: Reset, at: string): string | undefined => {
  if (reset.kind === 'monthly') return monthEnd(at);
  return reset.kind === 'rolling' ? new Date(Date.parse(at) + reset.days * DAY_MS).toISOString() : undefined;
};

/** A rolling window: its length and that of its slices, in ms. */
export type Window = { readonly length: number; readonly slice: number };
/** What was used from `start` (ms) on, for one slice of the window. */
export type Slice = { readonly start: number; readonly used: number };

/** The window that a period names; undefined where it is none that rolls. */
export const windowOf = (period: string): Window | undefined => {
  const days = period.startsWith('rolling') ? /^rolling(\d+)$/.exec(period)?.[1] : undefined;
  if (days === undefined) return undefined;
  const length = Number(days) * DAY_MS;
  return { length, slice: length / SLICES };
};

/** Slices that still count: one leaves only when the last instant of it does, so a limit holds in every window. */
export const within = (slices: readonly Slice[], { length, slice }: Window, now: number): readonly Slice[] =>
  slices[0] === undefined || slices[0].start + slice > now - length
    ? slices
    : slices.filter(({ start }) => start + slice > now - length);

/** The slices with `quantity` (which may be negative) added at an instant. */
export const added = (
  slices: readonly Slice[],
  window: Window,
  at: number,
  quantity: number,
): readonly Slice[] => {
  const start = Math.floor(at / window.slice) * window.slice;
  const known = slices.find((one) => one.start === start);
  if (!known) return [...slices, { start, used: quantity }].sort((left, right) => left.start - right.start);
  return slices.map((one) => (one === known ? { start, used: one.used + quantity } : one));
};

/** When the oldest of the slices leaves the window. */
export const firstLeaves = (slices: readonly Slice[], { length, slice }: Window): string | undefined => {
  const oldest = slices.find(({ used }) => used > 0);
  return oldest && new Date(oldest.start + slice + length).toISOString();
};
