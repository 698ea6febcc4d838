import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onceFree, startTestApp, type TestApp } from '../support/api.js';
import { startReceiver } from '../support/receiver.js';
import { createWebhook, legacy, wanted } from '../support/webhooks.js';

const url = 'https://your-app.com/webhooks';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '300' });
});
afterAll(() => app.stop());

const create = (more: object = {}, headers = {}) => createWebhook(app, more, headers);

describe('POST /webhooks', () => {
  test('E24: answers the new endpoint with its secret, once', async () => {
    const { status, body } = await app.call('POST', '/webhooks', { body: wanted });
    expect(status).toBe(201);
    expect(body).toEqual({
      message: 'Webhook endpoint created successfully.',
      data: {
        id: expect.any(Number),
        ...wanted,
        secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
        is_active: true,
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
    });
    const { id, secret } = body.data as { id: number; secret: string };
    for (const path of [
      `/webhooks/${id}`,
      '/webhooks',
      `/webhooks?fields=id,url&include=workspace,deliveries`,
    ]) {
      const read = await app.call('GET', path);
      expect(read.status).toBe(200);
      expect(read.text).not.toContain('whsec_');
      expect(read.text).not.toContain(secret);
    }
    expect((await app.call('GET', `/webhooks/${id}?fields=secret`)).status).toBe(422);
  });
  test('E25: echoes a secret that was given', async () =>
    expect(await create({ secret: 'whsec_abc123def456...' })).toMatchObject({
      secret: 'whsec_abc123def456...',
    }));
  test.each([12, 255])('E25: takes a secret of %i characters', async (length) => {
    const secret = 's'.repeat(length);
    expect(await create({ secret })).toMatchObject({ secret });
  });
  test('in the older dialect has no message and a prefixed id', async () => {
    const { body } = await app.call('POST', '/webhooks', {
      body: { ...wanted, secret: 'whsec_abc123...' },
      headers: legacy,
    });
    expect(body).toEqual({
      data: {
        id: expect.stringMatching(/^wh_[0-9a-z]{26}$/),
        ...wanted,
        secret: 'whsec_abc123...',
        is_active: true,
        created_at: expect.any(String),
      },
    });
  });
  test.each([
    [{ events: ['*'] }, 'url', 'The url field is required.'],
    [{ url }, 'events', 'The events field is required.'],
    [{ url, events: [] }, 'events', 'The events field is required.'],
    [{ url, events: ['post.created', 'nonsense'] }, 'events.1', expect.stringContaining('event type')],
    [{ url, events: ['a.b.c.d'] }, 'events.0', expect.stringContaining('event type')],
    [{ url, events: Array(101).fill('a.b') }, 'events', expect.stringContaining('100')],
    [{ url: 'ftp://x.example/', events: ['*'] }, 'url', 'The url must use https.'],
    [{ url: 'nonsense', events: ['*'] }, 'url', 'The url must be a valid URL.'],
    [{ url: null, events: ['*'] }, 'url', 'The url field may not be null.'],
    [
      { url: `https://x.example/${'a'.repeat(2048)}`, events: ['*'] },
      'url',
      'The url may not be greater than 2048 characters.',
    ],
    [{ url, events: ['*'], secret: 'short' }, 'secret', expect.stringContaining('12 to 255')],
    [{ url, events: ['*'], secret: 'has a space in it' }, 'secret', expect.stringContaining('12 to 255')],
    [{ url, events: ['*'], secret: 'ümlaut-is-not-visible' }, 'secret', expect.stringContaining('12 to 255')],
    [{ url, events: ['*'], secret: 'x'.repeat(256) }, 'secret', expect.stringContaining('12 to 255')],
    [
      { url, events: ['*'], retry_schedule: [60, 60] },
      'retry_schedule',
      'The retry_schedule must be in rising order.',
    ],
    [{ url, events: ['*'], retry_schedule: [] }, 'retry_schedule', 'The retry_schedule field is required.'],
    [
      { url, events: ['*'], retry_schedule: [1.5] },
      'retry_schedule.0',
      'The retry_schedule.0 must be an integer.',
    ],
    [{ url, events: ['*'], metadata: { a: 1 } }, 'metadata.a', 'The metadata.a must be a string.'],
    [{ url, events: ['*'], evnts: ['x'] }, 'evnts', 'The evnts field is not known.'],
  ])('E26: %j is refused', async (body, field, sentence) => {
    const answer = await app.call('POST', '/webhooks', { body });
    expect(answer.status).toBe(422);
    expect(answer.body['errors']).toEqual({ [field as string]: [sentence] });
  });
  test('names every fault at once', async () => {
    const { body } = await app.call('POST', '/webhooks', { body: { url: 'x', events: [] } });
    expect(Object.keys(body['errors'] as object)).toEqual(['url', 'events']);
  });
  test('with one Idempotency-Key makes one endpoint and shows the same secret again', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const first = await app.call('POST', '/webhooks', { body: wanted, headers });
    const second = await app.call('POST', '/webhooks', { body: wanted, headers });
    expect(second.text).toBe(first.text);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });
});

