import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EventLog, LogUnavailable, RevisionConflict } from '../../src/adapters/event-log/port.js';
import type { Subscriber } from '../../src/deliveries/subscriber.js';
import { derivedId } from '../../src/domain/ids.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';
import {
  AT,
  attempted,
  endpointChanged,
  endpointCreated,
  endpointDeleted,
  endpointDisabled,
  fannedOut,
  fanOutAll,
  feed,
  newSubscriber,
  plus,
  published,
  put,
  queuedIn,
  uuid,
  workspaceDeleted,
  workspaceRenamed,
} from '../support/fanned.js';

const [W, OTHER] = [uuid(0xa), uuid(0xb)];
const [E1, E2, E3] = [uuid(1), uuid(2), uuid(3)];

let files: TestLog;
let log: EventLog;
beforeEach(async () => {
  files = await testLog();
  log = files.log;
});
afterEach(() => files.stop());

describe('who gets an event', () => {
  test('the endpoints of its workspaces that subscribe to its name', async () => {
    await put(
      log,
      endpointCreated(E1, W, { events: ['post.created'] }),
      endpointCreated(E2, W, { events: ['workspace.*'] }),
      endpointCreated(E3, OTHER),
      published(W, 'post.created'),
      published(W, 'post.updated'),
      workspaceRenamed(W),
    );
    await fanOutAll(log);
    expect(await queuedIn(log)).toEqual(['1 <- post.created', '2 <- workspace.updated']);
  });

  test('those of the workspace it is about and of the context, each endpoint once', async () => {
    await put(
      log,
      endpointCreated(E1, W),
      endpointCreated(E2, OTHER),
      workspaceRenamed(W, OTHER),
      workspaceRenamed(W, W),
    );
    await fanOutAll(log);
    expect(await queuedIn(log)).toEqual([
      '1 <- workspace.updated',
      '2 <- workspace.updated',
      '1 <- workspace.updated',
    ]);
  });

  test('no endpoint that was made later, was switched off, disabled or deleted', async () => {
    await put(log, published(W), endpointCreated(E1, W), endpointCreated(E2, W), endpointCreated(E3, W));
    const events = ['post.*'];
    for (const id of [E1, E2, E3]) await put(log, endpointChanged(id, W, { events }));
    await put(
      log,
      endpointChanged(E1, W, { isActive: false }),
      endpointDisabled(E2, W),
      endpointDeleted(E3, W),
      published(W),
    );
    await put(log, endpointChanged(E1, W, { isActive: true }), published(W, 'post.updated'));
    await fanOutAll(log);
    const posts = (await queuedIn(log)).filter((text) => text.includes('post.'));
    expect(posts).toEqual(['1 <- post.updated']);
  });

  test('an endpoint hears of others, not of its own creation', async () => {
    await put(
      log,
      endpointCreated(E1, W),
      endpointCreated(E2, W),
      endpointChanged(E2, W, { url: 'https://x.example/' }),
    );
    await fanOutAll(log);
    expect(await queuedIn(log)).toEqual([
      '1 <- webhook.created',
      '1 <- webhook.updated',
      '2 <- webhook.updated',
    ]);
  });

  test('what happens to deliveries is never delivered, what happens to endpoints is', async () => {
    await put(log, endpointCreated(E1, W), endpointCreated(E2, W, { events: ['post.*'] }));
    await put(log, attempted(E1, W), attempted(E1, W, { outcome: 'success' }), endpointDisabled(E2, W));
    const one = newSubscriber(log);
    const position = await fanOutAll(log, one);
    await feed(log, one, position); // its own events
    expect(await queuedIn(log)).toEqual(['1 <- webhook.created', '1 <- webhook.disabled']);
  });

  test('the deletion of a workspace reaches the context only, and nothing comes to it afterwards', async () => {
    await put(log, endpointCreated(E1, W), endpointCreated(E2, OTHER), workspaceDeleted(W, OTHER));
    await put(log, endpointCreated(E3, W), workspaceRenamed(W, OTHER));
    await fanOutAll(log);
    expect(await queuedIn(log)).toEqual(['2 <- workspace.deleted', '2 <- workspace.updated']);
  });
});

