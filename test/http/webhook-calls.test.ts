import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemContext } from '../../src/commands/context.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { type Receiver, type Reply, startReceiver } from '../support/receiver.js';
import { createWebhook, legacy } from '../support/webhooks.js';

let app: TestApp;
const stops: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '300' });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => app.stop());

const receiving = async (answer?: () => Reply): Promise<Receiver> => {
  const receiver = await startReceiver(answer);
  stops.push(receiver.stop);
  return receiver;
};
const create = (more: object = {}, headers = {}) => createWebhook(app, more, headers);

describe('POST /webhooks/{id}/test', () => {
  test('E28: sends a signed event and shows what came back', async () => {
    const { url: target, requests } = await receiving(() => ({ status: 200, body: '{"received": true}' }));
    const { id, secret } = await create({ url: target });
    const { status, body } = await app.call('POST', `/webhooks/${id}/test`);
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      status_code: 200,
      response_time_ms: expect.any(Number),
      response_body: '{"received": true}',
    });
    const [request] = requests;
    const sent = JSON.parse(request?.body ?? '{}');
    expect(sent).toMatchObject({
      id: expect.stringMatching(/^evt_/),
      type: 'webhook.test',
      workspace_id: 1,
      data: { id },
    });
    const headers = request?.headers ?? {};
    expect(headers).toMatchObject({
      'x-webhook-event': 'webhook.test',
      'x-webhook-id': sent.id,
      'webhook-id': sent.id,
      'content-type': 'application/json',
    });
    expect(headers['x-webhook-delivery']).toMatch(/^del_/);
    const signed = `${headers['x-webhook-timestamp']}.${request?.body}`;
    expect(headers['x-webhook-signature']).toBe(createHmac('sha256', secret).update(signed).digest('hex'));
    expect(new Webhook(secret).verify(request?.body ?? '', headers as Record<string, string>)).toEqual(sent);
  });
  test('keeps to the dialect in which the endpoint was made, and answers in that of the request', async () => {
    const { url: target, requests } = await receiving();
    const { id } = await create({ url: target, secret: 'whsec_abc123...' }, legacy);
    const { body } = await app.call('POST', `/webhooks/${id}/test`, { headers: legacy });
    expect(body).toEqual({ success: true, status_code: 200, response_time_ms: expect.any(Number) });
    const [request] = requests;
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      type: 'webhook.test',
      data: { object: { id, type: 'webhook', attributes: expect.any(Object) } },
    });
    expect(request?.headers['x-webhook-signature']).toBe(
      `sha256=${createHmac('sha256', 'whsec_abc123...')
        .update(request?.body ?? '')
        .digest('hex')}`,
    );
  });
  test('E28: reports a refusal, a timeout and a dead address with 200, and records nothing', async () => {
    const failing = await receiving(() => ({ status: 500, body: 'oops' }));
    const slow = await receiving(() => ({ status: 200, delayMs: 60_000 }));
    const answers: [string, object][] = [
      [
        failing.url,
        {
          success: false,
          status_code: 500,
          error: expect.stringMatching(/500/),
          response_time_ms: expect.any(Number),
        },
      ],
      [
        slow.url,
        {
          success: false,
          status_code: 500,
          error: 'Connection timeout',
          response_time_ms: expect.any(Number),
        },
      ],
      [
        'http://127.0.0.1:9/hook',
        {
          success: false,
          status_code: 500,
          error: 'Connection refused',
          response_time_ms: expect.any(Number),
        },
      ],
    ];
    for (const [target, expected] of answers) {
      const { id } = await create({ url: target });
      const { status, body } = await app.call('POST', `/webhooks/${id}/test`);
      expect([status, body]).toEqual([200, expected]);
      expect((await app.call('GET', `/webhooks/${id}`)).body.data).toMatchObject({
        failure_count: 0,
        last_delivery_at: null,
      });
      expect((await app.call('GET', `/webhooks/${id}/deliveries`)).body['data']).toEqual([]);
    }
  });
  test('goes to an inactive endpoint as well', async () => {
    const { url: target, requests } = await receiving();
    const { id } = await create({ url: target });
    await app.call('PATCH', `/webhooks/${id}`, { body: { is_active: false } });
    expect((await app.call('POST', `/webhooks/${id}/test`)).body).toMatchObject({ success: true });
    expect(requests).toHaveLength(1);
  });
});

