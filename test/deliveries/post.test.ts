import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Poster, poster } from '../../src/deliveries/post.js';
import type { Target } from '../../src/deliveries/target-address.js';
import { certificate } from '../support/certificate.js';
import { type NameServer, startNameServer } from '../support/name-server.js';
import { type Receiver, type Reply, startReceiver, startSpeaker } from '../support/receiver.js';

const here: Target = [{ address: '127.0.0.1', family: 4 }];
const message = {
  headers: { 'Content-Type': 'application/json', 'X-Webhook-Id': 'evt_1' },
  body: '{"a":"ü"}',
  timeoutMs: 5000,
};
const onPort = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

let client: Poster;
const stops: (() => Promise<unknown>)[] = [];
beforeAll(() => {
  client = poster({ allowPrivate: true });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => client.close());

const receiving = async (answer?: () => Reply): Promise<Receiver> => {
  const receiver = await startReceiver(answer);
  stops.push(receiver.stop);
  return receiver;
};
const speaking = async (speak: (socket: Socket) => void, host?: string): Promise<string> => {
  const { url, stop } = await startSpeaker(speak, host);
  stops.push(stop);
  return url;
};
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';

describe('what is sent', () => {
  test('arrives whole, with its headers, at the very path and query', async () => {
    const { url, requests } = await receiving(() => ({ status: 201, body: 'thanks' }));
    const outcome = await client.send({ ...message, url: `${url}/a%20b?x=1&y=%C3%BC#part` });
    expect(outcome).toEqual({ status: 201, body: 'thanks', durationMs: expect.any(Number) });
    expect(requests).toMatchObject([
      {
        method: 'POST',
        path: '/hook/a%20b?x=1&y=%C3%BC',
        body: '{"a":"ü"}',
        headers: { 'x-webhook-id': 'evt_1', 'content-length': '10' },
      },
    ]);
  });
  test('goes to the checked address, under the name of the URL', async () => {
    const { url, requests } = await receiving();
    const { port } = new URL(url);
    const outcome = await client.post({ ...message, url: `http://pinned.example:${port}/`, target: here });
    expect(outcome).toMatchObject({ status: 200 });
    expect(requests[0]?.headers.host).toBe(`pinned.example:${port}`);
  });
  test('goes to the next checked address when the first does not answer', async () => {
    const { url } = await receiving();
    const target: Target = [{ address: '127.0.0.2', family: 4 }, ...here];
    expect(
      await client.post({ ...message, url: `http://two.example:${new URL(url).port}/`, target }),
    ).toMatchObject({ status: 200 });
  });
  test('goes to an IPv6 address as well', async () => {
    const url = await speaking((socket) => socket.write(`${HEAD}Content-Length: 2\r\n\r\nv6`), '::1');
    expect(await client.send({ ...message, url })).toMatchObject({ status: 200, body: 'v6' });
  });
  test('goes over a connection that was kept', async () => {
    let connections = 0;
    const url = await speaking((socket) => {
      connections += 1;
      socket.on('data', (chunk) => {
        if (String(chunk).endsWith(message.body)) socket.write(`${HEAD}Content-Length: 2\r\n\r\nok`);
      });
    });
    for (let n = 0; n < 10; n++)
      expect(await client.send({ ...message, url })).toMatchObject({ status: 200, body: 'ok' });
    expect(connections).toBeLessThanOrEqual(2);
  });
});

describe('what comes back', () => {
  test.each([301, 302, 307, 308])('a redirect (%i) is an answer and is not followed', async (status) => {
    const other = await receiving();
    const { url } = await receiving(() => ({ status, headers: { location: other.url } }));
    expect(await client.send({ ...message, url })).toMatchObject({ status });
    expect(other.requests).toEqual([]);
  });
  test.each([204, 400, 410, 500, 503])('status %i is an answer', async (status) => {
    const { url } = await receiving(() => ({ status }));
    expect(await client.send({ ...message, url })).toEqual({
      status,
      body: '',
      durationMs: expect.any(Number),
    });
  });
  test.each([
    ['120', 120],
    ['0', 0],
    [new Date(Date.now() - 60_000).toUTCString(), 0],
    ['soon', undefined],
    ['-5', undefined],
    ['', undefined],
  ])('Retry-After %j asks for %s seconds', async (header, seconds) => {
    const { url } = await receiving(() => ({ status: 429, headers: { 'retry-after': header } }));
    const outcome = await client.send({ ...message, url });
    expect('retryAfter' in outcome ? outcome.retryAfter : undefined).toBe(seconds);
  });
  test('Retry-After as a date is counted from now', async () => {
    const { url } = await receiving(() => ({
      status: 503,
      headers: { 'retry-after': new Date(Date.now() + 90_000).toUTCString() },
    }));
    const outcome = await client.send({ ...message, url });
    expect('retryAfter' in outcome ? outcome.retryAfter : 0).toBeGreaterThan(80);
  });
  test('of a huge body 10,000 characters are kept, and the rest is not read', async () => {
    let written = 0;
    let closed = false;
    const url = await speaking((socket) => {
      socket.on('close', () => {
        closed = true;
      });
      socket.write(`${HEAD}\r\n`);
      const more = () => {
        while (!socket.destroyed && written < 1e9) {
          written += 65_536;
          if (!socket.write('€'.repeat(21_845).padEnd(21_846))) return;
        }
      };
      socket.on('drain', more);
      more();
    });
    const outcome = await client.send({ ...message, url });
    expect(outcome).toMatchObject({ status: 200, body: '€'.repeat(10_000) });
    expect(written).toBeLessThan(5e7);
    await expect.poll(() => closed).toBe(true);
  });
  test.each([
    ['a character cut in half by the limit', `x${'😀'.repeat(20_000)}`, `x${'😀'.repeat(9_999)}`],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0x62]), 'a\ufffdb'],
    ['exactly the limit', 'a'.repeat(10_000), 'a'.repeat(10_000)],
    ['one more than the limit', 'a'.repeat(10_001), 'a'.repeat(10_000)],
  ])('%s is decoded safely', async (_what, sent, kept) => {
    const bytes = Buffer.from(sent);
    const url = await speaking((socket) => {
      socket.write(`${HEAD}Content-Length: ${bytes.length}\r\n\r\n`);
      socket.write(bytes);
    });
    expect(await client.send({ ...message, url })).toMatchObject({ status: 200, body: kept });
  });
  test('a body that breaks off takes the answer not back', async () => {
    const url = await speaking((socket) => socket.end(`${HEAD}Content-Length: 100\r\n\r\nhalf`));
    expect(await client.send({ ...message, url })).toMatchObject({ status: 200, body: 'half' });
  });
});

