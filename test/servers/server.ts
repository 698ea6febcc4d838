// Servers that tests run on: from a URL, in a container, or a process of this machine that can be killed and frozen.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';

/** What can be done to a local process. Its data outlives it. */
export type Faults = {
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, unless it runs, on the same port and data; resolves when it accepts connections. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. Resolves when it stands still. */
  freeze(): Promise<void>;
  thaw(): void;
};

export type TestServer = {
  readonly url: string;
  /** Which one it is, for the eyes of who runs the tests. */
  readonly used: string;
  readonly stop: () => Promise<void>;
};
export type LocalServer = TestServer & Faults;
export type Skipped = { readonly skipped: string };

/** Why tests do not run. TEST_SERVERS_REQUIRED=1 makes it a failure. */
export const skippedBecause = (reason: string): Skipped => {
  if (process.env['TEST_SERVERS_REQUIRED'] === '1')
    throw new Error(`TEST_SERVERS_REQUIRED is set, and ${reason}.`);
  return { skipped: reason };
};

/** The image of a service in docker-compose.yml: tests in containers run on what users run. */
export const imageOf = async (service: string): Promise<string> => {
  const compose = parse(await readFile('docker-compose.yml', 'utf8'), { merge: true });
  return compose.services[service].image;
};

/** Whether a container runtime answers. */
export const hasContainers = async (): Promise<boolean> => {
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return address.port;
};

const accepts = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/** Whether a process is stopped; where the system does not tell, it is after a while. */
const isStopped = async (pid = 0): Promise<boolean> => {
  try {
    return /^\d+ \(.*\) T/.test(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    await delay(200);
    return true;
  }
};

/** Starts a program that listens on a port of 127.0.0.1 and keeps its data in a folder. */
export const localServer = async (
  command: string,
  args: (port: number, dir: string) => readonly string[],
  describe: (port: number) => { url: string; used: string },
): Promise<LocalServer> => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-server-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  const runs = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const start = async () => {
    if (runs()) return;
    const started = spawn(command, args(port, dir), { stdio: ['ignore', 'ignore', 'inherit'] });
    child = started;
    const deadline = Date.now() + 20_000;
    while (!(await accepts(port))) {
      if (started.exitCode !== null) throw new Error(`${command} ended with ${started.exitCode}.`);
      if (Date.now() > deadline) throw new Error(`${command} accepts no connection on port ${port}.`);
      await delay(20);
    }
  };
  const kill = async () => {
    if (!child || !runs()) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  process.once('exit', () => child?.kill('SIGKILL'));

  await start();
  return {
    ...describe(port),
    start,
    kill,
    async freeze() {
      child?.kill('SIGSTOP');
      while (!(await isStopped(child?.pid))) await delay(10);
    },
    thaw: () => void child?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
