// A closed-loop load generator: N connections, one request in flight on each, for a fixed time. Prints one line of JSON.
// Raw sockets, so that it costs a few µs a request and never becomes what is measured.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';

const {
  url,
  method,
  path,
  keys,
  connections,
  seconds,
  body,
  idempotent = false,
  visitors = false,
  expect,
} = JSON.parse(process.argv[2]);
const { hostname, port } = new URL(url);

let counter = 0;
/** Whoever asks: a key, or (`visitors`) somebody from an address of their own. */
const sender = (key) => {
  if (!visitors) return `authorization: Bearer ${key}`;
  const address = (0x0a00_0000 + (counter % 0xff_ffff)).toString(16).padStart(8, '0').match(/../g) ?? [];
  return `x-forwarded-for: ${address.map((byte) => Number.parseInt(byte, 16)).join('.')}`;
};
/** `{n}` in the body is never used twice, `{m}` goes round from 0 to 999. */
const request = (key) => {
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${hostname}\r\n${sender(key)}\r\naccept: application/json\r\n`;
  if (!body) return `${head}\r\n`;
  const number = counter++;
  const text = JSON.stringify(body)
    .replaceAll('{n}', `${process.pid}-${number}`)
    .replaceAll('{m}', String(number % 1000));
  const idempotency = idempotent ? `idempotency-key: ${randomUUID()}\r\n` : '';
  return `${head}content-type: application/json\r\n${idempotency}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};

let operations = 0;
let errors = 0;
const until = performance.now() + seconds * 1000;

/** Length of the whole first answer in the buffer, or 0 when it is not complete. */
const answerLength = (text) => {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return 0;
  const length = /content-length: (\d+)/i.exec(text.slice(0, end));
  return text.length >= end + 4 + Number(length?.[1] ?? 0) ? end + 4 + Number(length?.[1] ?? 0) : 0;
};

const run = (_, connection) =>
  new Promise((resolve, reject) => {
    const key = keys[connection % keys.length];
    const socket = connect(Number(port), hostname, () => socket.write(request(key)));
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      const length = answerLength(text);
      if (length === 0) return;
      if (text.startsWith(`HTTP/1.1 ${expect}`)) operations++;
      else if (errors++ === 0) console.error(`unexpected answer: ${text.slice(0, 400)}`);
      text = text.slice(length);
      if (performance.now() < until) socket.write(request(key));
      else socket.end();
    });
    socket.on('error', reject);
    socket.on('close', resolve);
  });

const started = performance.now();
await Promise.all(Array.from({ length: connections }, run));
console.log(JSON.stringify({ operations, errors, seconds: (performance.now() - started) / 1000 }));
