// The double of EventStoreDB against what was measured of the real server, through the real client: writing and reading.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { BACKWARDS, END, type EventData, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDouble } from '../servers/eventstoredb.js';

const server = await startDouble();
afterAll(() => server.stop());

const event = (id: string = randomUUID(), n = 0) =>
  jsonEvent({ id, type: 'Happened', data: { n }, metadata: { by: 'test' } });
const events = (count: number) => Array.from({ length: count }, (_, n) => event(randomUUID(), n));

let client: EventStoreDBClient;
let stream: string;
beforeEach(() => {
  client = EventStoreDBClient.connectionString(server.url);
  stream = `test-${randomUUID()}`;
});
afterEach(() => client.dispose());

const revisions = async (options: Parameters<EventStoreDBClient['readStream']>[1], name = stream) => {
  const found: number[] = [];
  for await (const { event } of client.readStream(name, options)) found.push(Number(event?.revision));
  return found;
};

describe('appending', () => {
  test('answers with the revision and position of the last event', async () => {
    const first = await client.appendToStream(stream, events(1), { expectedRevision: 'no_stream' });
    expect(first).toMatchObject({ success: true, nextExpectedRevision: 0n });
    const next = await client.appendToStream(stream, events(3), { expectedRevision: 0n });
    expect(next.nextExpectedRevision).toBe(3n);
    expect(next.position?.commit).toBe(next.position?.prepare);
    const [last] = await client
      .readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 1 })
      .toArray();
    expect(last.event.position).toEqual(next.position);
    expect(last.commitPosition).toBe(next.position?.commit);
    expect(last.event).toMatchObject({
      type: 'Happened',
      data: { n: 2 },
      metadata: { by: 'test' },
      isJson: true,
    });
  });

  test.each([
    ['no_stream, stream at 1', 2, 'no_stream', 1n],
    ['a stale revision', 3, 1n, 2n],
    ['a revision ahead', 3, 99n, 2n],
    ['a revision of a missing stream', 0, 0n, 'no_stream'],
    ['stream_exists of a missing stream', 0, 'stream_exists', 'no_stream'],
  ] as const)(
    'refuses %s, naming both versions, with an empty message',
    async (_, held, expected, actual) => {
      if (held > 0) await client.appendToStream(stream, events(held));
      await expect(
        client.appendToStream(stream, event(), { expectedRevision: expected }),
      ).rejects.toMatchObject({
        type: 'wrong-expected-version',
        streamName: stream,
        expectedVersion: expected,
        actualVersion: actual,
        message: '',
        code: undefined,
      });
    },
  );

  test('lets exactly one of 16 creations at once win', async () => {
    const tries = Array.from({ length: 16 }, () =>
      client.appendToStream(stream, event(), { expectedRevision: 'no_stream' }),
    );
    const settled = await Promise.allSettled(tries);
    const lost = settled.filter((one) => one.status === 'rejected');
    expect(lost).toHaveLength(15);
    for (const { reason } of lost) expect(reason.actualVersion).toBe(0n);
  });

  describe('repeats by event id, on a stream of e1, e2, e3', () => {
    const ids = () => [randomUUID(), randomUUID(), randomUUID()] as const;
    let [e1, e2, e3] = ids();
    beforeEach(async () => {
      [e1, e2, e3] = ids();
      await client.appendToStream(stream, event(e1), { expectedRevision: 'no_stream' });
      await client.appendToStream(stream, event(e2), { expectedRevision: 0n });
      await client.appendToStream(stream, event(e3), { expectedRevision: 1n });
    });
    const again = (what: EventData[], expectedRevision: bigint | 'any' | 'no_stream' | 'stream_exists') =>
      client.appendToStream(stream, what, { expectedRevision });

    test('with the original expectation answer the original result, whatever the content', async () => {
      expect((await again([event(e1)], 'no_stream')).nextExpectedRevision).toBe(0n);
      expect(
        (await again([jsonEvent({ id: e1, type: 'Other', data: {} })], 'no_stream')).nextExpectedRevision,
      ).toBe(0n);
      expect((await again([event(e2)], 0n)).nextExpectedRevision).toBe(1n);
      expect((await again([event(e1)], 'any')).nextExpectedRevision).toBe(0n);
      expect((await again([event(e2)], 'stream_exists')).nextExpectedRevision).toBe(1n);
      expect((await again([event(e1), event(e2)], 'no_stream')).nextExpectedRevision).toBe(1n);
      expect(await revisions({})).toEqual([0, 1, 2]);
    });

    test('known in part are a conflict', async () => {
      await expect(again([event(e1), event()], 'no_stream')).rejects.toMatchObject({ actualVersion: 2n });
      await expect(again([event(e3), event()], 'any')).rejects.toMatchObject({ actualVersion: 2n });
    });

    test('with the current revision, within one call, or in another stream are written again', async () => {
      expect((await again([event(e3)], 2n)).nextExpectedRevision).toBe(3n);
      const twice = randomUUID();
      expect((await again([event(twice), event(twice)], 3n)).nextExpectedRevision).toBe(5n);
      const other = await client.appendToStream(`${stream}b`, event(e1), { expectedRevision: 'no_stream' });
      expect(other.nextExpectedRevision).toBe(0n);
    });
  });

  test('takes 1 MiB for the whole call and not more, and keeps nothing of what is too much', async () => {
    const big = Array.from({ length: 20 }, () =>
      jsonEvent({ type: 'Big', data: { text: 'x'.repeat(100_000) } }),
    );
    await expect(client.appendToStream(stream, big)).rejects.toMatchObject({
      type: 'maximum-append-size-exceeded',
      maxAppendSize: 1_048_576,
    });
    await expect(revisions({})).rejects.toMatchObject({ type: 'stream-not-found' });
    expect((await client.appendToStream(stream, big.slice(0, 10))).nextExpectedRevision).toBe(9n);
    expect(
      (await client.appendToStream(stream, events(4_000), { batchAppendSize: 100_000 })).nextExpectedRevision,
    ).toBe(4_009n);
  });

  test.each([
    ['an id that is no UUID', 'x', 'Happened'],
    ['an empty type', randomUUID(), ''],
  ])('calls %s a bad request and goes on', async (_, id, type) => {
    await expect(client.appendToStream(stream, jsonEvent({ id, type, data: {} }))).rejects.toMatchObject({
      type: 'unknown',
      message: 'Could not recognize BadRequest',
    });
    expect((await client.appendToStream(stream, event())).nextExpectedRevision).toBe(0n);
  });

  test('answers a deadline that has passed', async () => {
    await client.appendToStream(stream, event());
    await expect(client.appendToStream(stream, event(), { deadline: -1 })).rejects.toMatchObject({
      type: 'deadline-exceeded',
    });
  });

  test('over the call that credentials choose tells the right revision also without an exception', async () => {
    const lenient = EventStoreDBClient.connectionString(`${server.url}&throwOnAppendFailure=false`);
    await client.appendToStream(stream, events(5));
    const credentials = { username: 'admin', password: 'changeit' };
    const wrong = { expectedRevision: 'no_stream', credentials } as const;
    expect(await lenient.appendToStream(stream, event(), wrong)).toMatchObject({
      success: false,
      nextExpectedRevision: 4n,
    });
    // The usual call reads a flag in place of the number.
    const flawed = await lenient.appendToStream(stream, event(), { expectedRevision: 'no_stream' });
    expect(flawed).toMatchObject({ success: false, nextExpectedRevision: 1n });
    expect((await client.appendToStream(stream, event(), { credentials })).nextExpectedRevision).toBe(5n);
    await lenient.dispose();
  });
});

