// The log's three file calls on the real file, made to fail on demand.
import { fdatasync, ftruncate, writeSync } from 'node:fs';
import type { LogFs } from '../../src/adapters/event-log/group-commit.js';

type Call = keyof LogFs;

/** `fail(call, code)` makes every such call fail until `heal()`; `partial` lets a failing write store that many bytes. */
export const faultyFs = () => {
  const failing = new Map<Call, string>();
  let partial = 0;
  const errorOf = (call: Call): Error | undefined => {
    const code = failing.get(call);
    return code === undefined ? undefined : Object.assign(new Error(code), { code });
  };
  const fs: LogFs = {
    write(fd, buffer, offset, length, position) {
      const error = errorOf('write');
      if (error === undefined) return writeSync(fd, buffer, offset, length, position);
      if (partial === 0) throw error;
      const taken = writeSync(fd, buffer, offset, Math.min(partial, length), position);
      partial = 0;
      return taken;
    },
    fdatasync(fd, done) {
      const error = errorOf('fdatasync');
      if (error === undefined) fdatasync(fd, done);
      else process.nextTick(done, error);
    },
    ftruncate(fd, length, done) {
      const error = errorOf('ftruncate');
      if (error === undefined) ftruncate(fd, length, done);
      else process.nextTick(done, error);
    },
  };
  return {
    fs,
    fail(call: Call, code: string, options: { readonly partial?: number } = {}) {
      failing.set(call, code);
      partial = options.partial ?? 0;
    },
    heal: () => failing.clear(),
  };
};
