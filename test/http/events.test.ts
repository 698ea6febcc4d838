import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { startReceiver } from '../support/receiver.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
});
afterAll(() => app.stop());
const publish = (body: object, headers = {}) => app.call('POST', '/events', { body, headers });
const post = { type: 'post.created', data: { id: 42, title: 'Hello' } };

describe('POST /events', () => {
  test('accepts an event and tells its id, under which it is delivered', async () => {
    const receiver = await startReceiver();
    await app.call('POST', '/webhooks', { body: { url: receiver.url, events: ['post.*'] } });
    const { status, body } = await publish(post);
    expect(status).toBe(202);
    expect(body).toEqual({
      message: 'Event accepted.',
      data: {
        id: expect.stringMatching(/^evt_[0-9a-z]{26}$/),
        type: 'post.created',
        created_at: expect.stringMatching(/Z$/),
      },
    });
    const [request] = await receiver.waitFor(1);
    expect(JSON.parse(request?.body ?? '')).toEqual({ ...body.data, workspace_id: 1, data: post.data });
    await receiver.stop();
  });
  test('in the older dialect has no message', async () => {
    const { status, body } = await publish(post, { 'X-API-Dialect': '2024' });
    expect([status, Object.keys(body)]).toEqual([202, ['data']]);
  });
  test('takes the same id once; with other content it is a conflict', async () => {
    const first = await publish({ ...post, id: 'post-42' });
    expect(
      (await publish({ data: { title: 'Hello', id: 42 }, id: 'post-42', type: 'post.created' })).text,
    ).toBe(first.text);
    const changed = await publish({ ...post, id: 'post-42', data: {} });
    expect([changed.status, changed.body['error']]).toEqual([409, 'conflict']);
  });
  test('with one Idempotency-Key is one event', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const first = await publish(post, headers);
    expect((await publish(post, headers)).text).toBe(first.text);
    expect((await publish({ ...post, data: {} }, headers)).status).toBe(422);
  });
  const refused: [body: object, field: string][] = [
    [{ data: {} }, 'type'],
    [{ type: 'post.created' }, 'data'],
    [{ type: 'created', data: {} }, 'type'],
    [{ type: 'post.*', data: {} }, 'type'],
    [{ type: '*', data: {} }, 'type'],
    [{ type: 'a.b.c.d', data: {} }, 'type'],
    [{ type: 7, data: {} }, 'type'],
    [{ ...post, data: [] }, 'data'],
    [{ ...post, data: null }, 'data'],
    [{ ...post, data: 'text' }, 'data'],
    [{ ...post, data: { text: 'x'.repeat(262_144) } }, 'data'],
    [{ ...post, id: '' }, 'id'],
    [{ ...post, id: 7 }, 'id'],
    [{ ...post, id: 'x'.repeat(256) }, 'id'],
    [{ ...post, time: 'now' }, 'time'],
    ...'workspace namespace user api_key webhook usage entitlement seo mcp pixel'
      .split(' ')
      .map((word): [object, string] => [{ ...post, type: `${word}.created` }, 'type']),
  ];
  test.each(refused)('refuses what is wrong (case %#)', async (body, field) => {
    const answer = await publish(body);
    expect([answer.status, Object.keys(answer.body['errors'] as object)]).toEqual([422, [field]]);
  });
  test('takes data of just under 256 KiB', async () =>
    expect((await publish({ ...post, data: { text: 'x'.repeat(262_144 - 11) } })).status).toBe(202));
});
