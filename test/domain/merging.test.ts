import { expect, it } from 'vitest';
import { differing, given, merged, requireFewKeys, requireSmall } from '../../src/domain/merging.js';

it('merging goes by top-level keys: null removes one, and no name means anything special', () => {
  expect(merged<string>({ a: '1', b: '2' }, { b: null, c: '3', d: null })).toEqual({ a: '1', c: '3' });
  const odd = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
  expect(Object.entries(merged<string>({}, odd))).toEqual(Object.entries(odd));
});

it('what differs is what would change something', () => {
  const record = { name: 'a', tags: ['x'], metadata: { k: 'v' } };
  const wanted = { name: 'a', tags: ['x', 'y'], note: undefined, metadata: { k: 'v', gone: null } };
  expect(differing(record, wanted)).toEqual({ tags: ['x', 'y'] });
  expect(differing(record, { metadata: { k: null } })).toEqual({ metadata: { k: null } });
});

it('what is undefined is not given', () => {
  expect(given({ a: undefined, b: null, c: 0 })).toEqual({ b: null, c: 0 });
});

it('a record may have 50 keys of metadata and 256 KiB of settings', () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, '']));
  expect(() => requireFewKeys(keys(50))).not.toThrow();
  expect(() => requireFewKeys(keys(51))).toThrow();
  expect(() => requireSmall({ settings: { a: 'x'.repeat(262_000) }, metadata: {} })).not.toThrow();
  expect(() => requireSmall({ settings: { a: 'x'.repeat(262_144) }, metadata: {} })).toThrow();
});