describe('GET /webhooks', () => {
  test('shows the fields of each dialect', async () => {
    const { id } = await create();
    const { body } = await app.call('GET', `/webhooks/${id}`);
    const list = {
      ...wanted,
      id,
      is_active: true,
      success_count: 0,
      failure_count: 0,
      last_delivery_at: null,
      created_at: expect.any(String),
    };
    expect(body).toEqual({ data: { ...list, consecutive_failures: 0 } });
    const listed = await app.call('GET', '/webhooks?sort=-id&per_page=1');
    expect(listed.body['data']).toEqual([list]);
    expect(listed.body).toMatchObject({ meta: { current_page: 1, per_page: 1 }, links: { prev: null } });
    const older = await app.call('GET', '/webhooks?sort=-id&per_page=1', { headers: legacy });
    const [one] = older.body['data'] as unknown as { id: string }[];
    expect(one).toEqual({
      id: expect.stringMatching(/^wh_/),
      ...wanted,
      is_active: true,
      created_at: expect.any(String),
    });
    expect((await app.call('GET', `/webhooks/${one?.id}`)).body.data['id']).toBe(id);
  });
  test('filters by status and by words of the URL', async () => {
    const { id } = await create({ url: 'http://127.0.0.1:9/Findable' });
    await app.call('PATCH', `/webhooks/${id}`, { body: { is_active: false } });
    const ids = async (query: string) =>
      (
        (await app.call('GET', `/webhooks?per_page=100&fields=id&${query}`)).body['data'] as unknown as {
          id: number;
        }[]
      ).map((one) => one.id);
    expect(await ids('search=findABLE')).toEqual([id]);
    expect(await ids('status=inactive&search=findable')).toEqual([id]);
    expect(await ids('status=active&search=findable')).toEqual([]);
    expect(await ids('status=disabled')).toEqual([]);
    expect((await app.call('GET', '/webhooks?status=bogus')).status).toBe(422);
    expect((await app.call('GET', '/webhooks?sort=secret')).status).toBe(422);
  });
  test('includes the workspace and the latest ten deliveries', async () => {
    const { url: target, waitFor, stop } = await startReceiver();
    const { id } = await create({ url: target, events: ['include.tested'] });
    for (let n = 1; n <= 11; n++)
      await app.call('POST', '/events', { body: { type: 'include.tested', data: { n } } });
    await waitFor(11);
    await expect
      .poll(async () => (await app.call('GET', `/webhooks/${id}`)).body.data['success_count'], {
        timeout: 10_000,
      })
      .toBe(11);
    const listed = await app.call(
      'GET',
      '/webhooks?sort=-id&per_page=1&fields=id,success_count,last_delivery_at',
    );
    expect(listed.body.data).toEqual([
      { id, success_count: 11, last_delivery_at: expect.stringMatching(/Z$/) },
    ]);
    const { body } = await app.call('GET', `/webhooks/${id}?fields=id&include=workspace,deliveries`);
    const { deliveries } = body.data as { deliveries: { id: number; status: string }[] };
    expect(body.data).toEqual({
      id,
      workspace: expect.objectContaining({ id: 1 }),
      deliveries: expect.any(Array),
    });
    expect(deliveries).toHaveLength(10);
    expect(deliveries.map((one) => one.id)).toEqual(
      deliveries.map((one) => one.id).toSorted((a, b) => b - a),
    );
    expect((await app.call('GET', `/webhooks/${id}?include=owner`)).status).toBe(422);
    await stop();
  });
});

