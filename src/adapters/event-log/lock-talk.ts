// What is said over the lock's socket: is anyone there, and requests as one JSON line each way.
import { createHash } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Json, JsonObject } from '../../domain/decider.js';

type Handler = (request: JsonObject) => Promise<Json>;
type Answer = { readonly result: Json } | { readonly error: string };

const patienceMs = 10_000;
const longestPath = 107; // sun_path of a Unix socket address, without its final NUL

/** Where the lock of a directory is. Throws, naming it, when the path is too long for a socket. */
export const lockPath = (dir: string): string => {
  const directory = resolve(dir);
  if (process.platform === 'win32') {
    const name = createHash('sha256').update(directory.toLowerCase()).digest('hex').slice(0, 32);
    return `\\\\.\\pipe\\core-api-${name}`;
  }
  const path = join(directory, 'lock.sock');
  const bytes = Buffer.byteLength(path);
  if (bytes <= longestPath) return path;
  throw new Error(
    `${path} has ${bytes} bytes; a socket's path may have ${longestPath}. Choose a shorter DATA_DIR.`,
  );
};

/** A connection that succeeds = alive, refused = a socket left by a dead process, missing = nothing there. */
export const probe = (path: string): Promise<'alive' | 'stale' | 'missing'> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('alive');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve('stale');
      else if (error.code === 'ENOENT') resolve('missing');
      // A full backlog has an owner; what was being closed in this very moment is something else in the next.
      else if (error.code === 'EAGAIN') resolve('alive');
      else if (error.code === 'ECONNRESET') resolve(probe(path));
      else reject(new Error(`Cannot tell whether ${path} is in use (${error.code}).`, { cause: error }));
    });
  });

const answerTo = async (line: string, handler: Handler | undefined): Promise<Answer> => {
  if (handler === undefined) return { error: 'The server is not ready yet.' };
  try {
    return { result: await handler(JSON.parse(line) as JsonObject) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : 'The request failed.' };
  }
};

/** The holder's side: `serve` takes connections, the latest handler answers, `end` drops whoever is connected. */
export const answering = () => {
  const sockets = new Set<Socket>();
  let handler: Handler | undefined;

  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.unref();
    socket.on('error', () => socket.destroy()); // the other side went away
    socket.on('close', () => sockets.delete(socket));
    const lines = createInterface({ input: socket });
    lines.on('error', () => {});
    lines.on('line', (line) => {
      void answerTo(line, handler).then((answer) => {
        if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
      });
    });
  };

  return {
    serve,
    onRequest(next: Handler): void {
      handler = next;
    },
    end(): void {
      for (const socket of sockets) socket.destroy();
    },
  };
};

/**
 * Asks the process that holds a data directory. Undefined when nobody holds it; throws with the holder's
 * message when it refused, and when it does not answer within ten seconds.
 */
export const askHolder = async (dir: string, request: JsonObject): Promise<Json | undefined> => {
  const path = lockPath(dir);
  const answer = await new Promise<Answer | undefined>((resolve, reject) => {
    const socket = createConnection(path, () => socket.write(`${JSON.stringify(request)}\n`));
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`The holder of ${dir} does not answer.`)));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    const lines = createInterface({ input: socket });
    lines.on('error', () => {});
    lines.once('line', (line) => {
      try {
        resolve(JSON.parse(line) as Answer);
      } catch (error) {
        reject(new Error(`What holds ${dir} does not speak our language.`, { cause: error }));
      }
      socket.destroy();
    });
    socket.once('close', () =>
      reject(new Error(`The holder of ${dir} closed the connection without an answer.`)),
    );
  });
  if (answer === undefined) return undefined;
  if ('error' in answer) throw new Error(answer.error);
  return answer.result;
};
