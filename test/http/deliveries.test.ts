import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DeliveryRow } from '../../src/projections/deliveries.js';
import { type Called, startTestApp, type TestApp } from '../support/api.js';
import { until } from '../support/delivering.js';
import { type Receiver, type Reply, startReceiver } from '../support/receiver.js';

type Delivery = Record<string, unknown> & { id: number; status: string; attempt: number };

const legacy = { 'X-API-Dialect': '2024' };
const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

let app: TestApp;
const receivers: Receiver[] = [];
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_DISABLE_AFTER_SECONDS: '0' });
});
afterEach(async () => {
  for (const one of receivers.splice(0)) await one.stop();
});
afterAll(() => app.stop());

/** Answers with these in turn; the last one goes on. */
const receiving = async (...replies: (number | Reply)[]): Promise<Receiver> => {
  let n = 0;
  const one = await startReceiver(() => {
    const reply = replies[Math.min(n, replies.length - 1)] ?? 200;
    n += 1;
    return typeof reply === 'number' ? { status: reply, body: `answer ${n}` } : reply;
  });
  receivers.push(one);
  return one;
};
/** An endpoint of its own event type, so that no other test reaches it. */
const endpoint = async (to: Receiver, more: object = {}, headers = {}) => {
  const type = `post.t${randomUUID().slice(0, 8)}`;
  const body = { url: to.url, events: [type], ...more };
  const created = await app.call('POST', '/webhooks', { body, headers });
  expect(created.status).toBe(201);
  const { id, secret } = created.body.data as { id: number; secret: string };
  const publish = async (count = 1) => {
    for (let n = 0; n < count; n++)
      expect(
        (await app.call('POST', '/events', { body: { type, data: { id: n, title: 'Hello' } } })).status,
      ).toBe(202);
  };
  return { id, secret, type, publish };
};
const list = (id: number, query = '', headers = {}): Promise<Called> =>
  app.call('GET', `/webhooks/${id}/deliveries${query}`, { headers });
/** The only delivery of an endpoint, once it is as wanted. */
const delivery = (id: number, wanted: (one: Delivery) => boolean): Promise<Delivery> =>
  until(async () => ((await list(id)).body.data as Delivery[]).find(wanted), 'the delivery');
const is = (status: string, attempt?: number) => (one: Delivery) =>
  one.status === status && (attempt === undefined || one.attempt === attempt);

describe('an event on its way out', () => {
  test('E29: is one request, signed over timestamp and body, whose ids agree', async () => {
    const to = await receiving(200);
    const body = { url: to.url, events: ['workspace.*'] };
    const { secret } = (await app.call('POST', '/webhooks', { body })).body.data;
    const created = await app.call('POST', '/workspaces', { body: { name: 'Told' } });
    const [{ headers, body: sent } = { headers: {}, body: '' }] = await to.waitFor(1);
    const told = JSON.parse(sent);
    expect(headers).toMatchObject({
      'x-webhook-event': 'workspace.created',
      'content-type': 'application/json',
    });
    expect(told).toMatchObject({
      id: expect.stringMatching(/^evt_/),
      type: 'workspace.created',
      workspace_id: created.body.data.id,
      data: { id: created.body.data.id, name: 'Told', settings: { timezone: 'UTC', locale: 'en_GB' } },
    });
    const { 'x-webhook-timestamp': at, 'x-webhook-signature': signature } = headers as Record<string, string>;
    expect(headers).toMatchObject({ 'x-webhook-id': told.id, 'webhook-id': told.id });
    expect(signature).toBe(createHmac('sha256', secret).update(`${at}.${sent}`).digest('hex'));
    await app.waitForAll();
    expect(to.requests).toHaveLength(1);
  });

  test('E31: that fails once is retrying, then a success with a higher attempt', async () => {
    const to = await receiving(500, 200);
    const { id, publish } = await endpoint(to, { retry_schedule: [0, 1, 60] });
    await publish();
    const retrying = await delivery(id, is('retrying'));
    expect(retrying).toEqual({
      id: expect.any(Number),
      event_id: expect.stringMatching(/^evt_/),
      event_type: expect.stringMatching(/^post\./),
      status: 'retrying',
      response_code: 500,
      attempt: 1,
      next_retry_at: expect.stringMatching(stamp),
      created_at: expect.stringMatching(stamp),
    });
    const { next_retry_at: _, ...same } = retrying;
    expect(await delivery(id, is('success'))).toEqual({
      ...same,
      status: 'success',
      response_code: 200,
      attempt: 2,
      delivered_at: expect.stringMatching(stamp),
    });
    const counted = (await app.call('GET', `/webhooks/${id}`)).body.data;
    expect(counted).toMatchObject({ success_count: 1, failure_count: 1, consecutive_failures: 0 });
    expect(counted.last_delivery_at).toMatch(stamp);
  });
});

