import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { type CommandContext, systemContext } from '../../src/commands/context.js';
import type { Sighting } from '../../src/commands/deliveries.js';
import { outcomes } from '../../src/deliveries/outcomes.js';
import { type Attempted, type DeliveryQueued, queuedDelivery } from '../../src/domain/deliveries.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';
import { AT, plus, uuid } from '../support/fanned.js';

const E = uuid(1);
const STREAM = `endpointDeliveries-${E}`;
const now = () => new Date(AT);

let files: TestLog;
let log: EventLog;
beforeEach(async () => {
  files = await testLog();
  log = files.log;
});
afterEach(() => files.stop());

/** Delivery n as its row shows it before anything has happened to it, the read model having seen nothing since. */
const unseen = (n = 1): Sighting => {
  const queued: DeliveryQueued = {
    type: 'DeliveryQueued',
    data: {
      deliveryId: uuid(0xd00 + n),
      endpointId: E,
      workspaceId: uuid(0xa),
      source: 0,
      number: n,
      eventId: uuid(0xe),
      eventType: 'post.created',
      sourceStream: `published-${uuid(0xe)}`,
      sourceRevision: 0,
      endpointIndex: 0,
    },
  };
  return { delivery: { ...queuedDelivery(queued, AT), position: -1 }, seenTo: -1 };
};
const attempt = (number = 1, more: Partial<Attempted> = {}): Attempted => ({
  attempt: number,
  startedAt: AT,
  durationMs: 5,
  outcome: 'retry',
  responseCode: 500,
  responseBody: 'no',
  error: null,
  nextRetryAt: plus(60),
  ...more,
});
const record = (number = 1, more: Partial<Attempted> = {}) =>
  ({ type: 'RecordAttempt', attempted: attempt(number, more) }) as const;
const system = (): CommandContext => systemContext('deliveries');
const recorded = async () =>
  (await eventsIn(log, STREAM)).map(({ type, data }) => [type, (data as { deliveryId: string }).deliveryId]);

/** The log, with a say in each append: it may be counted, or break down before or after it is stored. */
const watched = (
  say: (n: number) => 'ok' | 'lost' | 'stored' = () => 'ok',
): { log: EventLog; appends: number[] } => {
  const appends: number[] = [];
  return {
    appends,
    log: {
      id: log.id,
      shared: log.shared,
      read: log.read,
      readAll: log.readAll,
      readAllBackwards: log.readAllBackwards,
      subscribe: log.subscribe,
      head: () => log.head(),
      close: () => log.close(),
      async append(stream, events, expected) {
        appends.push(events.length);
        const said = say(appends.length);
        if (said !== 'lost') {
          const appended = await log.append(stream, events, expected);
          if (said === 'ok') return appended;
        }
        throw new LogUnavailable('broken', said === 'lost' ? 'not_written' : 'unknown');
      },
    },
  };
};

describe('an attempt', () => {
  test('is closed by one of two writers, and the other is told of it', async () => {
    const writers = [outcomes(log, now), outcomes(log, now)];
    const settled = await Promise.all(writers.map((one) => one.handle(unseen(), record(), system())));
    expect(settled.map(({ events }) => events.length).sort()).toEqual([0, 1]);
    expect(settled.map(({ delivery }) => delivery.status)).toEqual(['retrying', 'retrying']);
    expect(await recorded()).toHaveLength(1);
  });

  test('is closed once by one writer, though the row still shows it open', async () => {
    const one = outcomes(log, now);
    await one.handle(unseen(), record(), system());
    const again = await one.handle(unseen(), record(1, { outcome: 'success', nextRetryAt: null }), system());
    expect(again).toMatchObject({ events: [], delivery: { status: 'retrying', attempt: 1 } });
    expect(await recorded()).toHaveLength(1);
  });

  test('is closed once even when a writer has just started', async () => {
    await outcomes(log, now).handle(unseen(), record(), system());
    await outcomes(log, now).handle(unseen(), record(), system());
    expect(await recorded()).toHaveLength(1);
  });

  test('that another process has closed is not taken for open', async () => {
    const shared: EventLog = { ...watched().log, shared: true };
    const [here, elsewhere] = [outcomes(shared, now), outcomes(shared, now)];
    const retry = { type: 'RequestRetry', maxAttempts: 3, now: AT } as const;
    expect(await here.handle(unseen(), retry, system())).toMatchObject({ events: [] });
    await elsewhere.handle(unseen(), record(1, { outcome: 'success', nextRetryAt: null }), system());
    await expect(here.handle(unseen(), retry, system())).rejects.toMatchObject({ code: 'cannot_retry' });
  });

  test('is closed once when the first try had an unknown fate', async () => {
    const one = outcomes(watched((n) => (n === 1 ? 'stored' : 'ok')).log, now);
    await expect(one.handle(unseen(), record(), system())).rejects.toThrow(LogUnavailable);
    await one.handle(unseen(), record(), system());
    expect(await recorded()).toHaveLength(1);
  });

  test('stays open when it could not be written, and can be recorded later', async () => {
    const one = outcomes(watched((n) => (n === 1 ? 'lost' : 'ok')).log, now);
    await expect(one.handle(unseen(), record(), system())).rejects.toThrow(LogUnavailable);
    expect(await recorded()).toHaveLength(0);
    expect((await one.handle(unseen(), record(), system())).events).toHaveLength(1);
  });

  test('that was closed long ago is found by reading back further than what is remembered', async () => {
    const one = outcomes(log, now, { fewest: 1, most: 2 });
    for (let n = 1; n <= 6; n++) await one.handle(unseen(n), record(), system());
    await one.handle(unseen(1), record(), system());
    expect(await recorded()).toHaveLength(6);
  });

  test('is followed by the next one, each by the number that is due', async () => {
    const one = outcomes(log, now);
    await one.handle(unseen(), record(1), system());
    await one.handle(unseen(), record(3), system());
    const { delivery } = await one.handle(
      unseen(),
      record(2, { outcome: 'success', nextRetryAt: null }),
      system(),
    );
    expect(delivery).toMatchObject({ status: 'success', attempt: 2 });
    expect(await recorded()).toHaveLength(2);
  });
});

