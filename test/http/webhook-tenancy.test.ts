import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

test.each([
  'http://x.example/h',
  'https://127.0.0.1/h',
  'https://169.254.169.254/',
  'https://[::1]/',
  'https://localhost/',
  'https://user:pw@x.example/',
])('%s is no target, at creation and update', async (target) => {
  const answer = await app.call('POST', '/webhooks', { body: { url: target, events: ['*'] } });
  expect([answer.status, Object.keys(answer.body['errors'] as object)]).toEqual([422, ['url']]);
});
test('a workspace has as many endpoints as its tier allows', async () => {
  const headers = {
    'X-Workspace-ID': String(
      (await app.call('POST', '/workspaces', { body: { name: 'Small' } })).body.data['id'],
    ),
  };
  const literal = { url: 'https://93.184.216.34/h', events: ['*'] };
  const made = await Promise.all(
    Array.from({ length: 7 }, () => app.call('POST', '/webhooks', { body: literal, headers })),
  );
  expect(made.map(({ status }) => status).toSorted()).toEqual([201, 201, 201, 201, 201, 403, 403]);
  expect(made.find(({ status }) => status === 403)?.body).toEqual({
    error: 'feature_limit_reached',
    message: 'You have reached your limit for this feature.',
    feature: 'webhooks',
    upgrade_url: expect.any(String),
  });
  const id = made.find(({ status }) => status === 201)?.body.data['id'];
  await app.call('DELETE', `/webhooks/${id}`, { headers });
  expect((await app.call('POST', '/webhooks', { body: literal, headers })).status).toBe(201);
});
test('another workspace does not see an endpoint, by any method', async () => {
  const workspace = async (name: string) => ({
    'X-Workspace-ID': String((await app.call('POST', '/workspaces', { body: { name } })).body.data['id']),
  });
  const [mine, theirs] = [await workspace('Mine'), await workspace('Theirs')];
  const made = await app.call('POST', '/webhooks', {
    body: { url: 'https://93.184.216.34/h', events: ['*'] },
    headers: mine,
  });
  const id = made.body.data['id'];
  expect((await app.call('GET', '/webhooks', { headers: theirs })).body['data']).toEqual([]);
  for (const [method, path] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/test'],
    ['POST', '/secret/rotate'],
  ] as const) {
    const answer = await app.call(method, `/webhooks/${id}${path}`, {
      headers: theirs,
      ...(method === 'PATCH' ? { body: {} } : {}),
    });
    const unknown = await app.call(method, `/webhooks/999999${path}`, {
      headers: theirs,
      ...(method === 'PATCH' ? { body: {} } : {}),
    });
    expect([answer.status, answer.text]).toEqual([404, unknown.text]);
  }
  expect((await app.call('GET', `/webhooks/${id}`, { headers: mine })).status).toBe(200);
});