describe('PATCH /webhooks/{id}', () => {
  test('E27: changes what is named and shows it on the next read', async () => {
    const { id } = await create();
    const { status, body } = await app.call('PATCH', `/webhooks/${id}`, {
      body: { events: ['post.*'], is_active: false },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      message: 'Webhook endpoint updated successfully.',
      data: { id, events: ['post.*'], is_active: false },
    });
    expect((await app.call('GET', `/webhooks/${id}`)).body.data).toMatchObject({
      events: ['post.*'],
      is_active: false,
    });
  });
  test('sets description, metadata and schedule, and clears them', async () => {
    const { id } = await create({ description: 'Main', metadata: { team: 'a' }, retry_schedule: [0, 5] });
    const fields = '?fields=description,metadata,retry_schedule,status';
    expect((await app.call('GET', `/webhooks/${id}${fields}`)).body.data).toEqual({
      description: 'Main',
      metadata: { team: 'a' },
      retry_schedule: [0, 5],
      status: 'active',
    });
    await app.call('PATCH', `/webhooks/${id}`, {
      body: { description: null, metadata: { team: null, b: 'c' }, retry_schedule: null },
    });
    expect((await app.call('GET', `/webhooks/${id}${fields}`)).body.data).toEqual({
      metadata: { b: 'c' },
      status: 'active',
    });
  });
  test('refuses what a creation refuses, an old revision, and what cannot be changed', async () => {
    const { id } = await create();
    const patch = (body: object, headers = {}) => app.call('PATCH', `/webhooks/${id}`, { body, headers });
    expect((await patch({ url: 'ftp://x' })).body['errors']).toHaveProperty('url');
    expect((await patch({ events: [] })).body['errors']).toHaveProperty('events');
    expect((await patch({ secret: 'whsec_abc123def456' })).body['errors']).toHaveProperty('secret');
    expect((await patch({ is_active: 'yes' })).body['errors']).toHaveProperty('is_active');
    const { headers } = await app.call('GET', `/webhooks/${id}`);
    const etag = headers.get('etag') ?? '';
    expect((await patch({ events: ['*'] }, { 'If-Match': etag })).status).toBe(200);
    expect((await patch({ events: ['a.b'] }, { 'If-Match': etag })).status).toBe(412);
  });
});

test('a change and a rotation whose answers were lost are answered after a restart, though the endpoint is gone since', async () => {
  const { id } = await createWebhook(app);
  const headers = (key: string) => ({ 'Idempotency-Key': key });
  const calls = async () => [
    await onceFree(() =>
      app.call('PATCH', `/webhooks/${id}`, {
        body: { description: 'New' },
        headers: headers('lost-change'),
      }),
    ),
    await onceFree(() =>
      app.call('POST', `/webhooks/${id}/secret/rotate`, { headers: headers('lost-rotation') }),
    ),
  ];
  const shown = (answers: Awaited<ReturnType<typeof calls>>) =>
    answers.map(({ status, text }) => [status, text]);
  app.app.stores.idempotency.finish = () => Promise.reject(new Error('stopped'));
  const first = shown(await calls());
  expect(first.map(([status]) => status)).toEqual([200, 200]);
  expect((await app.call('DELETE', `/webhooks/${id}`)).status).toBe(204);
  await app.restart();
  expect(shown(await calls())).toEqual(first);
});