describe('under load', () => {
  test('outcomes of one endpoint share appends, and each is settled', async () => {
    const { log: counted, appends } = watched();
    const one = outcomes(counted, now);
    const settled = await Promise.all(
      Array.from({ length: 300 }, (_, n) => one.handle(unseen(n), record(), system())),
    );
    expect(settled.every(({ events }) => events.length === 1)).toBe(true);
    expect((await recorded()).map(([, id]) => id)).toEqual(
      Array.from({ length: 300 }, (_, n) => uuid(0xd00 + n)),
    );
    expect(appends.length).toBeLessThan(10);
  });

  test('two attempts of one delivery in one append follow each other', async () => {
    const one = outcomes(log, now);
    const settled = await Promise.all([
      one.handle(unseen(9), record(), system()),
      ...[record(1), record(1), record(2)].map((command) => one.handle(unseen(1), command, system())),
    ]);
    expect(settled.map(({ events }) => events.length)).toEqual([1, 1, 0, 1]);
  });

  test('an append stays within what a store takes, whatever receivers answered', async () => {
    const one = outcomes(log, now);
    const responseBody = '\u0001'.repeat(10_000);
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => one.handle(unseen(n), record(1, { responseBody }), system())),
    );
    expect(await recorded()).toHaveLength(60);
  });

  test('a refusal in a group leaves the others alone', async () => {
    const one = outcomes(log, now);
    const retry = { type: 'RequestRetry', maxAttempts: 0, now: AT } as const;
    const [first, refused, last] = await Promise.allSettled([
      one.handle(unseen(1), record(), system()),
      one.handle(unseen(2), retry, system()),
      one.handle(unseen(3), record(), system()),
    ]);
    expect([first.status, refused.status, last.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await recorded()).toHaveLength(2);
  });
});

describe('a delivery as it is now', () => {
  test('shows what the row does not show yet', async () => {
    const one = outcomes(log, now);
    expect(await one.current(unseen())).toMatchObject({ status: 'pending', attempt: 1 });
    await one.handle(unseen(), record(), system());
    expect(await one.current(unseen())).toMatchObject({ status: 'retrying', attempt: 1 });
    expect(await outcomes(log, now).current(unseen())).toMatchObject({ status: 'retrying', attempt: 1 });
  });
});

test('a repeated command finds what its first run appended', async () => {
  const command = { type: 'RequestRetry', maxAttempts: 6, now: AT } as const;
  const context = { ...system(), commandId: uuid(0xc), now: AT };
  const one = outcomes(log, now);
  await one.handle(unseen(), record(), system());
  const first = await one.handle(unseen(), command, context);
  await one.handle(unseen(), record(2), system());
  const repeated = await outcomes(log, now).handle(unseen(), command, { ...context, retry: true });
  expect(repeated.events).toMatchObject([{ type: 'DeliveryRetryRequested', data: { attempt: 2 } }]);
  expect(repeated.position).toBe(first.position);
  expect((await recorded()).map(([type]) => type)).toEqual([
    'DeliveryAttempted',
    'DeliveryRetryRequested',
    'DeliveryAttempted',
  ]);
});
