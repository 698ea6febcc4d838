// One measurement of the row `servers` in a process of its own: `node servers-work.mjs MODE`, its input as JSON on stdin.
import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, START, streamNameFilter } from '@eventstore/db-client';
import { openEventStoreLog } from '../../dist/adapters/event-log/eventstoredb.js';
import { metadataFor, systemContext } from '../../dist/commands/context.js';
import { workspaceCommands } from '../../dist/commands/workspaces.js';
import { workspace } from '../../dist/domain/workspaces.js';

const [mode] = process.argv.slice(2);
let text = '';
for await (const chunk of process.stdin) text += chunk;
const input = JSON.parse(text);
const { url, prefix, operations, lanes, inFlight } = input;

const quiet = { info: () => undefined, warn: (message, details) => console.error(message, details) };
const now = () => new Date();
const user = randomUUID();
const asking = () => ({
  command: systemContext('bench'),
  caller: { userId: user, home: { tier: 'enterprise' } },
  holds: () => true,
});
const changes = (n) => ({ metadata: { n: String(n), note: 'x'.repeat(200) } });

const measured = async (work) => {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user: own, system } = process.cpuUsage(cpu);
  return { operations, seconds, cpuSeconds: (own + system) / 1e6 };
};

/** Runs `step(n, lane)` `count` times, `workers` at a time; worker w always on lane w % lanes. */
const spread = async (count, workers, step) => {
  let next = 0;
  const worker = async (_, w) => {
    for (let n = next++; n < count; n = next++) await step(n, w % lanes);
  };
  await Promise.all(Array.from({ length: workers }, worker));
};

/** Updates through the commands: one append each, or one for all that wait for the same stream. */
const commands = async () => {
  const log = await openEventStoreLog({ url, prefix, report: quiet });
  const workspaces = workspaceCommands(log, now);
  const ids = [];
  for (let lane = 0; lane < lanes; lane++)
    ids.push((await workspaces.create({ name: `bench ${lane}`, tier: 'free' }, asking())).record.id);
  const update = (n, lane) => workspaces.update(ids[lane], changes(n), asking());
  await spread(Math.ceil(operations / 4), inFlight, update);
  const result = await measured(() => spread(operations, inFlight, update));
  await log.close();
  return result;
};

/** The same events with nothing but the client's own call; on one stream one after the other, as the revision asks. */
const appends = async () => {
  const client = EventStoreDBClient.connectionString(url.replace(/^kurrentdb/, 'esdb'));
  const logId = randomUUID();
  const subject = randomUUID();
  const revisions = new Array(lanes).fill('no_stream');
  const update = async (n, lane) => {
    const command = systemContext('bench');
    const data = { workspaceId: subject, changes: changes(n) };
    const metadata = { ...metadataFor(command, subject, now()), log: logId };
    const event = jsonEvent({ id: randomUUID(), type: 'WorkspaceUpdated', data, metadata });
    const { nextExpectedRevision } = await client.appendToStream(`${prefix}bare-${lane}`, event, {
      expectedRevision: revisions[lane],
    });
    revisions[lane] = nextExpectedRevision;
  };
  await spread(Math.ceil(operations / 4), lanes, update);
  const result = await measured(() => spread(operations, lanes, update));
  await client.dispose();
  return result;
};

/** `operations` events for the catch-up to read: workspaces, each made and then changed. */
const fill = async () => {
  const log = await openEventStoreLog({ url, prefix, report: quiet });
  const each = Math.ceil(operations / lanes);
  await spread(lanes, 8, async (lane) => {
    const id = randomUUID();
    const named = { workspaceId: id, number: lane + 1, name: `bench ${lane}`, slug: `bench-${lane}` };
    const made = { ...named, tier: 'free', settings: {}, tags: [], metadata: {}, ownerId: user };
    const first = workspace.decide(
      { type: 'CreateWorkspace', data: made, reservation: 0 },
      workspace.initialState,
    );
    const later = Array.from({ length: each - 1 }, (_, n) => ({
      type: 'WorkspaceUpdated',
      data: { workspaceId: id, changes: changes(n) },
    }));
    const metadata = metadataFor(systemContext('bench'), id, now());
    const events = [...first, ...later].map((event) => ({ ...event, id: randomUUID(), metadata }));
    await log.append(`workspace-${id}`, events, 'no_stream');
  });
  await log.close();
  return { operations, seconds: 1 };
};

