import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { systemContext } from '../../src/commands/context.js';
import { cancelling } from '../../src/deliveries/cancelling.js';
import type { WebhookCountersRow } from '../../src/projections/webhook-counters.js';
import type { WebhookRow } from '../../src/projections/webhooks.js';
import { type Delivering, type Settings, startDelivering, until } from '../support/delivering.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import { fannedOut } from '../support/fanned.js';
import { type Received, type Receiver, type Reply, startReceiver } from '../support/receiver.js';

let files: TestLog;
let running: Delivering | undefined;
let receivers: Receiver[] = [];
beforeEach(async () => {
  files = await testLog();
});
afterEach(async () => {
  // First, so that nobody waits for an answer.
  await Promise.all(receivers.map((one) => one.stop()));
  receivers = [];
  await running?.stop();
  running = undefined;
  await files.stop();
});

const start = async (settings: Partial<Settings> = {}, log: EventLog = files.log) => {
  running = await startDelivering(log, settings);
  return running;
};
/** Answers with these statuses in turn; the last one goes on. */
const receiver = async (...replies: (number | Reply)[]) => {
  let n = 0;
  const one = await startReceiver(() => {
    const reply = replies[Math.min(n, replies.length - 1)] ?? 200;
    n += 1;
    return typeof reply === 'number' ? { status: reply, body: `answer ${n}` } : reply;
  });
  receivers.push(one);
  return one;
};
/** Long after the end of a test, in seconds. */
const LATER = 600;
/** A clock that goes on by so many ms each time it is read. */
const ticking = (ms: number) => {
  let now = Date.parse('2026-01-15T10:30:00.000Z');
  return () => {
    now += ms;
    return new Date(now);
  };
};

