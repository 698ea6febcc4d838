// What must hold when a fault is over: nothing acknowledged is lost, nothing is doubled, all have caught up.
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { openEventStoreLog } from '../../src/adapters/event-log/eventstoredb.js';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { openMongoReadModels } from '../../src/adapters/read-models/mongodb.js';
import type { ReadModels, Row } from '../../src/adapters/read-models/port.js';
import { models, projections } from '../../src/app/models.js';
import type { Recorded } from '../../src/domain/decider.js';
import { follower } from '../../src/projections/follower.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { quiet } from '../servers/eventstoredb.js';
import { reports } from '../servers/expectations.js';
import { eventsIn } from './embedded-log.js';
import type { Fleet } from './fleet.js';
import { ask, type Load } from './load.js';
import { ready } from './readiness.js';
import type { Receiver } from './receiver.js';

const SETTLES_WITHIN_MS = 90_000;

/** The values that occur more than once. */
const doubled = (values: readonly string[]): string[] =>
  values.filter((value, at) => values.indexOf(value) !== at);

const dataOf = <T>(events: readonly Recorded[], type: string): T[] =>
  events.filter((event) => event.type === type).map(({ data }) => data as T);

/** Facts of the log: what was acknowledged is there, once. Returns the events. */
const expectSoundLog = async (log: EventLog, load: Load): Promise<Recorded[]> => {
  const events = await eventsIn(log);
  expect(doubled(events.map(({ id }) => id))).toEqual([]);
  const last = new Map<string, number>();
  for (const { stream, revision } of events) {
    if (last.has(stream)) expect(revision, stream).toBe((last.get(stream) ?? 0) + 1);
    last.set(stream, revision);
  }
  const made = dataOf<{ name: string }>(events, 'WorkspaceCreated').map(({ name }) => name);
  expect(doubled(made), 'one workspace per Idempotency-Key').toEqual([]);
  expect([...load.workspaces.keys()].filter((name) => !made.includes(name))).toEqual([]);
  const posts = dataOf<{ data: { name: string } }>(events, 'EventPublished').map(({ data }) => data.name);
  expect(doubled(posts), 'one event per id').toEqual([]);
  expect([...load.published].filter((name) => !posts.includes(name))).toEqual([]);
  const queued = dataOf<{ eventId: string; endpointId: string; deliveryId: string; number: number }>(
    events,
    'DeliveryQueued',
  );
  expect(doubled(queued.map(({ eventId, endpointId }) => `${eventId} ${endpointId}`))).toEqual([]);
  expect(doubled(queued.map(({ number }) => String(number)))).toEqual([]);
  const attempts = dataOf<{ deliveryId: string; attempt: number }>(events, 'DeliveryAttempted');
  expect(
    doubled(attempts.map(({ deliveryId, attempt }) => `${deliveryId} ${attempt}`)),
    'one outcome per attempt',
  ).toEqual([]);
  return events;
};

/** Deliveries that have neither succeeded nor been given up. */
const openDeliveries = (events: readonly Recorded[]): string[] => {
  const ended = new Set(
    dataOf<{ deliveryId: string; outcome: string }>(events, 'DeliveryAttempted')
      .filter(({ outcome }) => outcome !== 'retry')
      .map(({ deliveryId }) => deliveryId),
  );
  return dataOf<{ deliveryId: string }>(events, 'DeliveryQueued')
    .map(({ deliveryId }) => deliveryId)
    .filter((id) => !ended.has(id));
};

/** Names of what was acknowledged and has not arrived at the receiver. */
const missingAt = ({ requests }: Receiver, { workspaces, published }: Load): string[] => {
  const arrived = new Set(
    requests.map(({ body }) => {
      const { type, data } = JSON.parse(body) as { type: string; data: { name: string } };
      return `${type} ${data.name}`;
    }),
  );
  const due = [
    ...[...workspaces.keys()].map((name) => `workspace.created ${name}`),
    ...[...published].map((name) => `post.created ${name}`),
  ];
  return due.filter((one) => !arrived.has(one));
};

/** Waits until `look` finds nothing left. */
const settled = async (what: string, look: () => Promise<readonly string[]>): Promise<void> => {
  const deadline = Date.now() + SETTLES_WITHIN_MS;
  for (;;) {
    const left = await look();
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${left.length} ${what}, such as ${left[0]}`);
    await delay(250);
  }
};

const rowsOf = async (stored: ReadModels, model: string): Promise<Row[]> =>
  stored.find(model, { where: [], sort: [['id', 'asc']], deleted: true });

/** The rows in MongoDB are what a fold of the whole log gives: none lost, none doubled, none from a state that never was. */
const expectRowsOfLog = async (log: EventLog, stored: ReadModels): Promise<void> => {
  const folded = embeddedReadModels(models);
  const handlers = projections.map((projection) => projectionHandler(projection, folded, log.id));
  const following = follower(log, { projections: handlers, reactors: [] }, quiet);
  await following.start();
  const head = await log.head();
  await following.waitFor(head);
  await following.stop();
  for (const { name } of projections)
    expect(await rowsOf(stored, name), name).toEqual(await rowsOf(folded, name));
};

/** Waits until everything is as it should be, and fails if it does not become so. Call when the load has stopped. */
export const expectNothingLostOrDoubled = async (
  fleet: Fleet,
  load: Load,
  receiver: Receiver,
): Promise<void> => {
  const { settings, processes, key } = fleet;
  expect(load.violations).toEqual([]);
  await ready(processes);
  const { EVENTSTORE_URL, MONGODB_URL, STORE_PREFIX: prefix = '' } = settings;
  const log = await openEventStoreLog({ url: EVENTSTORE_URL ?? '', prefix, report: quiet });
  const stored = await openMongoReadModels({ url: MONGODB_URL ?? '', prefix, models, ...reports() });
  try {
    await settled('webhooks have not arrived', async () => missingAt(receiver, load));
    await settled('deliveries are open', async () => openDeliveries(await eventsIn(log)));
    await expectSoundLog(log, load);
    await settled('projections are behind', async () => {
      const head = await log.head();
      const checkpoints = projections.map(async ({ name }) => ({
        name,
        position: (await stored.checkpoint(name))?.position ?? -1,
      }));
      return (await Promise.all(checkpoints)).flatMap(({ name, position }) =>
        position < head ? [name] : [],
      );
    });
    await expectRowsOfLog(log, stored);
    for (const [name, text] of [...load.workspaces].slice(-5)) {
      const [target] = fleet.withRole('api');
      if (!target) throw new Error('nobody serves the API');
      const again = await ask(
        target,
        key,
        'POST',
        '/workspaces',
        { name },
        { 'idempotency-key': name.slice(2) },
      );
      expect(again, 'a repeated request is answered as before').toEqual({ status: 201, text });
    }
  } finally {
    await log.close();
    await stored.close();
  }
};
