// Servers under test as processes of their own, and their CPU time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** CPU seconds (user + system) of a process so far, all threads; undefined where /proc is missing. Source: proc(5), stat fields 14 and 15. */
export const cpuSecondsOf = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
};

/** Resident memory in MB. */
export const residentMegabytes = (pid) => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return undefined;
  }
};

/** Starts a Node script; resolves with its URL once it prints one. `since` = when it was started (ms). */
export const startScript = async (script, env = {}, nodeArguments = []) => {
  const since = performance.now();
  const child = spawn(process.execPath, [...nodeArguments, script], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
      NODE_ENV: 'production',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (found) resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });
  return {
    url,
    pid: child.pid,
    startedInMs: performance.now() - since,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
};

/** Runs the load generator against a URL in a process of its own. */
export const load = async (server, options) => {
  const before = cpuSecondsOf(server.pid);
  const child = spawn(
    process.execPath,
    ['bench/lib/load.mjs', JSON.stringify({ url: server.url, ...options })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  const after = cpuSecondsOf(server.pid);
  return { ...JSON.parse(text), ...(before === undefined ? {} : { cpuSeconds: after - before }) };
};

/** Seconds of requests before a fresh server counts: its code is compiled by then. */
const WARM_UP = 0.5;

/**
 * The same against a server started for it: what slows down as it fills starts each time from nothing, so that the
 * ratio does not depend on how many runs went before.
 */
export const loadFresh = async (script, options, env = {}) => {
  const server = await startScript(script, env);
  try {
    await load(server, { ...options, seconds: WARM_UP });
    return await load(server, options);
  } finally {
    await server.stop();
  }
};