describe('an event', () => {
  test('reaches the receiver signed, once, and the delivery succeeds', async () => {
    const to = await receiver(200);
    const { endpoint, publish, whenAll, row } = await start();
    const { id, secret } = await endpoint(to.url);
    await publish();
    const [delivery] = await whenAll(id, 1, 'success');
    const [request] = to.requests;
    const { headers, body = '' } = request ?? {};
    expect(to.requests).toHaveLength(1);
    expect(JSON.parse(body)).toEqual({
      id: headers?.['x-webhook-id'],
      type: 'post.created',
      created_at: '2026-01-15T10:30:00Z',
      workspace_id: 1,
      data: { id: 42 },
    });
    expect(headers?.['x-webhook-event']).toBe('post.created');
    expect(headers?.['x-webhook-signature']).toBe(
      createHmac('sha256', secret).update(`${headers?.['x-webhook-timestamp']}.${body}`).digest('hex'),
    );
    expect(delivery).toMatchObject({ attempt: 1, responseCode: 200, number: 1 });
    expect(await row<WebhookCountersRow>('webhook-counters', id)).toMatchObject({
      successCount: 1,
      failureCount: 0,
    });
  });

  test('is told in the dialect of the endpoint', async () => {
    const to = await receiver(200);
    const { endpoint, publish, whenAll } = await start();
    const { id } = await endpoint(to.url, { scheme: '2024' });
    await publish();
    await whenAll(id, 1, 'success');
    const body = JSON.parse(to.requests[0]?.body ?? '');
    expect(body).toMatchObject({
      type: 'post.created',
      data: { object: { id: 42, type: 'post', attributes: {} } },
    });
    expect(body).not.toHaveProperty('workspace_id');
  });

  test('is tried again until it is taken: the same bytes under a fresh timestamp', async () => {
    const to = await receiver(500, 503, 200);
    const { endpoint, publish, whenAll, counted } = await start({
      now: ticking(2_000),
      schedule: [0, 1, 2],
    });
    const { id } = await endpoint(to.url);
    await publish();
    const [delivery] = await whenAll(id, 1, 'success');
    expect(delivery).toMatchObject({ attempt: 3, responseCode: 200 });
    expect(counted).toEqual(['retry', 'retry', 'success']);
    const stamps = to.requests.map(({ headers }) => Number(headers['x-webhook-timestamp']));
    expect(new Set(to.requests.map(({ body }) => body)).size).toBe(1);
    expect(new Set(to.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(stamps).size).toBe(3);
  });

  test('is signed with both secrets during a rotation', async () => {
    const to = await receiver(200);
    const { endpoint, publish, whenAll, rotate } = await start();
    const { id, secret } = await endpoint(to.url);
    const { secret: fresh } = await rotate(id);
    await publish();
    await whenAll(id, 1, 'success');
    const [request] = to.requests;
    const { headers = {}, body = '' }: Partial<Received> = request ?? {};
    const sign = (key: string) =>
      createHmac('sha256', key).update(`${headers['x-webhook-timestamp']}.${body}`).digest('hex');
    expect(headers['x-webhook-signature']).toBe(sign(fresh));
    expect(headers['x-webhook-signature-previous']).toBe(sign(secret));
  });
});

describe('a failed attempt', () => {
  test('leaves the delivery retrying with the answer and the time of the next one', async () => {
    const to = await receiver(500);
    const { endpoint, publish, whenAll } = await start({ schedule: [0, 0.02, 300, 600] });
    const { id } = await endpoint(to.url);
    await publish();
    const row = await until(async () =>
      (await whenAll(id, 1, 'retrying')).find(({ attempt }) => attempt === 2),
    );
    expect(row).toMatchObject({ responseCode: 500 });
    expect(Date.parse(row.nextAt) - Date.parse(row.createdAt)).toBe(300_000);
  });

  test('is the last one when the schedule has no more', async () => {
    const to = await receiver(500);
    const { endpoint, publish, whenAll, retries, rows } = await start();
    const { id } = await endpoint(to.url);
    await publish();
    const [row] = await whenAll(id, 1, 'failed');
    expect(row).toMatchObject({ attempt: 3, responseCode: 500 });
    expect(to.requests).toHaveLength(3);
    await expect(retries.retry(row?.id ?? '', 3, systemContext('test'))).rejects.toMatchObject({
      code: 'cannot_retry',
    });
    expect(await rows(id)).toEqual([row]);
  });

  test('follows the schedule of the endpoint where it has one', async () => {
    const to = await receiver(500);
    const { endpoint, publish, whenAll } = await start({ schedule: [0, 600] });
    const { id } = await endpoint(to.url, { retrySchedule: [0, 0] });
    await publish();
    expect(await whenAll(id, 1, 'failed')).toMatchObject([{ attempt: 2 }]);
  });

  test('waits for as long as the receiver asks', async () => {
    const to = await receiver({ status: 429, headers: { 'retry-after': '120' } });
    const { endpoint, publish, whenAll } = await start();
    const { id } = await endpoint(to.url);
    await publish();
    const [row] = await whenAll(id, 1, 'retrying');
    expect(Date.parse(row?.nextAt ?? '') - Date.parse(row?.updatedAt ?? '')).toBeGreaterThan(119_000);
  });

  test('without an answer is tried again', async () => {
    const to = await receiver({ status: 200, delayMs: 60_000 });
    const { endpoint, publish, whenAll, rows } = await start({ schedule: [0, LATER], timeoutMs: 50 });
    const slow = await endpoint(to.url);
    const closed = await receiver(200);
    await closed.stop();
    const dead = await endpoint(closed.url);
    await publish();
    await whenAll(slow.id, 1, 'retrying');
    await whenAll(dead.id, 1, 'retrying');
    expect(await rows(slow.id)).toMatchObject([{ responseCode: null, attempt: 1 }]);
    expect(await rows(dead.id)).toMatchObject([{ responseCode: null, attempt: 1 }]);
  });

  test.each([400, 404, 301])(
    'with %s ends the delivery at once, and a manual retry sends it again',
    async (status) => {
      const to = await receiver({ status, headers: { location: 'http://127.0.0.1/' } }, 200);
      const { endpoint, publish, whenAll, retries } = await start();
      const { id } = await endpoint(to.url);
      await publish();
      const [row] = await whenAll(id, 1, 'failed');
      expect(to.requests).toHaveLength(1);
      const { delivery } = await retries.retry(row?.id ?? '', 3, systemContext('test'));
      expect(delivery).toMatchObject({ status: 'pending', attempt: 2 });
      expect(await whenAll(id, 1, 'success')).toMatchObject([{ attempt: 2 }]);
    },
  );
});

test('a manual retry brings a retrying delivery forward, and it is sent once', async () => {
  const to = await receiver(500, 200);
  const { endpoint, publish, whenAll, retries } = await start({ schedule: [0, LATER, 2 * LATER] });
  const { id } = await endpoint(to.url);
  await publish();
  const [row] = await whenAll(id, 1, 'retrying');
  await Promise.all([1, 2, 3].map(() => retries.retry(row?.id ?? '', 3, systemContext('test'))));
  expect(await whenAll(id, 1, 'success')).toMatchObject([{ attempt: 2 }]);
  expect(to.requests).toHaveLength(2);
});

describe('an endpoint that is switched off', () => {
  test('holds what is open until it is switched on, and misses what happens meanwhile', async () => {
    const to = await receiver(500, 200);
    const { endpoint, publish, whenAll, change, handled, rows } = await start({
      schedule: [0, 0.3, LATER],
    });
    const { id } = await endpoint(to.url);
    await publish();
    await whenAll(id, 1, 'retrying');
    await change(id, { isActive: false });
    await until(async () => handled.length >= 2, 'the attempt that is held');
    await publish();
    expect(to.requests).toHaveLength(1);
    expect(await rows(id)).toMatchObject([{ status: 'retrying', attempt: 1 }]);
    await change(id, { isActive: true });
    expect(await whenAll(id, 1, 'success')).toMatchObject([{ attempt: 2 }]);
  });

  test('is passed over by the sweep', async () => {
    const to = await receiver(500, 200);
    const { endpoint, publish, whenAll, change, scheduled, queue } = await start({ schedule: [0, LATER] });
    const { id } = await endpoint(to.url);
    await publish();
    const [row] = await whenAll(id, 1, 'retrying');
    await change(id, { isActive: false });
    await running?.retries.retry(row?.id ?? '', 2, systemContext('test'));
    await whenAll(id, 1, 'pending');
    await scheduled.sweep();
    expect(await queue.depth()).toBe(0);
    await change(id, { isActive: true });
    await whenAll(id, 1, 'success');
  });

  test('because too many attempts failed in a row goes on, with a clean count, when it is switched on again', async () => {
    const to = await receiver(500, 500, 500, 200);
    const settings = { schedule: [0, LATER], disableAfter: 3, disableAfterSeconds: 0 };
    const { endpoint, publish, row, change, whenAll } = await start(settings);
    const { id } = await endpoint(to.url);
    const told = await receiver(200);
    await endpoint(told.url, { events: ['webhook.disabled'] });
    await publish(3);
    const disabled = await until(async () => {
      const found = await row<WebhookRow>('webhooks', id);
      return found?.isActive === false && found;
    }, 'the endpoint to be disabled');
    expect(disabled).toMatchObject({ status: 'disabled', disabledReason: 'failures' });
    expect(await row<WebhookCountersRow>('webhook-counters', id)).toMatchObject({ consecutiveFailures: 3 });
    await told.waitFor(({ headers }) => headers['x-webhook-event'] === 'webhook.disabled');
    expect(told.requests.map(({ body }) => JSON.parse(body))).toMatchObject([
      { type: 'webhook.disabled', data: { id: 1, is_active: false, disabled_reason: 'failures' } },
    ]);
    await change(id, { isActive: true });
    expect(await row<WebhookRow>('webhooks', id)).toMatchObject({ isActive: true, disabledReason: null });
    expect(await row<WebhookCountersRow>('webhook-counters', id)).toMatchObject({ consecutiveFailures: 0 });
    await publish();
    const rows = await until(async () => {
      const found = await whenAll(id, 4, 'retrying', 'success');
      return found.some(({ status }) => status === 'success') && found;
    });
    expect(rows.filter(({ status }) => status === 'success')).toHaveLength(1);
  });

  test('because it answered 410 loses what is open', async () => {
    const to = await receiver(500, 500, 410);
    const { endpoint, publish, whenAll, row } = await start({ schedule: [0, LATER] });
    const { id } = await endpoint(to.url);
    await publish(2);
    await whenAll(id, 2, 'retrying');
    await publish();
    const rows = await whenAll(id, 3, 'cancelled', 'failed');
    expect(rows.map(({ status }) => status).sort()).toEqual(['cancelled', 'cancelled', 'failed']);
    expect(await row<WebhookRow>('webhooks', id)).toMatchObject({ isActive: false, disabledReason: 'gone' });
  });
});

describe('what is open is cancelled', () => {
  test('when the endpoint is deleted', async () => {
    const to = await receiver(500);
    const { endpoint, publish, whenAll, remove } = await start({ schedule: [0, LATER] });
    const { id } = await endpoint(to.url);
    await publish(3);
    await whenAll(id, 3, 'retrying');
    await remove(id);
    await whenAll(id, 3, 'cancelled');
  });

  test('when the workspace is deleted, and for its other endpoints too', async () => {
    const to = await receiver(500);
    const { endpoint, publish, whenAll, removeWorkspace, change } = await start({ schedule: [0, LATER] });
    const [one, two] = [await endpoint(to.url), await endpoint(to.url)];
    await publish(2);
    await whenAll(one.id, 2, 'retrying');
    await whenAll(two.id, 2, 'retrying');
    await change(two.id, { isActive: false });
    await removeWorkspace();
    await whenAll(one.id, 2, 'cancelled');
    await whenAll(two.id, 2, 'cancelled');
  });

  test('by the sweep, when a process died before it came to that', async () => {
    const to = await receiver(500);
    const first = await start({ schedule: [0, LATER] });
    const { id } = await first.endpoint(to.url);
    await first.publish(3);
    await first.whenAll(id, 3, 'retrying');
    await first.scheduled.stop(); // nobody cancels any more
    await first.remove(id);
    await first.stop();
    running = undefined;
    const second = await start({}, await files.reopen());
    await second.whenAll(id, 3, 'cancelled');
  });
});

test('a slow endpoint does not delay another one', async () => {
  const slow = await receiver({ status: 200, delayMs: 60_000 });
  const quick = await receiver(200);
  const { endpoint, publish, whenAll } = await start({ concurrency: 6, perEndpoint: 4, timeoutMs: 30_000 });
  await endpoint(slow.url);
  const { id } = await endpoint(quick.url);
  await publish(40);
  await whenAll(id, 40, 'success');
  expect(slow.requests.length).toBeLessThanOrEqual(4);
});

test('a backlog stays in the read model: the queue holds a bounded part of it, and all of it is sent', async () => {
  const to = await receiver(200);
  const { endpoint, publish, whenAll, change, queue } = await start({ mostDue: 5, perEndpoint: 1 });
  const { id } = await endpoint(to.url);
  let deepest = 0;
  const add = queue.add;
  queue.add = async (jobs) => {
    await add(jobs);
    deepest = Math.max(deepest, await queue.depth());
  };
  await publish(60);
  await whenAll(id, 60, 'success');
  expect(deepest).toBeLessThanOrEqual(10);
  expect(new Set(to.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(60);
  expect(to.requests).toHaveLength(60);
  await change(id, { description: 'unchanged' });
});

test('a backlog that was held is sent as a whole, a bounded part at a time', async () => {
  const to = await receiver(...Array.from({ length: 20 }, () => 500), 200);
  const { endpoint, publish, whenAll, change, retries } = await start({ mostDue: 4, schedule: [0, LATER] });
  const { id } = await endpoint(to.url);
  await publish(20);
  const rows = await whenAll(id, 20, 'retrying');
  await change(id, { isActive: false });
  await Promise.all(rows.map((row) => retries.retry(row.id, 2, systemContext('test'))));
  await whenAll(id, 20, 'pending');
  await change(id, { isActive: true });
  await whenAll(id, 20, 'success');
});

test('an attempt that was just made is not made again, though the row does not show it yet', async () => {
  const to = await receiver(500, 200);
  const { endpoint, publish, whenAll, freeze, attempt, rows } = await start({ schedule: [0, LATER] });
  const { id } = await endpoint(to.url);
  await publish();
  const [row] = await whenAll(id, 1, 'retrying');
  await freeze();
  const job = { deliveryId: row?.id ?? '', endpointId: id, attempt: 2 };
  await attempt(job);
  await attempt(job);
  expect(to.requests).toHaveLength(2);
  expect(await rows(id)).toEqual([row]);
});

test('cancelling goes on page by page until nothing is open', async () => {
  const to = await receiver(500);
  const { endpoint, publish, whenAll, readModels, written } = await start({ schedule: [0, LATER] });
  const { id } = await endpoint(to.url);
  await publish(5);
  await whenAll(id, 5, 'retrying');
  const cancels = cancelling(readModels, written, { warn: () => undefined }, 2);
  cancels.cancel(id, 'endpoint_deleted');
  cancels.cancel(id, 'endpoint_deleted');
  await whenAll(id, 5, 'cancelled');
  await cancels.stop();
});

test('a stop does not wait for a receiver that is slow: the attempt stays open', async () => {
  const to = await receiver({ status: 200, delayMs: 60_000 });
  const { endpoint, publish, rows, queue, giveUp } = await start({ timeoutMs: 30_000 });
  const { id } = await endpoint(to.url);
  await publish();
  await to.waitFor(1);
  giveUp();
  await queue.close();
  expect(await rows(id)).toMatchObject([{ status: 'pending', attempt: 1 }]);
});

describe('a job that ended without an outcome', () => {
  test('is put back by the sweep', async () => {
    const to = await receiver(200);
    const { endpoint, publish, whenAll, breakDown, handled, scheduled, queue } = await start();
    const { id } = await endpoint(to.url);
    breakDown(1);
    await publish();
    await until(async () => handled.length === 1 && (await queue.depth()) === 0);
    await scheduled.sweep();
    await whenAll(id, 1, 'success');
  });

  test('is put back when a retry is asked for', async () => {
    const to = await receiver(500, 200);
    const { endpoint, publish, whenAll, breakDown, handled, retries, queue } = await start({
      schedule: [0, 0.2, LATER],
    });
    const { id } = await endpoint(to.url);
    await publish();
    const [row] = await whenAll(id, 1, 'retrying');
    breakDown(1);
    await until(async () => handled.length === 2 && (await queue.depth()) === 0);
    await retries.retry(row?.id ?? '', 3, systemContext('test'));
    await whenAll(id, 1, 'success');
  });
});

test('a retry that is asked for makes room for what was left out', async () => {
  const to = await receiver(500, 500, 500, 200);
  // The second attempts are within reach of the queue, and it takes two of the three.
  const { endpoint, publish, whenAll, retries, queue } = await start({
    mostDue: 2,
    schedule: [0, 60, LATER],
  });
  const { id } = await endpoint(to.url);
  const added = new Set<string>();
  const add = queue.add;
  queue.add = async (jobs) => {
    for (const { job } of jobs) if (job.attempt === 2) added.add(job.deliveryId);
    await add(jobs);
  };
  await publish(3);
  await whenAll(id, 3, 'retrying');
  await until(async () => added.size === 2, 'two jobs');
  await retries.retry([...added][0] ?? '', 3, systemContext('test'));
  await until(async () => added.size === 3, 'the job that was left out');
});

describe('after a restart', () => {
  test('what was pending or due is sent, and what was sent is not sent again', async () => {
    const to = await receiver(200, 500, 500, 200);
    const first = await start({ schedule: [0, 0.5, LATER], perEndpoint: 1 });
    const { id } = await first.endpoint(to.url);
    await first.publish(3);
    await first.whenAll(id, 3, 'success', 'retrying');
    await first.stop();
    running = undefined;
    const second = await start({ schedule: [0, 0.5, LATER] }, await files.reopen());
    expect(await second.whenAll(id, 3, 'success')).toHaveLength(3);
    expect(to.requests).toHaveLength(5);
    expect(await fannedOut(second.log)).toHaveLength(4); // and one mark of the clean stop
  });

  test('the sweep finds jobs that the queue has lost', async () => {
    const to = await receiver(500, 200);
    const { endpoint, publish, whenAll, queue, scheduled } = await start({ schedule: [0, 0.2, LATER] });
    const { id } = await endpoint(to.url);
    const add = queue.add;
    queue.add = async (jobs) => add(jobs.filter(({ job }) => job.attempt === 1));
    await publish();
    await whenAll(id, 1, 'retrying');
    queue.add = add;
    await scheduled.sweep();
    await whenAll(id, 1, 'success');
  });
});

test('while the log is away an outcome is held on to: sent once, recorded once', async () => {
  const to = await receiver(200);
  let broken = 3;
  const { log } = files;
  const failing: EventLog = {
    id: log.id,
    shared: log.shared,
    read: log.read,
    readAll: log.readAll,
    readAllBackwards: log.readAllBackwards,
    subscribe: log.subscribe,
    head: () => log.head(),
    close: () => log.close(),
    async append(stream, events, expected) {
      if (!stream.startsWith('endpointDeliveries-') || broken === 0)
        return log.append(stream, events, expected);
      broken -= 1;
      if (broken === 1) await log.append(stream, events, expected);
      throw new LogUnavailable('away', broken === 1 ? 'unknown' : 'not_written');
    },
  };
  const { endpoint, publish, whenAll, row } = await start({}, failing);
  const { id } = await endpoint(to.url);
  await publish();
  await whenAll(id, 1, 'success');
  expect(to.requests).toHaveLength(1);
  expect(await row<WebhookCountersRow>('webhook-counters', id)).toMatchObject({ successCount: 1 });
});
