// What the sweep looks at, how it goes through much of it, and what it comes back to.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { embeddedDeliveryQueue } from '../../src/adapters/delivery-queue/embedded.js';
import type { DeliveryQueue } from '../../src/adapters/delivery-queue/port.js';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { type Row, StoreUnavailable } from '../../src/adapters/read-models/port.js';
import { outcomes } from '../../src/deliveries/outcomes.js';
import { scheduler } from '../../src/deliveries/scheduler.js';
import { type DeliveryQueued, queuedDelivery } from '../../src/domain/deliveries.js';
import { deliveries } from '../../src/projections/deliveries.js';
import { webhooks } from '../../src/projections/webhooks.js';
import { workspaces } from '../../src/projections/workspaces.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';
import { AT, plus, uuid } from '../support/fanned.js';
import { recorded } from '../support/projected.js';

const ENDPOINT = uuid(1);
const WORKSPACE = uuid(2);

let files: TestLog;
beforeEach(async () => {
  files = await testLog();
});
afterEach(() => files.stop());

const sweeping = (log: EventLog = files.log, queue: DeliveryQueue = embeddedDeliveryQueue()) => {
  const readModels = embeddedReadModels([workspaces, webhooks, deliveries]);
  const now = () => new Date(AT);
  const warnings: string[] = [];
  const report = { warn: (message: string) => void warnings.push(message) };
  const { sweep, stop, start, handler } = scheduler({
    log,
    readModels,
    queue,
    outcomes: outcomes(log, now),
    now,
    report,
  });
  /** How many deliveries each query answered. */
  const found: number[] = [];
  const find = readModels.find;
  readModels.find = async <R extends Row>(...[model, query]: Parameters<typeof find>) => {
    const rows = await find<R>(model, query);
    if (model === 'deliveries') found.push(rows.length);
    return rows;
  };
  const put = (model: string, rows: readonly Row[]) =>
    readModels.apply(model, rows, { log: log.id, version: 1, position: 0 });
  return {
    queue,
    handler,
    start,
    sweep,
    stop,
    warnings,
    found,
    endpoint: (changes: object) =>
      put('webhooks', [{ id: ENDPOINT, workspaceId: WORKSPACE, position: 0, ...changes } as Row]),
    open: (count: number, dueAt: string) =>
      put(
        'deliveries',
        Array.from({ length: count }, (_, index) => {
          const data = { deliveryId: uuid(100 + index), number: index + 1, endpointId: ENDPOINT, dueAt };
          const delivery = queuedDelivery({ data } as DeliveryQueued, AT);
          return { ...delivery, position: 0, open: true, openFor: ENDPOINT, workspaceId: WORKSPACE };
        }),
      ),
  };
};

test('between the pages of what is open others have their turn, and each row is looked at once', async () => {
  const { endpoint, open, sweep, found } = sweeping();
  await endpoint({ isActive: false });
  await open(20_001, AT);
  let done = false;
  const swept = sweep().then(() => {
    done = true;
  });
  let turns = 0;
  for (; !done; turns++) await new Promise((resolve) => setImmediate(resolve));
  await swept;
  expect(turns).toBeGreaterThanOrEqual(5);
  expect(found).toEqual([5_000, 5_000, 5_000, 5_000, 1]);
});

test('after the first sweep only what is about to be due is looked at', async () => {
  const { endpoint, open, sweep, found, queue } = sweeping();
  await endpoint({ isActive: true });
  await open(10, plus(3_600));
  await sweep();
  await sweep();
  expect(found).toEqual([10, 0]);
  expect(await queue.depth()).toBe(0);
});

test('what could not be cancelled is cancelled after the next sweep, also when it is not due for long', async () => {
  const { log } = files;
  let away = true;
  const failing: EventLog = {
    ...log,
    async append(...args) {
      if (away) throw new LogUnavailable('away', 'not_written');
      return log.append(...args);
    },
  };
  const { endpoint, open, sweep, stop, warnings } = sweeping(failing);
  await endpoint({ deleted: true });
  await open(1, plus(3_600));
  await sweep();
  while (warnings.length === 0) await new Promise((resolve) => setImmediate(resolve));
  away = false;
  await sweep();
  await stop();
  expect((await eventsIn(log)).map(({ type }) => type)).toEqual(['DeliveryCancelled']);
});

test('a queue that is away holds nobody up, and gets what it missed once it is back', async () => {
  const queue = embeddedDeliveryQueue();
  let away = true;
  const shaky: DeliveryQueue = {
    ...queue,
    async add(jobs) {
      if (away) throw new StoreUnavailable('REDIS_URL', new Error('away'));
      await queue.add(jobs);
    },
  };
  const { endpoint, open, handler, start, stop, warnings } = sweeping(files.log, shaky);
  await endpoint({ isActive: true });
  await open(3, AT);
  await start();
  const data = { deliveryId: uuid(100), endpointId: ENDPOINT, number: 1 };
  const queued = recorded({ type: 'DeliveryQueued', data }, 'fanout', 1, { at: AT });
  await handler.handle({ events: [queued], position: 1, caughtUp: true });
  expect([await queue.depth(), warnings.length]).toEqual([0, 2]);
  away = false;
  while ((await queue.depth()) < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  await stop();
});

test('goes on sweeping when it is started again after a stop', async () => {
  const { endpoint, open, start, stop, queue } = sweeping();
  await endpoint({ isActive: true });
  await start();
  await stop();
  await open(2, AT);
  await start();
  expect(await queue.depth()).toBe(2);
  await stop();
});