describe('GET /webhooks/{id}/deliveries', () => {
  let id: number;
  beforeAll(async () => {
    const to = await receiving(500, 404, 200);
    const one = await endpoint(to);
    id = one.id;
    await one.publish();
    await delivery(id, is('retrying'));
    await one.publish();
    await delivery(id, is('failed'));
    await one.publish(2);
    await until(async () => (await list(id, '?status=success')).body.meta.total === 2);
  });

  test('lists them oldest first, with pages', async () => {
    const { status, body } = await list(id);
    expect(status).toBe(200);
    expect(body.data.map((one: Delivery) => one.status)).toEqual([
      'retrying',
      'failed',
      'success',
      'success',
    ]);
    expect(body.meta).toMatchObject({ total: 4, per_page: 25, current_page: 1 });
    const second = await list(id, '?per_page=3&page=2&sort=-id');
    expect(second.body.data).toEqual([body.data[0]]);
    expect(second.body.links.prev).toContain('page=1');
  });

  test.each(['pending', 'success', 'failed', 'retrying'])('E32: filters by %s', async (status) => {
    const all = (await list(id)).body.data as Delivery[];
    expect((await list(id, `?status=${status}`)).body.data).toEqual(
      all.filter((one) => one.status === status),
    );
  });

  test('E32: shows each time only where it applies', async () => {
    for (const one of (await list(id)).body.data as Delivery[]) {
      expect('next_retry_at' in one).toBe(one.status === 'retrying');
      expect('delivered_at' in one).toBe(one.status === 'success');
    }
  });

  test('E32: refuses an unknown status', async () => {
    const { status, body } = await list(id, '?status=bogus');
    expect(status).toBe(422);
    expect(body.errors).toHaveProperty('status');
  });

  test('shows the fields of the older dialect', async () => {
    const { body } = await list(id, '?status=success&per_page=1', legacy);
    expect(body.data).toEqual([
      {
        id: expect.stringMatching(/^del_/),
        event_type: expect.stringMatching(/^post\./),
        status: 'success',
        status_code: 200,
        attempts: 1,
        delivered_at: expect.stringMatching(stamp),
      },
    ]);
    expect(body.meta).not.toHaveProperty('from');
  });

  test('does not exist for an unknown endpoint, nor for another workspace', async () => {
    const other = (await app.call('POST', '/workspaces', { body: { name: 'Other' } })).body.data.id as number;
    const [first] = (await list(id)).body.data as [Delivery];
    const headers = { 'X-Workspace-ID': String(other) };
    for (const [method, path] of [
      ['GET', `/webhooks/${id}/deliveries`],
      ['GET', `/webhooks/${id}/deliveries/${first.id}`],
      ['POST', `/webhooks/${id}/deliveries/${first.id}/retry`],
    ] as const) {
      const unknown = await app.call(method, path.replace(`/${id}/`, '/999999/'));
      const foreign = await app.call(method, path, { headers });
      expect([unknown.status, foreign.status]).toEqual([404, 404]);
      expect(foreign.body).toEqual(unknown.body);
    }
    expect((await app.call('GET', `/webhooks/${id}/deliveries/999999`)).status).toBe(404);
    const own = await endpoint(await receiving(200));
    expect((await app.call('GET', `/webhooks/${own.id}/deliveries/${first.id}`)).status).toBe(404);
  });
});

test('an endpoint includes the latest ten of its deliveries, in either dialect', async () => {
  const { id, publish } = await endpoint(await receiving(200));
  await publish(12);
  const ids = async (path: string, headers = {}): Promise<unknown[]> =>
    (await app.call('GET', path, { headers })).body.data.deliveries.map((one: { id: unknown }) => one.id);
  await until(async () => (await list(id)).body.meta.total === 12, 'all deliveries');
  const newest = ((await list(id, '?sort=-id')).body.data as Delivery[]).map((one) => one.id);
  expect(await ids(`/webhooks/${id}?include=deliveries`)).toEqual(newest.slice(0, 10));
  expect(await ids(`/webhooks/${id}?include=deliveries`, legacy)).toEqual(
    Array(10).fill(expect.stringMatching(/^del_/)),
  );
});

