// A server that this process runs: messages over its standard input and output, and an end for all that it has started.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { MAX_MESSAGE_BYTES } from './bounded-fetch.js';
import type { LocalServer } from './settings.js';

/** A server has so long to end by itself, ms, and as long again after it was told to. */
const PATIENCE_MS = 2_000;
const LOOK_MS = 20;

/** Signals the processes of a group; false when there are none. */
const tell = (group: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
};

const isEmptySoon = async (group: number): Promise<boolean> => {
  for (const until = performance.now() + PATIENCE_MS; tell(group, 0); await delay(LOOK_MS))
    if (performance.now() > until) return false;
  return true;
};

/**
 * The way to a server that is run. What is run is often a program that runs the server (npx, uvx, a shell), and ends
 * without it: so it leads a group of processes, and all of that is ended. `heard` gets its standard error. Not for
 * Windows, which knows no such groups.
 */
export const processTransport = (
  { command, args, env, cwd }: LocalServer,
  heard: (stderr: Readable) => void,
): Transport => {
  const buffer = new ReadBuffer({ maxBufferSize: MAX_MESSAGE_BYTES });
  let child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  let ending: Promise<void> | undefined;

  const endGroup = async (group: number) => {
    if (await isEmptySoon(group)) return;
    tell(group, 'SIGTERM');
    if (!(await isEmptySoon(group))) tell(group, 'SIGKILL');
  };
  const end = (): Promise<void> => {
    child?.stdin.end();
    ending ??= child?.pid === undefined ? Promise.resolve() : endGroup(child.pid);
    return ending;
  };

  const readMessages = () => {
    for (;;) {
      try {
        const message = buffer.readMessage();
        if (message === null) return;
        transport.onmessage?.(message);
      } catch (error) {
        transport.onerror?.(error as Error);
      }
    }
  };
  const read = (chunk: Buffer) => {
    try {
      buffer.append(chunk);
    } catch (error) {
      transport.onerror?.(error as Error);
      void end();
      return;
    }
    readMessages();
  };

  const transport: Transport = {
    start: () =>
      new Promise((resolve, reject) => {
        const told = (error: Error) => transport.onerror?.(error);
        child = spawn(command, args, {
          env: { ...getDefaultEnvironment(), ...env },
          stdio: ['pipe', 'pipe', 'pipe'],
          detached: true,
          ...(cwd === undefined ? {} : { cwd }),
        });
        heard(child.stderr);
        child.stdin.on('error', told);
        child.stdout.on('error', told).on('data', read);
        child.stderr.on('error', told);
        child.once('spawn', resolve).on('error', (error) => {
          reject(error);
          told(error);
        });
        // What it leaves behind may keep its output open.
        child.once('exit', end).once('close', () => transport.onclose?.());
      }),

    send: (message) =>
      new Promise((resolve, reject) => {
        if (!child?.stdin.writable) return reject(new Error('Not connected'));
        if (child.stdin.write(serializeMessage(message))) resolve();
        else child.stdin.once('drain', resolve);
      }),

    async close() {
      await end();
      buffer.clear();
    },
  };
  return transport;
};
