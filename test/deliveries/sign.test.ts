import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  announcement,
  keyOf,
  type Signable,
  secretsAt,
  signature,
  signatures,
} from '../../src/deliveries/sign.js';

const body = '{"event":"test"}';
const timestamp = Math.floor(Date.now() / 1000);
const generated = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const older = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const signable: Signable = { scheme: '2026', secret: generated, eventId: 'evt_1', timestamp, body };

const headersOf = (one: Signable) => ({
  ...announcement({
    eventId: one.eventId,
    eventType: 'post.created',
    deliveryId: 'del_1',
    timestamp: one.timestamp,
  }),
  ...signatures(one),
});
/** Throws when an off-the-shelf library would not accept the request. */
const verify = (one: Signable, secret: string, raw = false) =>
  new Webhook(secret, raw ? { format: 'raw' } : undefined).verify(one.body, headersOf(one));

describe('X-Webhook-Signature', () => {
  test('E30: of the scheme 2026 is hex over timestamp and body', () =>
    expect(signature('2026', 'test_secret_key', 1704067200, body)).toBe(
      'cccba6269a83fb2e41675da45b2d964f371cf64d5431a3d2774f1f20b6944256',
    ));
  test('E30: of the scheme 2024 is prefixed hex over the body alone', () =>
    expect(signature('2024', 'test_secret_key', 1704067200, body)).toBe(
      'sha256=0a98a080222be2089472c42a1e66aa102fe633d2c94d5c20b2452cf6d19361c3',
    ));
});

describe('webhook-signature', () => {
  test('is what a Standard Webhooks library verifies, with the secret as it was shown', () => {
    expect(verify(signable, generated)).toEqual({ event: 'test' });
    expect(() => verify(signable, older)).toThrow('No matching signature');
    expect(() => new Webhook(generated).verify(`${body} `, headersOf(signable))).toThrow(
      'No matching signature',
    );
  });
  test('is what a library verifies with a secret that is plain text, taken raw', () => {
    for (const secret of ['whsec_abc123def456...', 'test_secret_key', 'whsec_abc123...'])
      expect(verify({ ...signable, secret }, secret, true)).toEqual({ event: 'test' });
  });
  test('is what a library verifies with any secret that it can decode', () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 9, maxLength: 64 }),
        fc.boolean(),
        fc.boolean(),
        (bytes, prefix, padded) => {
          const text = Buffer.from(bytes)
            .toString('base64')
            .replace(/=+$/, padded ? '$&' : '');
          const secret = `${prefix ? 'whsec_' : ''}${text}`;
          expect(verify({ ...signable, secret }, secret)).toEqual({ event: 'test' });
        },
      ),
    ));
});

test('a secret that is not base64 is its own key, whole', () => {
  expect(keyOf('whsec_no-base64!')).toEqual(Buffer.from('whsec_no-base64!'));
  expect(keyOf('whsec_aaaaa')).toEqual(Buffer.from('whsec_aaaaa')); // 5 digits are no whole number of bytes
  expect(keyOf('whsec_aaa==')).toEqual(Buffer.from('whsec_aaa=='));
  expect(keyOf('whsec_')).toEqual(Buffer.from('whsec_'));
  expect(keyOf(generated)).toEqual(Buffer.alloc(32, 7));
});

describe('during a rotation', () => {
  const rotating: Signable = { ...signable, previousSecret: older };
  test('receivers with either secret accept the request', () => {
    expect(verify(rotating, generated)).toEqual({ event: 'test' });
    expect(verify(rotating, older)).toEqual({ event: 'test' });
  });
  test('X-Webhook-Signature is made with the new one, -Previous with the old one', () => {
    const headers = headersOf(rotating);
    expect(headers['X-Webhook-Signature']).toBe(signature('2026', generated, timestamp, body));
    expect(headers['X-Webhook-Signature-Previous']).toBe(signature('2026', older, timestamp, body));
    expect(headersOf(signable)).not.toHaveProperty('X-Webhook-Signature-Previous');
  });
});

describe('the secrets that sign', () => {
  const rotated = {
    id: 'w',
    secret: 'new',
    previousSecret: 'old',
    previousUntil: '2026-01-16T10:30:00.000Z',
  };
  const at = (instant: string, endpoint: Parameters<typeof secretsAt>[0] = rotated) =>
    secretsAt(endpoint, new Date(instant), { open: (sealed, id) => `${id}:${sealed}` });
  test('are both as long as the grace of a rotation lasts, then the new one alone', () => {
    expect(at('2026-01-16T10:29:59.999Z')).toEqual({ secret: 'w:new', previousSecret: 'w:old' });
    expect(at('2026-01-16T10:30:00.000Z')).toEqual({ secret: 'w:new' });
  });
  test('are one where there was no rotation', () =>
    expect(at('2026-01-16T10:29:59.999Z', { ...rotated, previousSecret: null, previousUntil: null })).toEqual(
      {
        secret: 'w:new',
      },
    ));
});

test('a request announces its event, delivery and time', () =>
  expect(
    announcement({ eventId: 'evt_1', eventType: 'post.created', deliveryId: 'del_1', timestamp: 1704067200 }),
  ).toEqual({
    'Content-Type': 'application/json',
    'User-Agent': expect.stringMatching(/^core-api/),
    'X-Webhook-Id': 'evt_1',
    'X-Webhook-Event': 'post.created',
    'X-Webhook-Delivery': 'del_1',
    'X-Webhook-Timestamp': '1704067200',
    'webhook-id': 'evt_1',
    'webhook-timestamp': '1704067200',
  }));