describe('GET /webhooks/{id}/deliveries/{deliveryId}', () => {
  test('adds the attempts, and the request without its signatures', async () => {
    const to = await receiving({ status: 503, body: 'not now' }, 200);
    const { id, publish, type } = await endpoint(to, { retry_schedule: [0, 1] });
    await publish();
    const { id: deliveryId } = await delivery(id, is('success'));
    const { status, body } = await app.call('GET', `/webhooks/${id}/deliveries/${deliveryId}`);
    expect(status).toBe(200);
    const attempt = { at: expect.stringMatching(stamp), duration_ms: expect.any(Number), error: null };
    expect(body.data.attempts).toEqual([
      { ...attempt, attempt: 1, response_code: 503, response_body: 'not now' },
      { ...attempt, attempt: 2, response_code: 200, response_body: 'answer 2' },
    ]);
    const [, last] = to.requests;
    expect(body.data.request.body).toEqual(JSON.parse(last?.body ?? ''));
    expect(body.data.request.headers).toMatchObject({
      'X-Webhook-Id': last?.headers['x-webhook-id'],
      'X-Webhook-Event': type,
      'X-Webhook-Timestamp': last?.headers['x-webhook-timestamp'],
    });
    expect(Object.keys(body.data.request.headers).join()).not.toMatch(/signature/i);
    const older = await app.call('GET', `/webhooks/${id}/deliveries/${deliveryId}`, { headers: legacy });
    expect(older.body.data).toMatchObject({ attempts: 2, status_code: 200 });
    expect(older.body.data.attempt_log).toHaveLength(2);
    const byPublicId = await app.call('GET', `/webhooks/${id}/deliveries/${older.body.data.id}`);
    expect(byPublicId.body).toEqual(body);
  });

  test('says why there was no answer', async () => {
    const to = await receiving(200);
    const { id, publish } = await endpoint(to);
    await to.stop();
    await publish();
    const { id: deliveryId, ...shown } = await delivery(id, is('retrying'));
    expect(shown).toMatchObject({ response_code: null });
    const { body } = await app.call('GET', `/webhooks/${id}/deliveries/${deliveryId}`);
    expect(body.data.attempts).toMatchObject([
      { response_code: null, response_body: null, error: 'Connection refused' },
    ]);
  });
});

describe('POST /webhooks/{id}/deliveries/{deliveryId}/retry', () => {
  const retry = (id: number, one: Delivery, headers = {}) =>
    app.call('POST', `/webhooks/${id}/deliveries/${one.id}/retry`, { headers });

  test('E33: brings a retrying delivery forward, whose times still count from its creation', async () => {
    const to = await receiving(500);
    const { id, publish } = await endpoint(to);
    await publish();
    const first = await delivery(id, is('retrying', 1));
    const answered = await retry(id, first);
    expect(answered.status).toBe(200);
    expect(answered.body).toEqual({
      message: 'Delivery queued for retry.',
      data: { id: first.id, status: 'pending', attempt: 2 },
    });
    const second = await delivery(id, is('retrying', 2));
    const wait =
      (Date.parse(String(second['next_retry_at'])) - Date.parse(String(second['created_at']))) / 1_000;
    expect(wait).toBeGreaterThanOrEqual(300);
    expect(wait).toBeLessThanOrEqual(325);
    expect((await retry(id, second)).body.data).toEqual({ id: first.id, status: 'pending', attempt: 3 });
    await delivery(id, is('retrying', 3));
    expect(to.requests).toHaveLength(3);
  });

  test('sends a failed delivery again', async () => {
    const to = await receiving(404, 200);
    const { id, publish } = await endpoint(to);
    await publish();
    const failed = await delivery(id, is('failed'));
    const { body } = await retry(id, failed, legacy);
    expect(body).toEqual({ data: { id: expect.stringMatching(/^del_/), status: 'pending', attempts: 1 } });
    expect(await delivery(id, is('success'))).toMatchObject({ attempt: 2 });
  });

  test('E33: refuses what has succeeded, and what has reached its maximum of attempts', async () => {
    const to = await receiving(200, 500);
    const { id, publish } = await endpoint(to, { retry_schedule: [0] });
    await publish();
    const success = await delivery(id, is('success'));
    await publish();
    const failed = await delivery(id, is('failed'));
    for (const one of [success, failed]) {
      const { status, body } = await retry(id, one);
      expect([status, body.error]).toEqual([400, 'cannot_retry']);
    }
    const older = await retry(id, success, legacy);
    expect([older.status, older.body.error.code]).toEqual([400, 'CANNOT_RETRY']);
    expect(to.requests).toHaveLength(2);
  });

  test('with one Idempotency-Key happens once and is answered the same', async () => {
    const to = await receiving(500);
    const { id, publish } = await endpoint(to);
    await publish();
    const first = await delivery(id, is('retrying', 1));
    const headers = { 'Idempotency-Key': randomUUID() };
    const answers = [await retry(id, first, headers)];
    await delivery(id, is('retrying', 2));
    answers.push(await retry(id, first, headers));
    expect(answers.map(({ status, body }) => [status, body.data.attempt])).toEqual([
      [200, 2],
      [200, 2],
    ]);
    await app.waitForAll();
    expect(to.requests).toHaveLength(2);
  });
});

