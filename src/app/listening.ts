// Opens the port, and closes it when the requests in hand are answered.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.js';
import type { Logger } from '../logger.js';

/** Listens; the URL. */
export const listenOn = (server: Server, { PORT, HOST }: Config, logger: Logger): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(PORT, HOST, () => {
      server.off('error', reject);
      server.on('error', (error) => logger.error({ error: error.message }, 'a connection was not accepted'));
      const { address, family, port } = server.address() as AddressInfo;
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${port}`);
    });
  });

/** Takes no further connections, and waits up to `graceMs` for those there are. */
export const closeServer = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    if (!server.listening) return resolve();
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    // Connections that are kept alive become idle one by one, as their requests are answered.
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
  });
