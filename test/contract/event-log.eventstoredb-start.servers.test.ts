// Opening the log on EventStoreDB: what it waits for, what it refuses in one sentence, and where the log ends.
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type EventStoreLogOptions, openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { follower } from '../../src/projections/follower.js';
import { quiet, startDouble } from '../servers/eventstoredb.js';
import { certificate } from '../servers/eventstoredb-double/certificate.js';
import { collect, counted, newEvent } from '../support/log-events.js';

const server = await startDouble();
const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
await writeFile(files.cert, certificate.cert);
await writeFile(files.key, certificate.key);
const client = EventStoreDBClient.connectionString(server.url);
afterAll(async () => {
  await client.dispose();
  await server.stop();
  await rm(dir, { recursive: true });
});

const opened: EventLog[] = [];
const open = async (options: Partial<EventStoreLogOptions> = {}) => {
  const log = await openEventStoreLog({ url: server.url, prefix, report: quiet, ...options });
  opened.push(log);
  return log;
};
let prefix: string;
beforeEach(() => {
  prefix = `t${randomBytes(4).toString('hex')}_`;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((log) => log.close()));
});

/** Somebody else's events, in a stream of their own. */
const foreign = (count: number, stream = `foreign-${randomUUID()}`) =>
  client.appendToStream(
    stream,
    Array.from({ length: count }, () => jsonEvent({ type: 'Counted', data: {} })),
  );

describe('a log', () => {
  test('is made once, also when two processes begin it at the same time', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    expect(one.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(two.id).toBe(one.id);
    expect((await open({ prefix: `${prefix}b_` })).id).not.toBe(one.id);
    expect(await one.head()).toBe(-1);
    expect(await collect(one.readAll(-1))).toEqual([]);
  });

  test('keeps only the newest events of a sequence and of a snapshot, and counts on', async () => {
    const log = await open();
    for (let n = 0; n < 5; n++) {
      expect((await log.append('sequence-x', counted(1), 'any')).revision).toBe(n);
      await log.append('meterSnapshot-x', [newEvent('Snapshot', { n })], 'any');
      await log.append('thing-x', counted(1), 'any');
    }
    const held = async (stream: string) => (await collect(log.read(stream))).map(({ revision }) => revision);
    expect(await held('sequence-x')).toEqual([4]);
    expect(await held('meterSnapshot-x')).toEqual([4]);
    expect(await held('thing-x')).toEqual([0, 1, 2, 3, 4]);
    const metadata = await client.readStream(`$$${prefix}sequence-x`).toArray();
    expect(metadata).toHaveLength(1);
    const again = await open();
    expect((await again.append('sequence-x', counted(1), 'any')).revision).toBe(5);
    expect(await client.readStream(`$$${prefix}sequence-x`).toArray()).toHaveLength(1);
  });
});

