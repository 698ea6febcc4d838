// Starts that cannot go well: each says in one plain sentence what is wrong, and names the setting. And TLS, which can.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startDouble } from '../servers/eventstoredb.js';
import { certificate } from '../servers/eventstoredb-double/certificate.js';
import { startLocalRedis } from '../servers/redis.js';
import type { LocalServer } from '../servers/server.js';
import { shared } from '../servers/shared.js';
import { type Launched, launch } from '../support/server.js';
import { storeSettings } from '../support/stores.js';

const mongodb = shared('mongodb');
const KEY = `sk_test_${'s'.repeat(40)}`;
const SECRET = 'open-sesame';

let dir: string;
let launched: Launched | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-start-'));
});
afterEach(async () => {
  await launched?.kill();
  launched = undefined;
  await rm(dir, { recursive: true, force: true });
});

const begin = (env: Record<string, string> = {}): Launched => {
  launched = launch({ DATA_DIR: dir, BOOTSTRAP_API_KEY: KEY, ...env });
  return launched;
};
/** The one line that the process ended with. */
const refusal = async (env: Record<string, string>): Promise<string> => {
  const ended = await begin(env)
    .listening()
    .then(
      () => 'it started',
      (error: Error) => error.message,
    );
  expect(ended).not.toContain(SECRET);
  const lines = ended.split('\n').filter((line) => line.startsWith('core-api cannot start: '));
  expect(lines, ended).toHaveLength(1);
  return lines[0]?.replace('core-api cannot start: ', '') ?? '';
};

