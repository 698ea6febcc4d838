// The built server as a process of its own, to be stopped and killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { storeSettings } from './stores.js';

export type ServerProcess = {
  readonly url: string;
  readonly pid: number;
  /** Everything printed on stdout and stderr so far. */
  output(): string;
  /** The first match in what it has printed, or goes on to print. */
  printed(pattern: RegExp): Promise<string>;
  /** Whoever reads what it prints is gone: resolves when our ends of its pipes are closed. */
  unread(): Promise<void>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
};

const exited = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
};

export type Launched = Omit<ServerProcess, 'url'> & {
  /** Where it listens, once it says so; rejects with what it printed when it ends before. */
  listening(): Promise<string>;
};

/** Starts `node dist/main.js`, or another script that serves, on a free port of 127.0.0.1. */
export const launch = (env: Record<string, string>, script = 'dist/main.js'): Launched => {
  const stores = env['DATA_DIR'] === undefined ? {} : storeSettings(env['DATA_DIR']);
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env['PATH'], PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'warn', ...stores, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting = new Set<() => void>();
  const print = (text: string) => {
    output += text;
    for (const look of waiting) look();
  };
  child.stderr.on('data', (chunk: Buffer) => print(String(chunk)));
  const listening = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      print(`${line}\n`);
      const found = /http:\/\/[\d.]+:\d+/.exec(line);
      if (found && line.includes('listens')) resolve(found[0]);
    });
    child.once('close', (code) => reject(new Error(`The server ended with ${code}:\n${output}`)));
  });
  listening.catch(() => undefined); // told to whoever waits for it
  return {
    listening: () => listening,
    pid: child.pid ?? 0,
    output: () => output,
    printed: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const found = pattern.exec(output)?.[0];
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    unread: async () => {
      await Promise.all([child.stdout, child.stderr].map((pipe) => once(pipe.destroy(), 'close')));
    },
    stop: () => {
      child.kill('SIGTERM');
      return exited(child);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited(child);
    },
  };
};

/** The same, once it says where it listens. */
export const startServer = async (env: Record<string, string>, script?: string): Promise<ServerProcess> => {
  const { listening, ...launched } = launch(env, script);
  return { ...launched, url: await listening() };
};