describe('the settings', () => {
  test.each([
    ['esdb://', 'EVENTSTORE_URL is no connection string such as esdb://localhost:2113?tls=false.'],
    ['http://127.0.0.1:2113', 'EVENTSTORE_URL is no connection string'],
    ['esdb://u:secret@127.0.0.1:x?tls=false', 'EVENTSTORE_URL is no connection string'],
    ['esdb://u:secret@127.0.0.1:1?tls=maybe', 'EVENTSTORE_URL is no connection string'],
    ['esdb://u:secret@127.0.0.1:1?colour=red', 'EVENTSTORE_URL has an option that is not known: colour.'],
    [
      'esdb://u:secret@127.0.0.1:1?tlsCAFile=/no/such/file',
      'EVENTSTORE_URL: Failed to load certificate file.',
    ],
  ])('%s is refused, and no secret is told', async (url, message) => {
    const printed = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error'), vi.spyOn(console, 'log')];
    const error = await open({ url }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect(
      `${JSON.stringify(error)}${String(error)}${JSON.stringify(printed.map(({ mock }) => mock.calls))}`,
    ).not.toContain('secret');
    for (const spy of printed) spy.mockRestore();
  });

  test('a server may be named by its newer name, and found by discovery', async () => {
    const { id } = await open();
    for (const scheme of ['kurrentdb', 'esdb+discover', 'kurrentdb+discover'])
      expect((await open({ url: server.url.replace('esdb', scheme) })).id).toBe(id);
  });

  test('a prefix that could be no prefix of names is refused', async () => {
    await expect(open({ prefix: '$x' })).rejects.toThrow('STORE_PREFIX may hold only');
  });

  test('names that somebody else uses are refused, under a prefix as without one', async () => {
    await foreign(1, `${prefix}user-1`);
    await expect(open()).rejects.toThrow(
      `STORE_PREFIX: EventStoreDB already holds somebody else's streams under ${prefix}`,
    );
    await expect(open({ prefix: '' })).rejects.toThrow(
      "STORE_PREFIX: EventStoreDB already holds somebody else's streams and no log",
    );
    await foreign(1, `${prefix}b_log`);
    await expect(open({ prefix: `${prefix}b_` })).rejects.toThrow(
      `STORE_PREFIX: the stream ${prefix}b_log in EventStoreDB is somebody else's.`,
    );
  });

  test('a log that a newer version wrote is refused', async () => {
    const data = { format: 2, logId: randomUUID() };
    await client.appendToStream(`${prefix}log`, jsonEvent({ type: 'LogBegun', data }));
    await expect(open()).rejects.toThrow(
      'EVENTSTORE_URL leads to a log of format 2, which is newer than this version.',
    );
  });

  test('a server that is too old is refused', async () => {
    const old = await startDouble(['--version', '22.10.1']);
    onTestFinished(() => old.stop());
    await expect(open({ url: old.url })).rejects.toThrow('EVENTSTORE_URL leads to EventStoreDB 22.10.1');
  });

  test('TLS and credentials work, and wrong ones are refused', async () => {
    const args = ['--cert', files.cert, '--key', files.key, '--user', 'ops:s3cret'];
    const urlOf = (user: string) => (port: number) =>
      `esdb://${user}@localhost:${port}?tlsCAFile=${encodeURIComponent(files.cert)}`;
    const guarded = await startDouble(args, urlOf('ops:s3cret'));
    onTestFinished(() => guarded.stop());
    const log = await open({ url: guarded.url });
    await log.append('thing-1', counted(2), 'no_stream');
    expect(await collect(log.readAll(-1))).toHaveLength(2);
    await expect(open({ url: guarded.url.replace('s3cret', 'wrong') })).rejects.toThrow(
      'EVENTSTORE_URL: EventStoreDB refuses the user name or password',
    );
  });
});

describe('a server that is not there', () => {
  test('is waited for, saying so, and found when it is started later', async () => {
    const late = await startDouble();
    onTestFinished(() => late.stop());
    await late.kill();
    const warned: string[] = [];
    const waiting = open({
      url: late.url,
      report: { ...quiet, warn: (message) => void warned.push(message) },
    });
    await vi.waitFor(() => expect(warned.length).toBeGreaterThan(1), 10_000);
    expect(warned[0]).toContain('EVENTSTORE_URL: the server does not answer; trying again');
    await late.start();
    await (await waiting).append('thing-1', counted(1), 'no_stream');
  });

  test('is not waited for any longer when told so', async () => {
    const stop = new AbortController();
    const report = { ...quiet, warn: () => stop.abort() };
    await expect(
      open({ url: 'esdb://127.0.0.1:1?tls=false', signal: stop.signal, report }),
    ).rejects.toThrow();
  });
});

describe('the head', () => {
  test('is the last event of ours, also when others write after it', async () => {
    const log = await open();
    const { position } = await log.append('thing-1', counted(1), 'no_stream');
    await foreign(60);
    expect(await log.head()).toBe(position);
    await foreign(60);
    expect(await log.head()).toBe(position);
    expect(await (await open()).head()).toBe(position);
    const next = await log.append('thing-1', counted(1), 0);
    expect(await log.head()).toBe(next.position);
  });

  test('behind a long run of others’ events is one that every later subscription reaches', async () => {
    await (await open()).append('thing-1', counted(1), 'no_stream');
    for (let n = 0; n < 3; n++) await foreign(500);
    const log = await open();
    const head = await log.head();
    expect(await log.head()).toBe(head);
    const stop = new AbortController();
    let position = -1;
    for await (const batch of log.subscribe(-1, {}, stop.signal)) {
      position = batch.position;
      if (batch.caughtUp) stop.abort();
    }
    expect(position).toBeGreaterThanOrEqual(head);
  });

  test('is reached by a follower that wants none of the last events', async () => {
    const log = await open();
    await log.append('thing-1', [newEvent('Wanted')], 'no_stream');
    await log.append('thing-2', counted(5), 'no_stream');
    await foreign(5);
    const seen: string[] = [];
    const handler = {
      name: 'wanted',
      types: new Set(['Wanted']),
      start: async () => -1,
      handle: async ({ events }: { events: readonly { type: string }[] }) =>
        void seen.push(...events.map(({ type }) => type)),
    };
    const following = follower(log, { projections: [handler], reactors: [] }, quiet);
    await following.start();
    expect(seen).toEqual(['Wanted']);
    const { position } = await log.append('thing-2', counted(1), 4);
    expect(await following.waitFor(position)).toBe(true);
    await following.stop();
  });
});
