// Sealing: what was sealed opens only unchanged, with its key, in its place; and the key file is made once.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hmac, keyring, loadEncryptionKey, purposes, seal, unseal } from '../../src/adapters/seal.js';

describe('seal', () => {
  const key = randomBytes(32);

  test('any text and any bytes come back as they were', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\0', '"', 'é', '\ue000', '😀'), maxLength: 40 });
    fc.assert(
      fc.property(text, fc.uint8Array({ maxLength: 200 }), text, (plain, bytes, aad) => {
        expect(unseal(key, seal(key, plain, aad), aad).toString()).toBe(plain);
        expect(unseal(key, seal(key, Buffer.from(bytes), aad), aad).equals(bytes)).toBe(true);
      }),
    );
  });

  test('the form is the key version, a dot, and base64url of nonce, text and tag', () => {
    expect(seal(key, 'abc')).toMatch(/^k1\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(seal(key, 'abc').slice(3), 'base64url')).toHaveLength(12 + 3 + 16);
  });

  test('the same text never looks the same twice', () => {
    const sealed = Array.from({ length: 2000 }, () => seal(key, 'same'));
    expect(new Set(sealed).size).toBe(2000);
    expect(new Set(sealed.map((text) => text.slice(3, 19))).size).toBe(2000);
  });

  test('a change of any character, a cut or an addition is refused', () => {
    const sealed = seal(key, 'secret');
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      expect(() => unseal(key, sealed.slice(0, at) + other + sealed.slice(at + 1))).toThrow(/^Sealed text/);
      expect(() => unseal(key, sealed.slice(0, at))).toThrow(/^Sealed text/);
    }
    for (const addition of ['A', '=', ' ', '\n', '!']) expect(() => unseal(key, sealed + addition)).toThrow();
  });

  test('another key or another place is refused, without a word of the content', () => {
    const sealed = seal(key, 'secret', 'place-1');
    expect(() => unseal(randomBytes(32), sealed, 'place-1')).toThrow(
      'Sealed text was changed, or was sealed with another key.',
    );
    expect(() => unseal(key, sealed, 'place-2')).toThrow();
    expect(() => unseal(key, sealed)).toThrow();
  });

  test('a key version that is not known is refused as such', () => {
    expect(() => unseal(key, `k2${seal(key, 'secret').slice(2)}`)).toThrow('key version');
  });

  test('hmac is HMAC-SHA-256 in hex', () => {
    // RFC 4231, test case 2.
    expect(hmac(Buffer.from('Jefe'), 'what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });
});

describe('keyring', () => {
  test('every purpose has a key of its own, and the same encryption key gives the same ones', () => {
    const encryptionKey = randomBytes(32);
    const keys = keyring(encryptionKey);
    expect(new Set(Object.values(keys).map((each) => each.toString('hex'))).size).toBe(purposes.length);
    for (const purpose of purposes) expect(keys[purpose]).toHaveLength(32);
    expect(keyring(Buffer.from(encryptionKey))).toEqual(keys);
    expect(keyring(randomBytes(32)).vault).not.toEqual(keys.vault);
  });

  test('keys stay what they were, so that stored texts can be read', () => {
    expect(keyring(Buffer.alloc(32, 1))['webhook-secret'].toString('hex')).toBe(
      'bd82b22c4c1b170929ab46128da549afb9bafcced9482c37e829e58fb61cdb92',
    );
    const stored = 'k1.Iw98LQF9J2zFTxVvrTrO6YR7hgboIRHC_vL-EQiqf-U2-5bIElLb3DM';
    expect(unseal(keyring(Buffer.alloc(32, 1)).vault, stored, 'place').toString()).toBe('a stored text');
  });
});

describe('the encryption key', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'core-api-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('is the configured one, and then no file is made', async () => {
    const configured = randomBytes(32);
    expect(await loadEncryptionKey({ configured: configured.toString('base64'), dir })).toEqual(configured);
    expect(await readdir(dir)).toEqual([]);
  });

  test('is made once in the data directory, for its owner alone, and found again', async () => {
    const data = join(dir, 'data');
    const key = await loadEncryptionKey({ dir: data });
    expect(key).toHaveLength(32);
    expect(await loadEncryptionKey({ dir: data })).toEqual(key);
    expect(await readdir(data)).toEqual(['encryption.key']);
    expect((await stat(join(data, 'encryption.key'))).mode & 0o777).toBe(0o600);
    const text = await readFile(join(data, 'encryption.key'), 'utf8');
    expect(await loadEncryptionKey({ configured: text.trim(), dir })).toEqual(key);
  });

  test('is the same for all of several first starts at once, and its file is never replaced', async () => {
    const started = Array.from({ length: 16 }, async () => {
      const key = await loadEncryptionKey({ dir });
      return `${key.toString('hex')} ${(await stat(join(dir, 'encryption.key'))).ino}`;
    });
    expect(new Set(await Promise.all(started)).size).toBe(1);
    expect(await readdir(dir)).toEqual(['encryption.key']);
  });

  const wrong = [
    '',
    'short',
    ...[31, 33].map((length) => Buffer.alloc(length, 7).toString('base64')),
    'f'.repeat(64),
  ];

  test.each([...wrong, ` ${Buffer.alloc(32, 7).toString('base64')}`])(
    'is refused in a sentence that names it, not its value, when its length or form is wrong: %j',
    async (configured) => {
      const refusal = 'ENCRYPTION_KEY must be 32 bytes in base64, as "openssl rand -base64 32" prints them.';
      await expect(loadEncryptionKey({ configured, dir })).rejects.toThrow(new Error(refusal));
    },
  );

  test.each(wrong)(
    'is refused naming the file, and the file is left alone, when that holds %j',
    async (text) => {
      await writeFile(join(dir, 'encryption.key'), text);
      const error = await loadEncryptionKey({ dir }).catch(String);
      expect(error).toMatch(/ENCRYPTION_KEY.*encryption\.key.*32 bytes/);
      if (text !== '') expect(error).not.toContain(text);
      expect(await readFile(join(dir, 'encryption.key'), 'utf8')).toBe(text);
    },
  );
});