test('E34: ten failures in a row disable the endpoint; switching it on again clears the count', async () => {
  const to = await receiving(...Array.from({ length: 10 }, () => 500), 200);
  const { id, publish } = await endpoint(to);
  const shown = async () => (await app.call('GET', `/webhooks/${id}`)).body.data;
  await publish(9);
  await until(async () => (await shown()).consecutive_failures === 9);
  expect(await shown()).toMatchObject({ is_active: true });
  await publish();
  await until(async () => !(await shown()).is_active);
  expect(await shown()).toMatchObject({ is_active: false, consecutive_failures: 10, failure_count: 10 });
  await publish();
  const { status } = await app.call('PATCH', `/webhooks/${id}`, { body: { is_active: true } });
  expect(status).toBe(200);
  expect(await shown()).toMatchObject({ is_active: true, consecutive_failures: 0, failure_count: 10 });
  await app.waitForAll();
  expect((await list(id)).body.meta.total).toBe(10);
});

test('what is cancelled shows as failed: here because the endpoint answered 410', async () => {
  const to = await receiving(500, 410);
  const { id, publish } = await endpoint(to);
  await publish();
  await delivery(id, is('retrying'));
  await publish();
  const failed = await until(async () => {
    const { data } = (await list(id, '?status=failed')).body;
    return data.length === 2 && (data as Delivery[]);
  });
  expect(failed).toMatchObject([
    { status: 'failed', attempt: 1, response_code: 500 },
    { status: 'failed', attempt: 1, response_code: 410 },
  ]);
  const { body } = await app.call('GET', `/webhooks/${id}?fields=is_active,disabled_reason,status`);
  expect(body.data).toEqual({ is_active: false, disabled_reason: 'gone', status: 'disabled' });
});

test('deliveries of a deleted endpoint are cancelled', async () => {
  const to = await receiving(500);
  const { id, publish } = await endpoint(to);
  await publish(2);
  await until(async () => (await list(id, '?status=retrying')).body.meta.total === 2);
  expect((await app.call('DELETE', `/webhooks/${id}`)).status).toBe(204);
  const { readModels } = app.app.stores;
  await until(async () => {
    const { endpointId } =
      (await readModels.find<DeliveryRow>('deliveries', { where: [], sort: [['number', 'desc']] }))[0] ?? {};
    const cancelled = { field: 'status', op: 'eq', value: 'cancelled' } as const;
    const found = await readModels.count('deliveries', [
      { field: 'endpointId', op: 'eq', value: endpointId ?? '' },
      cancelled,
    ]);
    return found === 2;
  });
  expect((await list(id)).status).toBe(404);
});

test('finished deliveries are gone after the retention time, open ones stay', async () => {
  let now = Date.now();
  const settings = { WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', DELIVERY_RETENTION_DAYS: '30' };
  const old = await startTestApp(settings, { now: () => new Date(now) });
  try {
    const to = await receiving(200, 500);
    const body = { url: to.url, events: ['post.created'] };
    const { id } = (await old.call('POST', '/webhooks', { body })).body.data;
    const shown = async () =>
      ((await old.call('GET', `/webhooks/${id}/deliveries`)).body.data as Delivery[]).map(
        (one) => one.status,
      );
    for (const expected of [['success'], ['success', 'retrying']]) {
      await old.call('POST', '/events', { body: { type: 'post.created', data: {} } });
      await until(async () => (await shown()).join() === expected.join());
    }
    const single = async (number: number) =>
      (await old.call('GET', `/webhooks/${id}/deliveries/${number}`)).status;
    now += 29 * 86_400_000;
    expect(await shown()).toEqual(['success', 'retrying']);
    expect([await single(1), await single(2)]).toEqual([200, 200]);
    now += 2 * 86_400_000;
    expect(await shown()).toEqual(['retrying']);
    expect([await single(1), await single(2)]).toEqual([404, 200]);
    expect((await old.call('POST', `/webhooks/${id}/deliveries/1/retry`)).status).toBe(404);
  } finally {
    await old.stop();
  }
});
