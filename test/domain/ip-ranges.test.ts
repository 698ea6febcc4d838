import { describe, expect, it } from 'vitest';
import { ipAllowed, isIpAddress, isIpRange } from '../../src/domain/ip-ranges.js';

describe('an address range', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::ffff:10.0.0.1', '::/0'])(
    'may be %s',
    (text) => expect(isIpRange(text)).toBe(true),
  );
  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '1',
    '0x7f.1',
    '10.0.0.1/33',
    '10.0.0.1/',
    '10.0.0.1/08',
    '10.0.0.1/8/8',
    '::1/129',
    'fe80::1%eth0',
    'localhost',
    '10.0.0.1 ',
  ])('may not be %j', (text) => expect(isIpRange(text)).toBe(false));
});

describe('an address of a client', () => {
  it.each(['203.0.113.9', '2001:db8::1', '::1', '::ffff:203.0.113.9', 'fe80::1%eth0', 'fe80::1'])(
    'may be %s',
    (text) => expect(isIpAddress(text)).toBe(true),
  );
  it.each([
    ...['', 'nonsense', '203.0.113', '203.0.113.256', '0203.0.113.9', '203.0.113.9/32', '::1/128', '[::1]'],
    ...['203.0.113.9:80', ' 203.0.113.9', '2001:db8::1%eth0', 'fe80::1%', 'fe80::1%a b', '1'.repeat(50_000)],
  ])('may not be %j', (text) => expect(isIpAddress(text)).toBe(false));
});

describe('a list of ranges', () => {
  it.each<[string[], string, boolean]>([
    [[], '203.0.113.9', true],
    [[], 'nonsense', true],
    [['203.0.113.9'], '203.0.113.9', true],
    [['203.0.113.9'], '203.0.113.10', false],
    [['203.0.113.0/24'], '203.0.113.255', true],
    [['203.0.113.0/24'], '203.0.114.0', false],
    [['203.0.113.0/24'], '::ffff:203.0.113.7', true],
    [['::ffff:203.0.113.7'], '203.0.113.7', true],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['2001:db8::/32', '10.0.0.0/8'], '10.1.2.3', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['10.0.0.0/8'], 'nonsense', false],
    [['10.0.0.0/8'], '', false],
  ])('%j lets %s in: %s', (list, ip, expected) => expect(ipAllowed(list, ip)).toBe(expected));
});