/** Every projection, from the beginning of the log to its end, into an empty database. */
const catchUp = async () => {
  const { MongoClient } = await import('mongodb');
  const { openMongoReadModels } = await import('../../dist/adapters/read-models/mongodb.js');
  const { models, projections } = await import('../../dist/app/models.js');
  const { follower } = await import('../../dist/projections/follower.js');
  const { projectionHandler } = await import('../../dist/projections/runner.js');
  const log = await openEventStoreLog({ url, prefix, report: quiet });
  const own = `b${randomUUID().replaceAll('-', '').slice(0, 12)}_`;
  const readModels = await openMongoReadModels({ url: input.mongoUrl, prefix: own, report: quiet, models });
  const handlers = projections.map((projection) => projectionHandler(projection, readModels, log.id, true));
  const following = follower(log, { projections: handlers, reactors: [] }, quiet, { shared: true });
  const result = await measured(() => following.start());
  await following.stop();
  const rows = await readModels.count('workspaces', []);
  if (rows !== lanes) throw new Error(`${rows} rows instead of ${lanes}`);
  await readModels.close();
  await log.close();
  const mongo = new MongoClient(input.mongoUrl);
  await mongo.db(`${own}core_api`).dropDatabase();
  await mongo.close();
  return result;
};

/** As many events with nothing but a loop over the client's subscription. */
const subscribe = async () => {
  const client = EventStoreDBClient.connectionString(url.replace(/^kurrentdb/, 'esdb'));
  const filter = streamNameFilter({ prefixes: [`${prefix}workspace-`] });
  const result = await measured(async () => {
    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    let seen = 0;
    for await (const { event } of subscription) if (event && ++seen === operations) break;
    await subscription.unsubscribe();
  });
  await client.dispose();
  return result;
};

/** Jobs that do nothing, with ids such as ours. */
const jobs = async () => {
  const { Queue, Worker } = await import('bullmq');
  const { Redis } = await import('ioredis');
  const connection = new Redis(input.redisUrl, { maxRetriesPerRequest: null });
  const options = { connection, prefix };
  const queue = new Queue('bench', options);
  const data = Array.from({ length: operations }, (_, n) => ({
    name: 'delivery',
    data: { deliveryId: randomUUID(), endpointId: randomUUID(), attempt: 1 },
    opts: { jobId: `${n}.1`, removeOnComplete: true, removeOnFail: true },
  }));
  let done = 0;
  const result = await measured(async () => {
    await new Promise((resolve) => {
      new Worker('bench', async () => ++done === operations && resolve(), {
        ...options,
        concurrency: inFlight,
      });
      for (let from = 0; from < operations; from += 500) queue.addBulk(data.slice(from, from + 500));
    });
  });
  await queue.obliterate({ force: true });
  return result;
};

/** Outcomes of attempts, as many in one append as an endpoint has deliveries under way. */
const outcomes = async () => {
  const client = EventStoreDBClient.connectionString(url.replace(/^kurrentdb/, 'esdb'));
  const revisions = new Array(lanes).fill('no_stream');
  const { group } = input;
  const append = async (_, lane) => {
    const at = now();
    const target = { deliveryId: randomUUID(), endpointId: randomUUID(), workspaceId: randomUUID() };
    const outcome = {
      attempt: 1,
      startedAt: at.toISOString(),
      durationMs: 3,
      outcome: 'success',
      responseCode: 204,
    };
    const data = { ...target, ...outcome, responseBody: '', error: null, nextRetryAt: null };
    const metadata = metadataFor(systemContext('bench'), target.workspaceId, at);
    const events = Array.from({ length: group }, () =>
      jsonEvent({ id: randomUUID(), type: 'DeliveryAttempted', data, metadata }),
    );
    const { nextExpectedRevision } = await client.appendToStream(`${prefix}outcomes-${lane}`, events, {
      expectedRevision: revisions[lane],
    });
    revisions[lane] = nextExpectedRevision;
  };
  const result = await measured(() => spread(Math.ceil(operations / group), lanes, append));
  await client.dispose();
  return result;
};

const modes = { commands, appends, fill, 'catch-up': catchUp, subscribe, jobs, outcomes };
const result = await modes[mode]();
console.log(JSON.stringify(result));
process.exit(0);
