// A script in a process of its own that talks in JSON lines.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Child = {
  readonly process: ChildProcess;
  /** The next line it printed; undefined when it has ended. */
  next(): Promise<Record<string, unknown> | undefined>;
  /** All lines until it has ended. */
  rest(): Promise<Record<string, unknown>[]>;
  /** Ends it at once and waits until it is gone. */
  kill(): Promise<void>;
};

/** Starts a command; `script` is relative to this folder. `limits` is put before it in a shell. */
export const startChild = (script: string, args: readonly string[], limits?: string): Child => {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const command = [process.execPath, file, ...args];
  const child =
    limits === undefined
      ? spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
      : spawn('sh', ['-c', `${limits}; exec "$@"`, 'sh', ...command], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  const next = async () => {
    const { value, done } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as Record<string, unknown>);
  };
  return {
    process: child,
    next,
    async rest() {
      const all: Record<string, unknown>[] = [];
      for (let line = await next(); line !== undefined; line = await next()) all.push(line);
      return all;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
};
