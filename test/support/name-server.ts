// A name server on this machine: answers A and AAAA questions from a table (RFC 1035), for tests of name resolution.
import { createSocket } from 'node:dgram';
import ipaddr from 'ipaddr.js';

export type NameServer = {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** Addresses by name; `silent` never answers. Unknown names do not exist. */
  readonly names: Map<string, readonly string[] | 'silent'>;
  stop(): Promise<void>;
};

const HEADER = 12;
const types: Record<number, 'ipv4' | 'ipv6'> = { 1: 'ipv4', 28: 'ipv6' };

const question = (packet: Buffer) => {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), kind: types[packet.readUInt16BE(at + 1)], end: at + 5 };
};

const answers = (addresses: readonly string[], kind: 'ipv4' | 'ipv6' | undefined): Buffer[] =>
  addresses
    .map((text) => ipaddr.parse(text))
    .filter((address) => address.kind() === kind)
    .map((address) => {
      const bytes = Buffer.from(address.toByteArray());
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc000 | HEADER, 0); // the name of the question
      record.writeUInt16BE(kind === 'ipv4' ? 1 : 28, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt16BE(bytes.length, 10);
      return Buffer.concat([record, bytes]);
    });

export const startNameServer = async (): Promise<NameServer> => {
  const names: NameServer['names'] = new Map();
  const socket = createSocket('udp4');
  socket.on('message', (packet, from) => {
    const { name, kind, end } = question(packet);
    const known = names.get(name);
    if (known === 'silent') return;
    const found = answers(known ?? [], kind);
    const header = Buffer.from(packet.subarray(0, HEADER));
    header.writeUInt16BE(0x8180 | (known === undefined ? 3 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    header.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([header, packet.subarray(HEADER, end), ...found]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    names,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
};
