// Bytes on a bare socket, for requests that no HTTP client would send.
import { connect } from 'node:net';

export type RawAnswer = { readonly status: number; readonly head: string; readonly body: string };

const parse = (text: string): RawAnswer[] => {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest.startsWith('HTTP/1.1 ')) {
    const end = rest.indexOf('\r\n\r\n');
    const head = rest.slice(0, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    answers.push({ status: Number(head.slice(9, 12)), head, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
};

const exchange = (url: string, parts: readonly (string | Buffer)[], end: boolean): Promise<RawAnswer[]> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(parse(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // What is written after the server has closed is lost; what it answered before counts.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('connect', () => {
      for (const part of parts) socket.write(part);
      if (end) socket.end();
    });
  });

/** Sends the parts one after the other; resolves with all answers once the server has closed the connection. */
export const raw = (url: string, ...parts: readonly (string | Buffer)[]): Promise<RawAnswer[]> =>
  exchange(url, parts, false);

/** The same, and closes our side after the last part, so that what is not yet a whole request never will be. */
export const rawToEnd = (url: string, ...parts: readonly (string | Buffer)[]): Promise<RawAnswer[]> =>
  exchange(url, parts, true);