describe('POST /webhooks/{id}/secret/rotate', () => {
  test('answers the new secret once; until the grace ends both sign', async () => {
    const { url: target, requests } = await receiving();
    const { id, secret: old } = await create({ url: target });
    const { status, body } = await app.call('POST', `/webhooks/${id}/secret/rotate`, {
      body: { grace_period_seconds: 3600 },
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      message: 'Webhook secret rotated successfully.',
      data: {
        id,
        url: target,
        secret: expect.stringMatching(/^whsec_/),
        grace_period_ends_at: expect.any(String),
      },
    });
    const { secret, grace_period_ends_at: until } = body.data as {
      secret: string;
      grace_period_ends_at: string;
    };
    expect(secret).not.toBe(old);
    expect(Math.abs(Date.parse(until) - Date.now() - 3_600_000)).toBeLessThan(10_000);
    await app.call('POST', `/webhooks/${id}/test`);
    const [request] = requests;
    const headers = request?.headers as Record<string, string>;
    const hex = (key: string) =>
      createHmac('sha256', key).update(`${headers['x-webhook-timestamp']}.${request?.body}`).digest('hex');
    expect(headers['x-webhook-signature']).toBe(hex(secret));
    expect(headers['x-webhook-signature-previous']).toBe(hex(old));
    for (const key of [secret, old])
      expect(new Webhook(key).verify(request?.body ?? '', headers)).toBeDefined();
  });
  test('with grace 0 ends the old secret at once', async () => {
    const { url: target, requests } = await receiving();
    const { id, secret: old } = await create({ url: target });
    await app.call('POST', `/webhooks/${id}/secret/rotate`, { body: { grace_period_seconds: 0 } });
    await app.call('POST', `/webhooks/${id}/test`);
    const headers = requests[0]?.headers as Record<string, string>;
    expect(headers).not.toHaveProperty('x-webhook-signature-previous');
    expect(() => new Webhook(old).verify(requests[0]?.body ?? '', headers)).toThrow();
  });
  test('takes a day where nothing is said, a week at most, and shows the same again for one Idempotency-Key', async () => {
    const { id } = await create();
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const first = await app.call('POST', `/webhooks/${id}/secret/rotate`, { headers });
    expect(
      Math.abs(Date.parse(String(first.body.data['grace_period_ends_at'])) - Date.now() - 86_400_000),
    ).toBeLessThan(10_000);
    expect((await app.call('POST', `/webhooks/${id}/secret/rotate`, { headers })).text).toBe(first.text);
    const rotate = (seconds: unknown) =>
      app.call('POST', `/webhooks/${id}/secret/rotate`, { body: { grace_period_seconds: seconds } });
    for (const seconds of [-1, 604_801, 1.5, '60', null])
      expect((await rotate(seconds)).body['errors']).toHaveProperty('grace_period_seconds');
    const { body } = await rotate(604_800);
    expect(
      Math.abs(Date.parse(String(body.data['grace_period_ends_at'])) - Date.now() - 604_800_000),
    ).toBeLessThan(10_000);
  });
});

test('E29: an endpoint on workspace.* gets one signed request for a new workspace', async () => {
  const { url: target, waitFor, requests } = await receiving();
  const { secret } = await create({ url: target, events: ['workspace.*'] });
  const made = await app.call('POST', '/workspaces', { body: { name: 'Told Ltd' } });
  const marker = { url: target, events: ['marker.sent'] };
  await create(marker);
  await app.call('POST', '/events', { body: { type: 'marker.sent', data: {} } });
  await waitFor(({ headers }) => headers['x-webhook-event'] === 'marker.sent');
  const told = await waitFor(({ headers }) => headers['x-webhook-event'] === 'workspace.created');
  expect(told).toHaveLength(1);
  expect(requests).toHaveLength(2);
  const [request] = told;
  const body = request?.body ?? '';
  const headers = request?.headers ?? {};
  const sent = JSON.parse(body);
  expect(sent).toMatchObject({
    type: 'workspace.created',
    workspace_id: made.body.data['id'],
    data: made.body.data,
  });
  expect(headers).toMatchObject({ 'x-webhook-id': sent.id, 'webhook-id': sent.id });
  const signed = `${headers['x-webhook-timestamp']}.${body}`;
  expect(headers['x-webhook-signature']).toBe(createHmac('sha256', secret).update(signed).digest('hex'));
  expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual(sent);
});

describe('DELETE /webhooks/{id}', () => {
  test('ends it for every method', async () => {
    const { id } = await create();
    const removed = await app.call('DELETE', `/webhooks/${id}`);
    expect([removed.status, removed.text]).toEqual([204, '']);
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/test'],
      ['POST', '/secret/rotate'],
    ] as const) {
      const { status, body } = await app.call(
        method,
        `/webhooks/${id}${path}`,
        method === 'PATCH' ? { body: {} } : {},
      );
      expect([status, body]).toEqual([404, { error: 'not_found', message: 'Resource not found.' }]);
    }
  });
  test('that is run again after a crash answers 204 and appends nothing', async () => {
    const { id } = await create();
    const appended = await app.appended(() => app.call('DELETE', `/webhooks/${id}`));
    const commandId =
      appended.find(({ type }) => type === 'WebhookEndpointDeleted')?.metadata.commandId ?? '';
    const { routes, stores } = app.app;
    const workspace = (
      await stores.readModels.find('workspaces', { where: [{ field: 'number', op: 'eq', value: 1 }] })
    )[0];
    const again = { params: { id: String(id) }, command: systemContext('test', { commandId }), workspace };
    const remove = routes.find(({ doc }) => doc.id === 'deleteWebhook');
    const more = await app.appended(async () =>
      expect(await remove?.handle(again as never)).toMatchObject({ status: 204 }),
    );
    expect(more.filter(({ stream }) => stream.startsWith('webhookEndpoint-'))).toEqual([]);
  });
  test('with one Idempotency-Key answers 204 again', async () => {
    const { id } = await create();
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    expect((await app.call('DELETE', `/webhooks/${id}`, { headers })).status).toBe(204);
    expect((await app.call('DELETE', `/webhooks/${id}`, { headers })).status).toBe(204);
  });
});
