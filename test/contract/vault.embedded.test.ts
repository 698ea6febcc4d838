// The vault's file: the common contract, any crash, and that a destroyed key's bytes are gone.
import { randomBytes } from 'node:crypto';
import { link, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type SyncedWrite, writeSynced } from '../../src/adapters/append-file.js';
import { openVaultFile } from '../../src/adapters/vault/embedded.js';
import type { Vault } from '../../src/adapters/vault/port.js';
import { vaultContract } from './vault.js';

vaultContract('embedded', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
  const key = randomBytes(32);
  const opened: Vault[] = [];
  const open = async () => {
    const vault = await openVaultFile({ dir, key });
    opened.push(vault);
    return vault;
  };
  return {
    vault: await open(),
    crash: open,
    async dispose() {
      for (const vault of opened) await vault.close();
      await rm(dir, { recursive: true });
    },
  };
});

describe('vault: embedded, file', () => {
  const key = randomBytes(32);
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'core-api-'));
    path = join(dir, 'vault.jsonl');
  });
  afterEach(() => rm(dir, { recursive: true }));

  test('a key does not stand in the file in clear', async () => {
    const vault = await openVaultFile({ dir, key });
    const made = await vault.create('person');
    await vault.close();
    const bytes = await readFile(path);
    for (const form of ['hex', 'base64', 'base64url'] as const)
      expect(bytes.includes(made.toString(form))).toBe(false);
    expect(bytes.includes(made)).toBe(false);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('a destroyed key is neither in the file nor in the bytes that the file had before', async () => {
    const vault = await openVaultFile({ dir, key });
    await vault.create('erased');
    await vault.create('kept');
    const sealed = JSON.parse((await readFile(path, 'utf8')).split('\n')[1] ?? '')[2];
    expect(sealed).toMatchObject({ person: 'erased' });
    await link(path, join(dir, 'before'));
    await vault.destroy('erased');
    await vault.close();
    for (const name of ['vault.jsonl', 'before'])
      expect(await readFile(join(dir, name), 'utf8')).not.toContain(sealed.key);
  });

  test('cut anywhere, every key that was handed out by then is found', async () => {
    const vault = await openVaultFile({ dir, key });
    const made: { person: string; key: Buffer; size: number }[] = [];
    for (const person of ['a', 'b', 'c'])
      made.push({ person, key: await vault.create(person), size: (await stat(path)).size });
    await vault.close();
    const whole = await readFile(path);
    const torn = join(dir, 'torn');
    await mkdir(torn);
    const nearLineEnd = (length: number) => whole.subarray(Math.max(length - 2, 0), length + 2).includes(10);
    for (let length = 0; length <= whole.length; length++) {
      if (length % 17 !== 0 && !nearLineEnd(length)) continue;
      await writeFile(join(torn, 'vault.jsonl'), whole.subarray(0, length));
      const reopened = await openVaultFile({ dir: torn, key });
      for (const { person, key: expected, size } of made)
        expect(await reopened.get(person)).toEqual(size <= length ? expected : undefined);
      await reopened.close();
    }
  });

  test('another encryption key is refused by name', async () => {
    const vault = await openVaultFile({ dir, key });
    await vault.create('person');
    await vault.close();
    await expect(openVaultFile({ dir, key: randomBytes(32) })).rejects.toThrow(
      `ENCRYPTION_KEY is not the key that ${path} was sealed with.`,
    );
  });

  test('when the disk is full, nothing is created or destroyed, and later it is', async () => {
    const disk = { full: false };
    const write: SyncedWrite = async (file, bytes, position) => {
      if (disk.full) throw new Error('ENOSPC: no space left on device');
      await writeSynced(file, bytes, position);
    };
    const vault = await openVaultFile({ dir, key, write });
    const made = await vault.create('a');
    disk.full = true;
    await expect(vault.create('b')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(vault.destroy('a')).rejects.toMatchObject({ code: 'unavailable' });
    expect(await vault.get('b')).toBeUndefined();
    expect(await vault.get('a')).toEqual(made);
    disk.full = false;
    await vault.create('b');
    await vault.destroy('a');
    expect(await vault.get('a')).toBeUndefined();
    await vault.close();
    const reopened = await openVaultFile({ dir, key });
    expect(await reopened.get('a')).toBeUndefined();
    expect(await reopened.get('b')).toHaveLength(32);
    await reopened.close();
  });
});