describe('a start is refused', () => {
  it.each([
    ['EVENTSTORE_URL', 'http://127.0.0.1:2113'],
    ['MONGODB_URL', 'postgres://127.0.0.1'],
    ['REDIS_URL', '127.0.0.1:6379'],
    ['EVENTSTORE_URL', `esdb://ops:${SECRET}@127.0.0.1:1?colour=red`],
    ['MONGODB_URL', `mongodb://ops:${SECRET}@`],
  ])('with a %s that is none', async (setting, url) => {
    expect(await refusal({ [setting]: url })).toMatch(new RegExp(`^${setting} `));
  });

  it('without ENCRYPTION_KEY', async () => {
    expect(await refusal({ ENCRYPTION_KEY: '' })).toMatch(/ENCRYPTION_KEY/);
  });

  it('with fewer roles than all on fewer servers than three', async () => {
    const sentence = await refusal({ ROLES: 'api', REDIS_URL: '' });
    expect(sentence).toMatch(/ROLES/);
    expect(sentence).toMatch(/REDIS_URL/);
  });

  it('with another ENCRYPTION_KEY than the one that the installation has used', async () => {
    const first = begin();
    await first.listening();
    await first.stop();
    const ENCRYPTION_KEY = Buffer.alloc(32, 'other').toString('base64');
    expect(await refusal({ ENCRYPTION_KEY })).toMatch(/ENCRYPTION_KEY/);
  });

  it('on an EventStoreDB that holds streams of somebody else where ours would be', async () => {
    const { STORE_PREFIX: prefix = '', EVENTSTORE_URL: url = '' } = storeSettings(dir);
    const client = EventStoreDBClient.connectionString(url);
    await client.appendToStream(`${prefix}orders-1`, jsonEvent({ type: 'OrderPlaced', data: {} }));
    await client.dispose();
    expect(await refusal({})).toMatch(/^STORE_PREFIX: EventStoreDB already holds somebody else's streams/);
  });

  it.skipIf('skipped' in mongodb)('on a MongoDB with another schema version', async () => {
    const { STORE_PREFIX: prefix = '', MONGODB_URL: url = '' } = storeSettings(dir);
    const client = new MongoClient(url);
    const meta = client.db(`${prefix}core_api`).collection<{ _id: string; version: number }>('meta');
    await meta.insertOne({ _id: 'schema', version: 0 });
    await client.close();
    expect(await refusal({})).toMatch(/^MONGODB_URL names the database .* schema version 0/);
  });

  it.skipIf('skipped' in mongodb)('with a user whom MongoDB does not know', async () => {
    const stranger = storeSettings(dir)['MONGODB_URL']?.replace(/\/\/([^@/]*@)?/, `//ops:${SECRET}@`) ?? '';
    expect(await refusal({ MONGODB_URL: stranger })).toBe(
      'MONGODB_URL: the server refused the user or the password.',
    );
  });
});

describe('a server that is nowhere', () => {
  it.each([
    ['EVENTSTORE_URL', 'esdb://127.0.0.1:1?tls=false'],
    ['MONGODB_URL', 'mongodb://127.0.0.1:1'],
    ['REDIS_URL', 'redis://127.0.0.1:1'],
  ])(
    'in %s is told in one sentence and waited for, until the process is told to stop',
    async (setting, url) => {
      const waiting = begin({ [setting]: url });
      await waiting.printed(new RegExp(`"${setting}: the server (does not answer|cannot be reached)[^"]*"`));
      expect(await waiting.stop()).toBe(0);
    },
  );
});

describe('Redis and EventStoreDB with TLS, users and passwords', () => {
  let files: string;
  let ca: string;
  let eventstore: LocalServer;
  let redis: LocalServer;
  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'core-api-tls-'));
    ca = join(files, 'cert.pem');
    const key = join(files, 'key.pem');
    await writeFile(ca, certificate.cert);
    await writeFile(key, certificate.key);
    const urlOf = (port: number) =>
      `esdb://ops:${SECRET}@localhost:${port}?tlsCAFile=${encodeURIComponent(ca)}`;
    eventstore = await startDouble(['--cert', ca, '--key', key, '--user', `ops:${SECRET}`], urlOf);
    const tls = ['--tls-cert-file', ca, '--tls-key-file', key, '--tls-ca-cert-file', ca];
    const started = await startLocalRedis(
      (port) => [
        ...['--port', '0', '--tls-port', String(port), '--requirepass', SECRET],
        ...['--tls-auth-clients', 'no', ...tls],
      ],
      (port) => `rediss://:${SECRET}@localhost:${port}`,
    );
    if ('skipped' in started) return;
    redis = started;
  });
  afterAll(async () => {
    await eventstore?.stop();
    await redis?.stop();
    await rm(files, { recursive: true, force: true });
  });
  const secured = () => ({
    EVENTSTORE_URL: eventstore.url,
    REDIS_URL: redis.url,
    NODE_EXTRA_CA_CERTS: ca,
  });

  it('work', async ({ skip }) => {
    if (!redis) skip('redis-server is not installed');
    const app = begin(secured());
    const url = await app.listening();
    const create = () =>
      fetch(`${url}/api/v1/workspaces`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${KEY}`,
          'content-type': 'application/json',
          'idempotency-key': 'once',
        },
        body: '{"name":"Secured"}',
      });
    const first = await create();
    expect(first.status).toBe(201);
    expect(await (await create()).text()).toBe(await first.text());
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    expect(await app.stop()).toBe(0);
    expect(app.output()).not.toContain(SECRET);
  });

  it('refuse a wrong password', async ({ skip }) => {
    if (!redis) skip('redis-server is not installed');
    const wrong = (url: string) => url.replace(SECRET, 'guess');
    expect(await refusal({ ...secured(), EVENTSTORE_URL: wrong(eventstore.url) })).toMatch(
      /^EVENTSTORE_URL: EventStoreDB refuses the user name or password/,
    );
    expect(await refusal({ ...secured(), REDIS_URL: wrong(redis.url) })).toBe(
      'REDIS_URL: the server refused the user or the password.',
    );
  });
});

it('a Redis that drops keys when it is full is warned about, and used', async ({ skip }) => {
  const evicting = await startLocalRedis(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
  if ('skipped' in evicting) return skip(evicting.skipped);
  const app = begin({ REDIS_URL: evicting.url });
  await app.printed(/"REDIS_URL: the server drops keys[^"]*allkeys-lru[^"]*noeviction[^"]*"/);
  await app.listening();
  await app.kill();
  await evicting.stop();
});