describe('reading a stream of 10 events', () => {
  beforeEach(async () => void (await client.appendToStream(stream, events(10))));

  test.each([
    ['forwards from 4, three', { fromRevision: 4n, maxCount: 3 }, [4, 5, 6]],
    ['past the end', { fromRevision: 10n }, []],
    ['the last one', { direction: BACKWARDS, fromRevision: END, maxCount: 1 }, [9]],
    ['backwards from 4, two', { direction: BACKWARDS, fromRevision: 4n, maxCount: 2 }, [4, 3]],
    ['backwards from the start', { direction: BACKWARDS }, [0]],
    ['backwards from beyond the end', { direction: BACKWARDS, fromRevision: 99n, maxCount: 2 }, [9, 8]],
  ] as const)('%s', async (_, options, expected) => {
    expect(await revisions(options)).toEqual(expected);
  });

  test.each([
    ['forwards from the end', { fromRevision: END }],
    ['of nothing', { maxCount: 0 }],
  ] as const)('%s is an unknown error', async (_, options) => {
    await expect(revisions(options)).rejects.toMatchObject({ type: 'unknown', code: 2 });
  });

  test('$maxCount hides at read time, and hidden events stay in $all', async () => {
    await client.setStreamMetadata(stream, { maxCount: 3 });
    expect(await revisions({})).toEqual([7, 8, 9]);
    expect(await revisions({ fromRevision: 2n, maxCount: 2 })).toEqual([7, 8]);
    await client.appendToStream(stream, event(), { expectedRevision: 9n });
    expect(await revisions({})).toEqual([8, 9, 10]);
    const all = await client.readAll().toArray();
    expect(all.filter((one) => one.event?.streamId === stream)).toHaveLength(11);
    await client.setStreamMetadata(stream, {});
    expect(await revisions({})).toHaveLength(11);
  });

  test('a deleted stream is missing, and counts on when it is created again', async () => {
    expect((await client.deleteStream(stream)).position).toBeDefined();
    await expect(revisions({})).rejects.toMatchObject({ type: 'stream-not-found', streamName: stream });
    const created = await client.appendToStream(stream, event(), { expectedRevision: 'no_stream' });
    expect(created.nextExpectedRevision).toBe(10n);
    expect(await revisions({})).toEqual([10]);
  });

  test('deleting what is not there, or at another revision, names the versions', async () => {
    await expect(client.deleteStream(`${stream}b`)).rejects.toMatchObject({
      type: 'wrong-expected-version',
      code: 9,
      expectedVersion: -2n,
      actualVersion: -1n,
    });
    await expect(client.deleteStream(stream, { expectedRevision: 3n })).rejects.toMatchObject({
      actualVersion: 9n,
    });
  });

  test('a tombstone is final, also on a stream that never was', async () => {
    for (const name of [stream, `${stream}b`]) {
      await client.tombstoneStream(name);
      const deleted = { type: 'stream-deleted', streamName: name };
      await expect(revisions({}, name)).rejects.toMatchObject({ ...deleted, code: 9 });
      await expect(client.appendToStream(name, event())).rejects.toMatchObject(deleted);
      await expect(client.tombstoneStream(name)).rejects.toMatchObject(deleted);
      const [error] = await once(client.subscribeToStream(name), 'error');
      expect(error).toMatchObject({ type: 'stream-deleted' });
    }
    const all = await client.readAll().toArray();
    expect(all.filter((one) => one.event?.streamId === stream)).toHaveLength(11); // the ten, and the tombstone
  });
});

