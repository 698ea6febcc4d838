import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  checkTargetUrl,
  isPublicAddress,
  resolveTarget,
  targetFault,
} from '../../src/deliveries/target-address.js';
import { type NameServer, startNameServer } from '../support/name-server.js';

let dns: NameServer;
beforeAll(async () => {
  dns = await startNameServer();
});
afterAll(() => dns.stop());
const publicOnly = () => ({ allowPrivate: false, timeoutMs: 2000, servers: [dns.address] });
const refusal = async (url: string) =>
  checkTargetUrl(url, publicOnly()).then(
    () => undefined,
    (error) => error.details?.errors,
  );

/** Any address of a range, written as 32 or 128 bits after a fixed prefix. */
const within = (prefix: string, bits: number) => {
  const v6 = prefix.includes(':');
  const size = v6 ? 128 : 32;
  const groups = v6 ? expand(prefix) : prefix.split('.').map(Number);
  const base = groups.reduce((sum, group) => (sum << BigInt(v6 ? 16 : 8)) | BigInt(group), 0n);
  return fc.bigInt({ min: 0n, max: (1n << BigInt(size - bits)) - 1n }).map((host) => print(base | host, v6));
};
const expand = (text: string): number[] => {
  const [head = '', tail = ''] = text.split('::');
  const parse = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [parse(head), parse(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
};
const print = (value: bigint, v6: boolean): string => {
  const [count, width] = v6 ? [8, 16n] : [4, 8n];
  const parts = Array.from(
    { length: count },
    (_, n) => (value >> (BigInt(count - 1 - n) * width)) & ((1n << width) - 1n),
  );
  return parts.map((part) => part.toString(v6 ? 16 : 10)).join(v6 ? ':' : '.');
};

const closedV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['168.63.129.16', 32],
] as const;
const closedV6 = [
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['4000::', 2],
  ['5f00::', 16],
  ['8000::', 1],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const;
const openV4 = [
  ['1.1.1.0', 24],
  ['8.8.0.0', 16],
  ['93.184.0.0', 16],
  ['100.128.0.0', 16],
  ['172.32.0.0', 16],
] as const;

describe('addresses', () => {
  test.each([...closedV4, ...closedV6])('none of %s/%i is public', (prefix, bits) =>
    fc.assert(
      fc.property(within(prefix, bits), (address) => {
        expect(isPublicAddress(address)).toBe(false);
      }),
    ),
  );
  test.each([...openV4, ['2606:4700::', 32], ['2a00:1450::', 32]] as const)(
    'all of %s/%i is public',
    (prefix, bits) =>
      fc.assert(
        fc.property(within(prefix, bits), (address) => {
          expect(isPublicAddress(address)).toBe(true);
        }),
      ),
  );
  test.each(['::ffff:', '64:ff9b::'])('behind %s an IPv4 address is judged by itself', (prefix) => {
    for (const [v4, bits] of closedV4)
      fc.assert(
        fc.property(within(v4, bits), (address) => {
          expect(isPublicAddress(`${prefix}${address}`)).toBe(false);
        }),
      );
    for (const [v4, bits] of openV4)
      fc.assert(
        fc.property(within(v4, bits), (address) => {
          expect(isPublicAddress(`${prefix}${address}`)).toBe(true);
        }),
      );
  });
  test('what is no address, or names an interface, is not public', () => {
    for (const text of ['', 'example.com', '2606:4700::1%eth0']) expect(isPublicAddress(text)).toBe(false);
  });
});

describe('a URL can never be a target', () => {
  test.each([
    ['http://x.example/h', 'https'],
    ['ftp://x.example/h', 'https'],
    ['not a url', 'valid URL'],
    ['', 'valid URL'],
    ['https://', 'valid URL'],
    ['https://x.exam\nple/', 'valid URL'],
    [' https://x.example/', 'valid URL'],
    ['//x.example/h', 'valid URL'],
    ['https://user@x.example/', 'user name'],
    ['https://:secret@x.example/', 'user name'],
    [`https://x.example/${'a'.repeat(2048)}`, '2048'],
    ['https://localhost/', 'local'],
    ['https://LOCALHOST./', 'local'],
    ['https://api.localhost/', 'local'],
    ['https://printer.local/', 'local'],
    ['https://db.internal/', 'local'],
    ['https://metadata.google.internal./', 'local'],
    ['https://router.lan/', 'local'],
    ['https://x.home.arpa/', 'local'],
    ['https://db.intranet/', 'local'],
    ['https://mailhost/', 'local'],
    ['https://mailhost./', 'local'],
    ['https://127.0.0.1/h', 'public'],
    ['https://127.1/', 'public'],
    ['https://2130706433/', 'public'],
    ['https://0x7f.0.0.1/', 'public'],
    ['https://0177.0.0.1/', 'public'],
    ['https://127.0.0.1./', 'public'],
    ['https://①②⑦.0.0.1/', 'public'],
    ['https://169.254.169.254/', 'public'],
    ['https://[::1]/', 'public'],
    ['https://[::ffff:127.0.0.1]/', 'public'],
    ['https://[::ffff:7f00:1]/', 'public'],
    ['https://[64:ff9b::10.0.0.1]/', 'public'],
    ['https://[::127.0.0.1]/', 'public'],
    ['https://[2002:7f00:1::]/', 'public'],
    ['https://0/', 'public'],
  ])('%s', async (url, reason) => {
    expect(targetFault(url, { allowPrivate: false })).toContain(reason);
    expect(await refusal(url)).toEqual({ url: [expect.stringContaining(reason)] });
  });
  test('of exactly 2048 characters it can', () => {
    const url = 'https://x.example/'.padEnd(2048, 'a');
    expect(targetFault(url, { allowPrivate: false })).toBeUndefined();
    expect(targetFault(`${url}a`, { allowPrivate: false })).toBeDefined();
  });
  test('in development http and private addresses open, and nothing else', async () => {
    for (const url of ['http://127.0.0.1:3000/h', 'https://localhost/', 'http://[::1]/', 'http://intranet/'])
      expect(targetFault(url, { allowPrivate: true })).toBeUndefined();
    for (const url of ['ftp://localhost/', 'http://user@localhost/', 'nonsense'])
      expect(targetFault(url, { allowPrivate: true })).toBeDefined();
    expect(await resolveTarget('http://localhost:1/h', { allowPrivate: true })).toContainEqual({
      address: '127.0.0.1',
      family: 4,
    });
  });
});

describe('a name', () => {
  test('leads to all its addresses, IPv4 first', async () => {
    dns.names.set('good.example', ['2606:4700::1111', '93.184.216.34', '93.184.216.35']);
    const target = await resolveTarget('https://good.example/h', publicOnly());
    expect(target.map(({ family }) => family)).toEqual([4, 4, 6]);
    expect(target.map(({ address }) => address).sort()).toEqual([
      '2606:4700::1111',
      '93.184.216.34',
      '93.184.216.35',
    ]);
    expect(await refusal('https://good.example/h')).toBeUndefined();
  });
  test('with a single address of either family is a target', async () => {
    dns.names.set('four.example', ['93.184.216.34']);
    dns.names.set('six.example', ['2606:4700::1111']);
    expect(await resolveTarget('https://four.example/', publicOnly())).toEqual([
      { address: '93.184.216.34', family: 4 },
    ]);
    expect(await resolveTarget('https://six.example/', publicOnly())).toEqual([
      { address: '2606:4700::1111', family: 6 },
    ]);
  });
  test.each([
    ['10.0.0.1'],
    ['93.184.216.34', '127.0.0.1'],
    ['93.184.216.34', '::1'],
    ['::ffff:169.254.169.254'],
    ['64:ff9b::a00:1'],
  ])('that leads to %s (%s) is refused, at creation and at the attempt', async (...addresses) => {
    dns.names.set('bad.example', addresses);
    await expect(resolveTarget('https://bad.example/', publicOnly())).rejects.toMatchObject({
      message: 'Address not allowed',
      forbidden: true,
    });
    expect(await refusal('https://bad.example/')).toEqual({ url: [expect.stringContaining('public')] });
  });
  test('that does not resolve is accepted at creation and fails the attempt', async () => {
    expect(await refusal('https://later.example/')).toBeUndefined();
    await expect(resolveTarget('https://later.example/', publicOnly())).rejects.toMatchObject({
      message: 'Name does not resolve',
      forbidden: false,
    });
  });
  test('whose server is silent is given up in time', async () => {
    dns.names.set('silent.example', 'silent');
    const options = { ...publicOnly(), timeoutMs: 300 };
    const start = performance.now();
    await expect(resolveTarget('https://silent.example/', options)).rejects.toMatchObject({
      message: 'Name resolution timed out',
      forbidden: false,
    });
    expect(performance.now() - start).toBeLessThan(1500);
    await expect(checkTargetUrl('https://silent.example/', options)).resolves.toBeUndefined();
  });
  test('is asked for anew each time, so that a changed answer counts', async () => {
    dns.names.set('moving.example', ['93.184.216.34']);
    await resolveTarget('https://moving.example/', publicOnly());
    dns.names.set('moving.example', ['192.168.1.1']);
    await expect(resolveTarget('https://moving.example/', publicOnly())).rejects.toThrow(
      'Address not allowed',
    );
  });
});
