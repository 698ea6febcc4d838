import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/decider.js';
import { redacted } from '../../src/domain/redaction.js';

test.each([
  'password',
  'db_password',
  'passwd',
  'clientSecret',
  'access_token',
  'apiKey',
  'api-key',
  'X-Api-Key',
  'Authorization',
  'auth',
  'private_key',
  'cookie',
  'session_id',
  'credentials',
  'pin',
])('hides the value of %s, whatever it is', (key) => {
  expect(redacted({ [key]: 'abc' })).toEqual({ [key]: '[redacted]' });
  expect(redacted({ [key]: { a: [1] } })).toEqual({ [key]: '[redacted]' });
  expect(redacted({ deep: [{ [key]: 'abc' }] })).toEqual({ deep: [{ [key]: '[redacted]' }] });
});

test.each(['author', 'path', 'key', 'passenger', 'pinned', 'tokyo', 'authored_at'])('shows %s', (key) => {
  expect(redacted({ [key]: 'abc' })).toEqual({ [key]: 'abc' });
});

test.each([
  `sk_live_${'a'.repeat(40)}`,
  'whsec_abc123',
  'use Bearer abc.def',
  `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln`,
  '-----BEGIN RSA PRIVATE KEY-----\nabc',
  `ghp_${'a'.repeat(36)}`,
  'AKIAABCDEFGHIJKLMNOP',
  'postgres://me:word@db.example.com/x',
])('hides a text that looks like a secret, under any name (%#)', (text) => {
  expect(redacted({ note: text })).toEqual({ note: '[redacted]' });
  expect(redacted({ note: [text] })).toEqual({ note: ['[redacted]'] });
  expect(JSON.stringify(redacted({ [text]: 1 }))).toContain('{"[redacted]":');
});

test('keeps of long texts and of documents only how long they are, and no e-mail addresses', () => {
  expect(
    redacted({ note: 'x'.repeat(257), content: 'short', to: 'Jane <jane@example.com>!', n: 1, ok: null }),
  ).toEqual({ note: '[257 characters]', content: '[5 characters]', to: 'Jane <[e-mail]>!', n: 1, ok: null });
});

test('is short, whatever it is given, and gives the same each time', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const kept = redacted(value as JsonObject);
      expect(JSON.stringify(kept).length).toBeLessThan(20_000);
      expect(redacted(value as JsonObject)).toEqual(kept);
    }),
  );
  const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, 'x'.repeat(256)]));
  expect(JSON.stringify(redacted(wide)).length).toBeLessThan(20_000);
  expect(JSON.stringify(redacted({ list: Array.from({ length: 1e5 }, () => wide) })).length).toBeLessThan(
    20_000,
  );
});