describe('what is queued', () => {
  test('names the delivery, its event and the place of both', async () => {
    await put(
      log,
      endpointCreated(E1, W),
      endpointCreated(E2, W, { events: ['post.*'] }),
      published(W),
      published(W),
    );
    await fanOutAll(log);
    const source = (await eventsIn(log)).find(({ type }) => type === 'EventPublished');
    const [first, second, third] = (await fannedOut(log)).slice(1); // after webhook.created
    expect(first).toMatchObject({
      type: 'DeliveryQueued',
      data: {
        deliveryId: derivedId(source?.id ?? '', E1),
        endpointId: E1,
        workspaceId: W,
        eventId: source?.id,
        eventType: 'post.created',
        source: source?.position,
        sourceStream: source?.stream,
        sourceRevision: 0,
        endpointIndex: 0,
        number: 2,
      },
      metadata: { audience: [W], causationId: source?.id, correlationId: source?.metadata.correlationId },
    });
    expect(second?.data).toMatchObject({ endpointId: E2, endpointIndex: 1, number: 3 });
    expect(third?.data).toMatchObject({ endpointId: E1, endpointIndex: 0, number: 4 });
  });

  test('is due at once, or later where the endpoint has a schedule of its own', async () => {
    await put(log, endpointCreated(E1, W), endpointCreated(E2, W, { retrySchedule: [30, 60] }), published(W));
    await fanOutAll(log);
    const due = (await fannedOut(log)).slice(1).map(({ data }) => ('dueAt' in data ? data.dueAt : undefined));
    expect(due).toEqual([undefined, plus(30)]);
  });
});

describe('its place in the log', () => {
  test('a batch that comes twice queues once', async () => {
    await put(log, endpointCreated(E1, W), published(W), published(W));
    const one = newSubscriber(log);
    const start = await one.handler.start();
    await feed(log, one, start);
    await one.handler.handle({ events: await eventsIn(log), position: 2, caughtUp: true });
    expect(await queuedIn(log)).toHaveLength(2);
  });

  test('where nothing matches it is marked now and then, and when it stops', async () => {
    await put(log, ...Array.from({ length: 7 }, () => published(W)));
    const one = newSubscriber(log, { advanceEvery: 3 });
    await fanOutAll(log, one, 2);
    expect((await fannedOut(log)).map(({ type, data }) => [type, data.source])).toEqual([
      ['FanoutAdvanced', 3],
    ]);
    await one.stop();
    expect((await fannedOut(log)).map(({ data }) => data.source)).toEqual([3, 6]);

    const next = newSubscriber(log);
    expect(await next.handler.start()).toBe(6);
    await feed(log, next, 6);
    await next.stop();
    expect(await fannedOut(log)).toHaveLength(2);
  });

  test('numbers go on after a mark', async () => {
    await put(log, endpointCreated(E1, W), published(W), workspaceRenamed(OTHER));
    const one = newSubscriber(log);
    await fanOutAll(log, one);
    await one.stop();
    await put(log, published(W));
    await fanOutAll(log);
    expect((await fannedOut(log)).map(({ type, data }) => [type, data.number])).toEqual([
      ['DeliveryQueued', 1],
      ['FanoutAdvanced', 1],
      ['DeliveryQueued', 2],
    ]);
  });
});

/** A log that breaks down at one append: before it is stored, or after it (its fate is then unknown). */
const breaking = (real: EventLog, at: number, stored: boolean): EventLog => {
  let appends = 0;
  return {
    id: real.id,
    shared: real.shared,
    read: real.read,
    readAll: real.readAll,
    readAllBackwards: real.readAllBackwards,
    subscribe: real.subscribe,
    head: () => real.head(),
    close: () => real.close(),
    async append(stream, events, expected) {
      appends += 1;
      if (appends !== at) return real.append(stream, events, expected);
      if (stored) await real.append(stream, events, expected);
      throw new LogUnavailable('broken', stored ? 'unknown' : 'not_written');
    },
  };
};

/** Feeds again as long as another subscriber is in the way, as the follower does. */
const untilFed = async (one: EventLog, fed: Subscriber, from: number, size: number): Promise<number> => {
  for (;;) {
    try {
      return await feed(one, fed, from, size);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
};

/** Some history: endpoints that come, change and go between events. */
const histories = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(() => published(W)) },
    { weight: 1, arbitrary: fc.constant(() => workspaceRenamed(OTHER, W)) },
    {
      weight: 2,
      arbitrary: fc
        .nat(3)
        .map((n) => () => endpointCreated(uuid(n), W, { events: ['post.*', 'workspace.*'] })),
    },
    { weight: 1, arbitrary: fc.nat(3).map((n) => () => endpointChanged(uuid(n), W, { isActive: false })) },
    { weight: 1, arbitrary: fc.nat(3).map((n) => () => endpointChanged(uuid(n), W, { isActive: true })) },
    { weight: 1, arbitrary: fc.nat(3).map((n) => () => endpointDeleted(uuid(n), W)) },
  ),
  { minLength: 3, maxLength: 14 },
);

const two = [1, 2].map((n) => endpointCreated(uuid(n), W, { events: ['post.*', 'workspace.*'] }));

