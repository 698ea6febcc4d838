// The test server of MCP as a configured server, over stdio and over HTTP.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** An entry of `mcpServers`: the test server as a process of its own. */
export const stdioEntry = (env: Readonly<Record<string, string>> = {}) => ({
  command: process.execPath,
  args: [script('stdio.mjs')],
  env: { ...env },
});

/** The same, run by a shell that ends without it. */
export const wrappedEntry = (env: Readonly<Record<string, string>> = {}) => {
  const { command, args } = stdioEntry();
  return { command: 'sh', args: ['-c', '"$0" "$@"; true', command, ...args], env: { ...env } };
};

export type HttpProcess = { readonly url: string; readonly port: string; stop(): Promise<void> };

/** The test server on HTTP, in a process of its own. */
export const startHttp = async (env: Readonly<Record<string, string>> = {}): Promise<HttpProcess> => {
  const child = spawn(process.execPath, [script('http.mjs')], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return {
    url,
    port: new URL(url).port,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
};

/** Process ids that a server has noted in a file, one for each start. */
export const pidsIn = async (file: string): Promise<number[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);

/** Ended by a signal, and not yet asked after by whoever has to: no process any more. */
const isZombie = (pid: number): boolean => {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
};

/** Resolves when a process is gone; throws when it is still there after 5 s. */
export const gone = async (pid: number): Promise<void> => {
  for (let waited = 0; isAlive(pid); waited += 20) {
    if (waited > 5_000) throw new Error(`process ${pid} is still there`);
    await delay(20);
  }
};
