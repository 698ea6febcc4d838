import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { deviceOf, domainOf, hostIn, keptReferrer, keptUrl, siteSettings } from '../../src/domain/pixel.js';

describe('what is kept of a hit', () => {
  test.each([
    ['https://example.com', 'https://example.com/'],
    ['https://Example.com/a?utm_source=x#part', 'https://example.com/a?utm_source=x'],
    ['https://jane:secret@example.com/a', 'https://example.com/a'],
  ])('of the page %s: %s', (url, kept) => expect(keptUrl(url)).toBe(kept));

  test.each([
    ['https://google.com/search?q=private#x', 'https://google.com/search'],
    ['https://jane:secret@example.com/a', 'https://example.com/a'],
    ['', null],
    [undefined, null],
    ['android-app://com.example', null],
    ['nonsense', null],
  ])('of the referrer %s: %s', (referrer, kept) => expect(keptReferrer(referrer)).toBe(kept));

  test.each([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36', 'desktop'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148', 'mobile'],
    ['Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0 Mobile Safari/537.36', 'mobile'],
    ['Mozilla/5.0 (Linux; Android 14; SM-X710) Chrome/120.0 Safari/537.36', 'tablet'],
    ['Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X)', 'tablet'],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'bot'],
    ['', 'unknown'],
    [undefined, 'unknown'],
  ])('of the user agent %s: %s', (userAgent, device) => expect(deviceOf(userAgent)).toBe(device));
});

describe('a host', () => {
  test.each([
    ['https://Shop.Example:8443/a', 'shop.example'],
    ['http://127.0.0.1:5000', '127.0.0.1'],
    ['https://münchen.example', 'xn--mnchen-3ya.example'],
    ['null', undefined],
    ['file:///tmp/a.html', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of %s is %s', (address, host) => expect(hostIn(address)).toBe(host));
});

describe('a domain', () => {
  test.each([
    ['example.com', 'example.com'],
    ['WWW.Example.COM', 'www.example.com'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['localhost', 'localhost'],
  ])('may be written %s', (text, domain) => expect(domainOf(text)).toBe(domain));

  test.each([
    '',
    ' ',
    'https://example.com',
    'example.com/',
    'example.com:443',
    '*.example.com',
    'a@example.com',
    '.example.com',
    'example.com.',
    'exa mple.com',
    'example.com?a',
    'example.com#a',
    'a\\b',
    '[::1]',
    'a%2eb',
    'x'.repeat(254),
    'a\u0000b',
  ])('may not be written %j', (text) => expect(domainOf(text)).toBeUndefined());

  it('is the host that a page there has, whatever was written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string()), (text) => {
        const domain = domainOf(text);
        if (domain !== undefined) {
          expect(hostIn(`https://${domain}/page`)).toBe(domain);
          expect(domainOf(domain)).toBe(domain);
        }
      }),
    );
  });
});

describe('the settings of a site', () => {
  test.each([
    [{}, { domains: [], enabled: true }],
    [
      { domains: ['A.example', 'a.example', 'b.example'] },
      { domains: ['a.example', 'b.example'], enabled: true },
    ],
    [{ pixel: { enabled: false } }, { domains: [], enabled: false }],
    [{ pixel: {} }, { domains: [], enabled: true }],
    // Stored before these names had a meaning.
    [
      { domains: 'a.example', pixel: 'off' },
      { domains: [], enabled: true },
    ],
    [
      { domains: [1, null, 'https://x', 'a.example'], pixel: null },
      { domains: ['a.example'], enabled: true },
    ],
  ])('%j say %j', (settings, said) => expect(siteSettings(settings as never)).toEqual(said));
});