/** What one undisturbed subscriber would queue for the events that are in a log. */
const expectedFrom = async (history: EventLog): Promise<string[]> => {
  const reference = await testLog();
  try {
    for (const { stream, type, data, metadata, id } of await eventsIn(history))
      if (stream !== 'fanout') await reference.log.append(stream, [{ id, type, data, metadata }], 'any');
    await fanOutAll(reference.log);
    return (await fannedOut(reference.log)).flatMap(({ type, data }) =>
      type === 'DeliveryQueued' ? [data.deliveryId] : [],
    );
  } finally {
    await reference.stop();
  }
};

const deliveriesOf = async (one: EventLog) =>
  (await fannedOut(one)).flatMap(({ type, data }) => (type === 'DeliveryQueued' ? [data] : []));

describe('whatever goes wrong', () => {
  test.each([1, 2, 3])(
    'a crash at append %i of one event to three endpoints leaves none of them out',
    async (at) => {
      await put(
        log,
        ...[E1, E2, E3].map((id) => endpointCreated(id, W, { events: ['post.*'] })),
        published(W),
      );
      for (const stored of [false, true]) {
        const crashing = newSubscriber(breaking(log, at, stored), { chunk: 1 });
        await fanOutAll(log, crashing).catch(() => undefined);
      }
      await fanOutAll(log, newSubscriber(log));
      expect(await queuedIn(log)).toEqual(['1 <- post.created', '2 <- post.created', '3 <- post.created']);
    },
  );

  test('a crash at any append, and a restart, queues each delivery once and in order', () =>
    fc.assert(
      fc.asyncProperty(
        histories,
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        async (history, crashAt, stored, chunk) => {
          const run = await testLog();
          try {
            await put(run.log, ...two, ...history.map((event) => event()));
            const first = newSubscriber(breaking(run.log, crashAt, stored), { chunk, advanceEvery: 4 });
            await fanOutAll(run.log, first, 5).catch(() => undefined);
            await fanOutAll(run.log, newSubscriber(run.log, { chunk }), 3);
            const found = await deliveriesOf(run.log);
            expect(found.map(({ deliveryId }) => deliveryId)).toEqual(await expectedFrom(run.log));
            expect(found.map(({ number }) => number)).toEqual(found.map((_, n) => n + 1));
          } finally {
            await run.stop();
          }
        },
      ),
      { numRuns: 20 },
    ));

  test('an append of unknown fate that is tried again queues each delivery once', () =>
    fc.assert(
      fc.asyncProperty(
        histories,
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        async (history, breakAt, stored) => {
          const run = await testLog();
          try {
            await put(run.log, ...two, ...history.map((event) => event()));
            const one = newSubscriber(breaking(run.log, breakAt, stored), { chunk: 2, advanceEvery: 4 });
            const start = await one.handler.start();
            await feed(run.log, one, start).catch(() => undefined);
            await feed(run.log, one, start);
            expect((await deliveriesOf(run.log)).map(({ deliveryId }) => deliveryId)).toEqual(
              await expectedFrom(run.log),
            );
          } finally {
            await run.stop();
          }
        },
      ),
      { numRuns: 20 },
    ));

  test('two subscribers at once queue each delivery once', () =>
    fc.assert(
      fc.asyncProperty(fc.array(histories, { minLength: 2, maxLength: 4 }), async (parts) => {
        const run = await testLog();
        try {
          const both = [newSubscriber(run.log, { chunk: 2 }), newSubscriber(run.log, { chunk: 3 })];
          const at = await Promise.all(both.map(({ handler }) => handler.start()));
          for (const part of parts) {
            await put(run.log, ...part.map((event) => event()));
            const reached = await Promise.all(
              both.map((one, n) => untilFed(run.log, one, at[n] ?? -1, n + 2)),
            );
            at.splice(0, 2, ...reached);
          }
          const found = await deliveriesOf(run.log);
          expect(found.map(({ deliveryId }) => deliveryId)).toEqual(await expectedFrom(run.log));
          expect(found.map(({ number }) => number)).toEqual(found.map((_, n) => n + 1));
        } finally {
          await run.stop();
        }
      }),
      { numRuns: 12 },
    ));

  test('a subscriber that was frozen goes on from where another one has come', async () => {
    await put(log, endpointCreated(E1, W), published(W));
    const frozen = newSubscriber(log);
    const start = await frozen.handler.start();
    const held = await eventsIn(log);
    await put(log, published(W), published(W));
    await fanOutAll(log);
    await frozen.handler.handle({ events: held, position: held.length - 1, caughtUp: false });
    await feed(log, frozen, held.length - 1);
    expect(start).toBe(-1);
    expect(await queuedIn(log)).toHaveLength(3);
    expect((await fannedOut(log)).at(-1)?.metadata.at).toBe(AT);
  });
});
