// Hints for a process that shares its stores with no other: there is nobody to tell.
import type { Hints } from './port.js';

export const noHints = (): Hints => ({
  tell: () => undefined,
  hear: () => undefined,
  close: async () => undefined,
});
