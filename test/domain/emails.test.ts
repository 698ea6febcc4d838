import { expect, it } from 'vitest';
import { isEmail } from '../../src/domain/emails.js';

it.each([
  'john@example.com',
  'o.hara+tag@mail.example.co.uk',
  "o'hara@example.com",
  'jörg@müller.example',
  '用户@例子.广告',
  'a@xn--fsqu00a.xn--0zwm56d',
])('%s is an address', (text) => expect(isEmail(text)).toBe(true));

it.each([
  '',
  'john',
  'john@',
  '@example.com',
  'john@example',
  'john@@example.com',
  'john@example..com',
  'john..doe@example.com',
  '.john@example.com',
  'john.@example.com',
  'john doe@example.com',
  'john@exa mple.com',
  'john@-example.com',
  'john@example.c',
  'john@example.com\n',
  'john@example.com\u0000',
  '"john"@example.com',
  'john@127.0.0.1',
  `${'x'.repeat(65)}@example.com`,
  `x@${'y'.repeat(250)}.com`,
])('%j is none', (text) => expect(isEmail(text)).toBe(false));

it('is told quickly of a text that looks like one for long', () => {
  const began = performance.now();
  expect(isEmail(`${'a.'.repeat(100)}@${'b-'.repeat(10)}`)).toBe(false);
  expect(isEmail('a'.repeat(1_000_000))).toBe(false);
  expect(performance.now() - began).toBeLessThan(500);
});
