// A real HTTP receiver on this machine, for tests of what is sent out.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Unix ms of its arrival. */
  readonly at: number;
};
export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The answer waits so long. */
  readonly delayMs?: number;
};
export type Receiver = {
  /** `http://127.0.0.1:<port>/hook` */
  readonly url: string;
  /** In order of arrival. */
  readonly requests: readonly Received[];
  /** The requests that fulfil a condition, once there is one; or all, once there are so many. Rejects after `timeoutMs`. */
  waitFor(wanted: number | ((request: Received) => boolean), timeoutMs?: number): Promise<Received[]>;
  stop(): Promise<void>;
};

export const startReceiver = async (
  answer: (request: Received) => Reply = () => ({ status: 200 }),
): Promise<Receiver> => {
  const requests: Received[] = [];
  const waiters = new Set<() => void>();
  const delays = new Set<NodeJS.Timeout>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, path: url, headers, body: Buffer.concat(chunks).toString(), at: Date.now() };
      requests.push(received);
      for (const look of waiters) look();
      const reply = answer(received);
      const respond = () => response.writeHead(reply.status, reply.headers).end(reply.body);
      if (reply.delayMs === undefined) respond();
      else delays.add(setTimeout(respond, reply.delayMs));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/hook`,
    requests,
    waitFor: (wanted, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = typeof wanted === 'number' ? requests : requests.filter(wanted);
          if (found.length < (typeof wanted === 'number' ? wanted : 1)) return;
          clearTimeout(timer);
          waiters.delete(look);
          resolve([...found]);
        };
        const timer = setTimeout(() => {
          waiters.delete(look);
          reject(new Error(`waited ${timeoutMs} ms; ${requests.length} requests came`));
        }, timeoutMs);
        waiters.add(look);
        look();
      }),
    async stop() {
      for (const timer of delays) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** A server that speaks bytes to each connection, for answers that no HTTP library would give. */
export const startSpeaker = async (
  speak: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<{ url: string; stop(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    speak(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/hook`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
