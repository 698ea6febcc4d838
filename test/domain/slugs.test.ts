import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSlug, normalSlug, slugFrom } from '../../src/domain/slugs.js';

describe('slugs', () => {
  it.each([
    ['New Workspace', 'new-workspace'],
    ['  Straße & Söhne!  ', 'straße-söhne'],
    ['東京 オフィス', '東京-オフィス'],
    ['Cafe\u0301', 'café'],
    ['🎉', ''],
    ['🏳️‍🌈', ''],
    ['Pride 🏳️‍🌈 shop', 'pride-shop'],
    ['---', ''],
  ])('of %j is %j', (name, slug) => {
    expect(slugFrom(name)).toBe(slug);
  });

  it('generated from any name are valid or empty', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (name) => {
        const slug = slugFrom(name);
        expect(slug === '' || isSlug(slug)).toBe(true);
      }),
    );
  });

  it.each(['a', 'a-b', 'ümlaut', '0', 'x'.repeat(100)])('%j is one', (slug) =>
    expect(isSlug(slug)).toBe(true),
  );
  it.each(['', '-a', 'a-', 'a--b', 'a b', 'a_b', 'a/b', 'a\u0000', 'x'.repeat(101), '\ufe0f', 'a-\u0301'])(
    '%j is none',
    (slug) => expect(isSlug(slug)).toBe(false),
  );
  it('are compared in lower case and NFC', () => expect(normalSlug('CAFE\u0301')).toBe('café'));
});