describe('an attempt fails with a clean sentence', () => {
  const failed = (error: string) => ({ error, durationMs: expect.any(Number) });

  test('when nobody listens', async () => {
    const receiver = await startReceiver();
    await receiver.stop();
    expect(await client.send({ ...message, url: receiver.url })).toEqual(failed('Connection refused'));
  });
  test('when the headers are late', async () => {
    const { url } = await receiving(() => ({ status: 200, delayMs: 60_000 }));
    const outcome = await client.send({ ...message, url, timeoutMs: 200 });
    expect(outcome).toEqual(failed('Connection timeout'));
    expect(outcome.durationMs).toBeGreaterThanOrEqual(190);
    expect(outcome.durationMs).toBeLessThan(2000);
  });
  test('when nothing but a connection comes', async () => {
    const url = await speaking(() => undefined);
    expect(await client.send({ ...message, url, timeoutMs: 200 })).toEqual(failed('Connection timeout'));
  });
  test('when the receiver hangs up', async () => {
    const url = await speaking((socket) => socket.on('data', () => socket.resetAndDestroy()));
    expect(await client.send({ ...message, url })).toEqual(failed('Connection closed by the receiver'));
  });
  test('when the answer is no HTTP', async () => {
    const url = await speaking((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    expect(await client.send({ ...message, url })).toEqual(failed('Invalid HTTP response'));
  });
  test('when the headers are endless', async () => {
    const url = await speaking((socket) => socket.end(`${HEAD}X-Long: ${'a'.repeat(100_000)}\r\n\r\n`));
    expect(await client.send({ ...message, url })).toEqual(failed('Invalid HTTP response'));
  });
  test('when the certificate is not trusted; the name of the URL is asked for', async () => {
    const names: string[] = [];
    const server = createTlsServer({
      ...certificate,
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stops.push(() => new Promise((resolve) => server.close(resolve)));
    const url = `https://pinned.example:${onPort(server)}/`;
    expect(await client.post({ ...message, url, target: here })).toEqual(failed('TLS error'));
    expect(names).toEqual(['pinned.example']);
  });
  test('when the receiver speaks no TLS', async () => {
    const { url } = await receiving();
    expect(await client.send({ ...message, url: url.replace('http:', 'https:') })).toEqual(
      failed('TLS error'),
    );
  });

  describe('before anything is sent', () => {
    let dns: NameServer;
    let strict: Poster;
    beforeAll(async () => {
      dns = await startNameServer();
      strict = poster({ allowPrivate: false, servers: [dns.address] });
    });
    afterAll(async () => {
      await strict.close();
      await dns.stop();
    });

    test('when the address is not allowed', async () => {
      const { url, requests } = await receiving();
      dns.names.set('rebound.example', ['127.0.0.1']);
      const { port } = new URL(url);
      for (const refused of [url, `https://127.0.0.1:${port}/`, `https://rebound.example:${port}/`])
        expect(await strict.send({ ...message, url: refused })).toEqual(failed('Address not allowed'));
      expect(requests).toEqual([]);
    });
    test('when the name does not resolve', async () =>
      expect(await strict.send({ ...message, url: 'https://nowhere.example/' })).toEqual(
        failed('Name does not resolve'),
      ));
    test('when the name resolves too late for the attempt', async () => {
      dns.names.set('silent.example', 'silent');
      const outcome = await strict.send({ ...message, url: 'https://silent.example/', timeoutMs: 200 });
      expect(outcome).toEqual(failed('Name resolution timed out'));
      expect(outcome.durationMs).toBeLessThan(1500);
    });
  });
});

test('a slow body ends with the time of the attempt; the answer counts, with what came of it', async () => {
  const url = await speaking((socket) => socket.write(`${HEAD}Content-Length: 100\r\n\r\nfirst`));
  const outcome = await client.send({ ...message, url, timeoutMs: 300 });
  expect(outcome).toMatchObject({ status: 200, body: 'first' });
  expect(outcome.durationMs).toBeLessThan(2000);
});

test('closing waits for the request in hand', async () => {
  const { url } = await receiving(() => ({ status: 200, body: 'late', delayMs: 200 }));
  const own = poster({ allowPrivate: true });
  const outcome = own.send({ ...message, url });
  await expect.poll(async () => (await client.send({ ...message, url })) && true).toBe(true);
  await own.close();
  expect(await outcome).toMatchObject({ status: 200, body: 'late' });
});
