// Sealing of secrets: purpose keys from one encryption key, AES-256-GCM texts, HMACs, and where the key comes from.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  randomFillSync,
} from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './append-file.js';

/** What secrets are sealed or hashed for. Each purpose has a key of its own, so that no text fits another place. */
export const purposes = [
  'idempotency',
  'webhook-secret',
  'fingerprint',
  'email',
  'vault',
  'address',
  'tool-answer',
  'counters',
] as const;
export type Purpose = (typeof purposes)[number];
export type Keyring = Readonly<Record<Purpose, Buffer>>;

/** Purpose keys (32 bytes each) by HKDF-SHA-256 (RFC 5869), without salt, the purpose as info. */
export const keyring = (encryptionKey: Buffer): Keyring => {
  const derive = (purpose: Purpose) => Buffer.from(hkdfSync('sha256', encryptionKey, '', purpose, 32));
  return Object.fromEntries(purposes.map((purpose) => [purpose, derive(purpose)])) as Record<Purpose, Buffer>;
};

const version = 'k1';
const nonceBytes = 12;
const tagBytes = 16;

// Randomness is drawn for many nonces at once: a draw costs more than the encryption of a short text.
const nonces = Buffer.alloc(nonceBytes * 256);
let drawn = nonces.length;
const nextNonce = (): Buffer => {
  if (drawn === nonces.length) {
    randomFillSync(nonces);
    drawn = 0;
  }
  drawn += nonceBytes;
  return nonces.subarray(drawn - nonceBytes, drawn);
};

/**
 * Encrypts and authenticates (AES-256-GCM, NIST SP 800-38D): `k1.` + base64url(nonce | ciphertext | tag).
 * `k1` names the key's version, so that keys can be renewed. `aad` ties the text to its place; it is not stored.
 */
export const seal = (purposeKey: Buffer, plain: string | Buffer, aad = ''): string => {
  const nonce = nextNonce();
  const cipher = createCipheriv('aes-256-gcm', purposeKey, nonce);
  cipher.setAAD(Buffer.from(aad));
  const text = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain);
  cipher.final(); // empty: GCM pads nothing
  return `${version}.${Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url')}`;
};

/** Opens what `seal` made with the same key and `aad`; throws when anything was changed. */
export const unseal = (purposeKey: Buffer, sealed: string, aad = ''): Buffer => {
  const dot = sealed.indexOf('.');
  if (sealed.slice(0, dot) !== version) throw new Error('Sealed text names a key version that is not known.');
  const encoded = sealed.slice(dot + 1);
  const bytes = Buffer.from(encoded, 'base64url');
  try {
    // Node's decoder skips what is not base64url; such a text was changed too.
    if (bytes.toString('base64url') !== encoded) throw new Error('Not base64url.');
    const nonce = bytes.subarray(0, nonceBytes);
    const decipher = createDecipheriv('aes-256-gcm', purposeKey, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(aad));
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    const text = decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes));
    return Buffer.concat([text, decipher.final()]);
  } catch (cause) {
    throw new Error('Sealed text was changed, or was sealed with another key.', { cause });
  }
};

/** HMAC-SHA-256 in hex. */
export const hmac = (key: Buffer, text: string): string =>
  createHmac('sha256', key).update(text).digest('hex');

const keyFile = 'encryption.key';

const decodeKey = (text: string, origin: string): Buffer => {
  if (!/^[A-Za-z0-9+/]{43}=?$/.test(text))
    throw new Error(`${origin} must be 32 bytes in base64, as "openssl rand -base64 32" prints them.`);
  return Buffer.from(text, 'base64');
};

/**
 * The encryption key (32 bytes): the configured one (base64), or else the file `encryption.key` in `dir`, made at
 * the first call, readable by its owner alone. Throws a sentence naming ENCRYPTION_KEY when the key is none.
 */
export const loadEncryptionKey = async (source: { configured?: string; dir: string }): Promise<Buffer> => {
  if (source.configured !== undefined) return decodeKey(source.configured, 'ENCRYPTION_KEY');
  const path = join(source.dir, keyFile);
  const stored = (await readKey(path)) ?? (await makeKey(source.dir, path));
  return decodeKey(stored.trim(), `Without ENCRYPTION_KEY, the file ${keyFile} in the data directory`);
};

const readKey = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Writes a new key aside and links it into place, so that the file is never seen half written and never replaced. */
const makeKey = async (dir: string, path: string): Promise<string> => {
  await mkdir(dir, { recursive: true });
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString('base64')}\n`);
    await file.sync();
    await link(aside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // another start made it first: its key counts
    });
  } finally {
    await file.close();
    await rm(aside, { force: true });
  }
  await syncDirectory(dir);
  return readFile(path, 'utf8');
};
