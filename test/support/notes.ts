// What the applications of a test file have said of their stores: told when a test fails, since an answer tells no cause.
import type { Logger } from '../../src/logger.js';

const KEPT = 50;
let kept: string[] = [];

const keep = (details: unknown, message?: unknown) => {
  const at = new Date().toISOString();
  kept = [...kept, JSON.stringify({ at, message, details })].slice(-KEPT);
};
const pass = () => undefined;

/** A logger that keeps the last warnings and errors. */
export const notes: Logger = { debug: pass, info: pass, warn: keep, error: keep, fatal: keep };

/** What was kept, oldest first; forgets it. */
export const takeNotes = (): readonly string[] => {
  const taken = kept;
  kept = [];
  return taken;
};
