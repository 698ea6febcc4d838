// The vault on EventStoreDB: the common contract, and that its streams are nobody else's business.
import { randomBytes, randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { openEventStoreVault } from '../../src/adapters/vault/eventstoredb.js';
import type { Vault } from '../../src/adapters/vault/port.js';
import { quiet, startDouble } from '../servers/eventstoredb.js';
import { shared } from '../servers/shared.js';
import { collect, counted } from '../support/log-events.js';
import { vaultContract } from './vault.js';

const server = shared('eventstore');
const newPrefix = () => `t${randomBytes(4).toString('hex')}_`;

vaultContract('EventStoreDB', async () => {
  const options = { url: server.url, prefix: newPrefix(), report: quiet, key: randomBytes(32) };
  const opened: Vault[] = [];
  const open = async () => {
    const vault = await openEventStoreVault(options);
    opened.push(vault);
    return vault;
  };
  return {
    vault: await open(),
    crash: open,
    dispose: async () => void (await Promise.all(opened.map((vault) => vault.close()))),
  };
});

describe('vault: EventStoreDB', () => {
  const key = randomBytes(32);

  test('another encryption key is refused by name', async () => {
    const options = { url: server.url, prefix: newPrefix(), report: quiet };
    await (await openEventStoreVault({ ...options, key })).close();
    await expect(openEventStoreVault({ ...options, key: randomBytes(32) })).rejects.toThrow(
      'ENCRYPTION_KEY is not the key',
    );
  });

  test('a key stands there sealed, and its stream is final once it was destroyed', async () => {
    const prefix = newPrefix();
    const vault = await openEventStoreVault({ url: server.url, prefix, report: quiet, key });
    const person = randomUUID();
    const made = await vault.create(person);
    const client = EventStoreDBClient.connectionString(server.url);
    const [stored] = await client.readStream(`${prefix}vault-${person}`).toArray();
    const text = JSON.stringify(stored.event.data);
    for (const form of ['hex', 'base64', 'base64url'] as const)
      expect(text).not.toContain(made.toString(form));
    await vault.destroy(person);
    await expect(client.readStream(`${prefix}vault-${person}`).toArray()).rejects.toMatchObject({
      type: 'stream-deleted',
    });
    await client.dispose();
    await vault.close();
  });

  test('no reader and no follower of the log sees it, and the log does not take it for somebody else', async () => {
    const options = { url: server.url, prefix: newPrefix(), report: quiet };
    const vault = await openEventStoreVault({ ...options, key });
    await vault.create(randomUUID());
    const log = await openEventStoreLog(options);
    const { position } = await log.append('thing-1', counted(1), 'no_stream');
    await vault.create(randomUUID());
    expect(await collect(log.readAll(-1))).toHaveLength(1);
    expect(await log.head()).toBe(position);
    const stop = new AbortController();
    const streams: string[] = [];
    for await (const { events, caughtUp } of log.subscribe(-1, {}, stop.signal)) {
      streams.push(...events.map(({ stream }) => stream));
      if (caughtUp) stop.abort();
    }
    expect(streams).toEqual(['thing-1']);
    await log.close();
    await vault.close();
  });

  test('a key that another process destroyed is not remembered', async () => {
    const options = { url: server.url, prefix: newPrefix(), report: quiet, key };
    const [one, two] = [
      await openEventStoreVault(options),
      await openEventStoreVault({ ...options, rememberMs: 1 }),
    ];
    const person = randomUUID();
    await one.create(person);
    expect(await two.get(person)).toBeDefined();
    await one.destroy(person);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await two.get(person)).toBeUndefined();
    await Promise.all([one.close(), two.close()]);
  });

  test('without the server it is unavailable, and available again with it', async () => {
    const local = await startDouble();
    onTestFinished(() => local.stop());
    const limits = { callMs: 1_000 };
    const vault = await openEventStoreVault({ url: local.url, report: quiet, key, limits });
    const person = randomUUID();
    const made = await vault.create(person);
    await local.kill();
    expect(await vault.get(person)).toEqual(made);
    await expect(vault.get(randomUUID())).rejects.toThrow(LogUnavailable);
    await expect(vault.create(randomUUID())).rejects.toThrow(LogUnavailable);
    await expect(vault.destroy(person)).rejects.toThrow(LogUnavailable);
    await local.start();
    expect(await vault.create(randomUUID())).toHaveLength(32);
    await vault.destroy(person);
    expect(await vault.get(person)).toBeUndefined();
    await vault.close();
  });
});