describe('$all', () => {
  test('has strictly rising, sparse positions; forwards includes the position, backwards does not', async () => {
    await client.appendToStream(stream, events(5));
    const all = await client.readAll().toArray();
    const positions = all.map(({ event }) => event?.position.commit ?? 0n);
    expect(positions.every((position, n) => n === 0 || position > (positions[n - 1] ?? 0n) + 1n)).toBe(true);
    const [third = 0n, , , last = 0n] = positions.slice(-4);
    const at = { commit: third, prepare: third };
    expect((await client.readAll({ fromPosition: at }).toArray())[0].event.position).toEqual(at);
    const before = await client.readAll({ fromPosition: at, direction: BACKWARDS, maxCount: 1 }).toArray();
    expect(before[0].event.position.commit).toBe(positions.at(-5));
    expect(await client.readAll({ fromPosition: END }).toArray()).toEqual([]);
    const beyond = { commit: last + 10_000n, prepare: last + 10_000n };
    expect(await client.readAll({ fromPosition: beyond }).toArray()).toEqual([]);
    const inside = { commit: last + 1n, prepare: last + 1n };
    await expect(client.readAll({ fromPosition: inside }).toArray()).rejects.toMatchObject({
      type: 'unknown',
    });
  });

  test('holds the server’s own events', async () => {
    const first = await client.readAll({ maxCount: 1 }).toArray();
    expect(first[0].event).toMatchObject({ type: '$metadata' });
  });
});
