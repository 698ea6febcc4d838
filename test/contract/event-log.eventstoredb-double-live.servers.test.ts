// The double of EventStoreDB against what was measured of the real server: subscriptions, and the process itself.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  type AllStreamSubscription,
  END,
  EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  jsonEvent,
  START,
  streamNameFilter,
} from '@eventstore/db-client';
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

/** Resolves when the subscription has delivered `count` events in all. */
const delivered = (subscription: AllStreamSubscription, count: number) => {
  const seen: { stream: string; position: bigint }[] = [];
  return new Promise<typeof seen>((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('data', ({ event }) => {
      if (event) seen.push({ stream: event.streamId, position: event.position.commit });
      if (seen.length === count) resolve(seen);
    });
  });
};

describe('subscriptions', () => {
  const mine = () => streamNameFilter({ prefixes: [stream] });

  test('begin after the given point, tell when they have caught up, and go on live', async () => {
    const { position } = await client.appendToStream(stream, events(2));
    await client.appendToStream(stream, events(3));
    const subscription = client.subscribeToAll({ fromPosition: position ?? START, filter: mine() });
    const three = delivered(subscription, 3);
    await once(subscription, 'caughtUp');
    expect((await three).every((one) => one.position > (position?.commit ?? 0n))).toBe(true);
    const fourth = once(subscription, 'data');
    await client.appendToStream(stream, event());
    await fourth;
    await subscription.unsubscribe();
  });

  test('to a stream exclude the revision; to a missing one they tell caught up after its first event', async () => {
    await client.appendToStream(stream, events(3));
    const [first] = await once(client.subscribeToStream(stream, { fromRevision: 0n }), 'data');
    expect(first.event.revision).toBe(1n);
    const told: string[] = [];
    const missing = client.subscribeToStream(`${stream}b`);
    missing.on('caughtUp', () => told.push('caughtUp'));
    missing.on('data', () => told.push('data'));
    await once(missing, 'confirmation');
    await client.appendToStream(`${stream}b`, event());
    await once(missing, 'caughtUp');
    expect(told).toEqual(['data', 'caughtUp']);
  });

  test('filter by stream or type, by prefix or expression', async () => {
    await client.appendToStream(stream, [event(), jsonEvent({ type: `Only${stream}`, data: {} })]);
    const filters = [
      mine(),
      streamNameFilter({ regex: `^${stream}$` }),
      eventTypeFilter({ prefixes: [`Only${stream}`] }),
      eventTypeFilter({ regex: `^Only${stream}$` }),
    ];
    const counts = filters.map(async (filter) => {
      const subscription = client.subscribeToAll({ filter });
      let count = 0;
      subscription.on('data', () => count++);
      await once(subscription, 'caughtUp');
      return count;
    });
    expect(await Promise.all(counts)).toEqual([2, 2, 1, 1]);
    const [first] = await once(client.subscribeToAll({ filter: excludeSystemEvents() }), 'data');
    expect(first.event.type.startsWith('$')).toBe(false);
  });

  test.each([
    ['a position inside a record', { fromPosition: { commit: 1n, prepare: 1n } }],
    ['an expression that is none', { filter: streamNameFilter({ regex: '(' }) }],
  ])('fail on %s', async (_, options) => {
    const [error] = await once(client.subscribeToAll(options), 'error');
    expect(error).toMatchObject({
      type: 'unknown',
      message: expect.stringContaining('Exception was thrown by handler.'),
    });
  });

  test('from beyond the end are taken as caught up', async () => {
    const fromPosition = { commit: 10n ** 12n, prepare: 10n ** 12n };
    await once(client.subscribeToAll({ fromPosition }), 'caughtUp');
  });

  test.each([
    [32, 1, 31],
    [32, 10, 3],
    [1_000, 1, 1],
  ])(
    'tell a checkpoint every window × interval events (%i × %i)',
    async (maxSearchWindow, checkpointInterval, count) => {
      const { position: from } = await client.appendToStream(stream, event());
      await client.appendToStream(stream, events(1_000));
      const checkpoints: bigint[] = [];
      const subscription = client.subscribeToAll({
        fromPosition: from ?? START,
        filter: streamNameFilter({
          prefixes: ['nothing-has-this-name'],
          maxSearchWindow,
          checkpointInterval,
          checkpointReached: (_, { commit }) => void checkpoints.push(commit),
        }),
      });
      await once(subscription, 'caughtUp');
      expect(checkpoints).toHaveLength(count);
      await subscription.unsubscribe();
    },
  );

  test('tell checkpoints while earlier events are still unread', async () => {
    const { position: from } = await client.appendToStream(stream, event());
    await client.appendToStream(stream, events(200));
    const read: bigint[] = [];
    const ahead: bigint[] = [];
    const subscription = client.subscribeToAll({
      fromPosition: from ?? START,
      filter: streamNameFilter({
        prefixes: [stream],
        checkpointReached: (_, { commit }) => void (commit > (read.at(-1) ?? 0n) && ahead.push(commit)),
      }),
    });
    for await (const { event } of subscription) {
      read.push(event?.position.commit ?? 0n);
      await new Promise(setImmediate);
      if (read.length === 200) break;
    }
    expect(ahead.length).toBeGreaterThan(0);
    await subscription.unsubscribe();
  });

  test('while catching up wait for a slow reader and lose nothing', async () => {
    await client.appendToStream(stream, events(2_000));
    const subscription = client.subscribeToAll({ filter: mine() });
    let count = 0;
    for await (const _ of subscription) {
      if (++count % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (count === 2_000) break;
    }
    await subscription.unsubscribe();
    expect(count).toBe(2_000);
  });

  test('that are live survive a hundred events at once but not five hundred: TimeoutError, code 10', async () => {
    const subscription = client.subscribeToAll({ fromPosition: END, filter: mine() });
    await once(subscription, 'caughtUp');
    const hundred = delivered(subscription, 100);
    await client.appendToStream(stream, events(100));
    await hundred;
    let more = 0;
    subscription.on('data', () => more++);
    const failed = once(subscription, 'error');
    await client.appendToStream(stream, events(500));
    const [error] = await failed;
    expect(error).toMatchObject({ type: 'timeout', code: 10 });
    expect(error.message).toContain(
      'Consumer too slow to handle event while live. Client resubscription required.',
    );
    expect(more).toBeLessThan(500);
  });

  test('that are live and not read survive a hundred single events but not three hundred', async () => {
    const subscription = client.subscribeToAll({ fromPosition: END, filter: mine() });
    await once(subscription, 'caughtUp');
    subscription.on('data', () => undefined).pause();
    let failure: Error | undefined;
    subscription.on('error', (error) => {
      failure = error;
    });
    const usual = () => jsonEvent({ type: 'Happened', data: { text: 'x'.repeat(500) } });
    for (let n = 0; n < 100; n++) await client.appendToStream(stream, usual());
    expect(failure).toBeUndefined();
    for (let n = 0; n < 200; n++) await client.appendToStream(stream, usual());
    subscription.resume();
    const [error] = failure ? [failure] : await once(subscription, 'error');
    expect(error).toMatchObject({ code: 10 });
  });
});

describe('the process', () => {
  test('allows a hundred streams on a connection; the next just waits', async () => {
    const subscriptions = Array.from({ length: 110 }, () => client.subscribeToAll({ fromPosition: END }));
    let confirmed = 0;
    const enough = new Promise<void>((resolve) => {
      for (const one of subscriptions)
        one.on('confirmation', () => {
          if (++confirmed === 100) resolve();
        });
    });
    await enough;
    const read = client.readAll({ maxCount: 1 }).toArray();
    const waits = await Promise.race([read, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))]);
    expect([waits, confirmed]).toEqual(['waits', 100]);
    await Promise.all(subscriptions.slice(0, 20).map((one) => one.unsubscribe()));
    expect(await read).toHaveLength(1);
    await Promise.all(subscriptions.map((one) => one.unsubscribe()));
  });

  test('killed, breaks what is open with code 14, and started again has what it acknowledged', async () => {
    await client.appendToStream(stream, events(3));
    const subscription = client.subscribeToAll({ fromPosition: END });
    await once(subscription, 'caughtUp');
    const broken = once(subscription, 'error');
    await server.kill();
    expect((await broken)[0]).toMatchObject({ type: 'unavailable', code: 14 });
    await expect(client.readStream(stream).toArray()).rejects.toMatchObject({
      type: 'unavailable',
      code: 14,
    });
    const refused = await client.appendToStream(stream, event()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 14 });
    expect(refused).not.toHaveProperty('type');
    await server.start();
    expect(
      (await client.appendToStream(stream, event(), { expectedRevision: 2n })).nextExpectedRevision,
    ).toBe(3n);
    expect(await client.readStream(stream).toArray()).toHaveLength(4);
  });

  test('frozen, answers nothing; thawed, it goes on', async () => {
    await client.appendToStream(stream, event());
    server.freeze();
    const append = client.appendToStream(stream, event());
    const first = await Promise.race([append, new Promise((resolve) => setTimeout(resolve, 500, 'nothing'))]);
    expect(first).toBe('nothing');
    server.thaw();
    expect((await append).nextExpectedRevision).toBe(1n);
  });
});
