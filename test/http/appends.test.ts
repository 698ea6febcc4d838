// The table in docs/servers.md of what requests append.
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { startTestApp } from '../support/api.js';

const app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
afterAll(() => app.stop());

/** Types of the events of the one command behind a request, in the order of the log. */
const appended = async (method: string, path: string, body?: object): Promise<string[]> => {
  const events = await app.appended(async () => {
    const answer = await app.call(method, path, body ? { body } : {});
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  });
  const own = events.filter(({ metadata }) => 'key' in metadata.actor);
  expect(new Set(own.map(({ metadata }) => metadata.commandId)).size).toBe(1);
  expect(new Set(own.map(({ stream }) => stream)).size).toBe(own.length); // one append each
  return own.map(({ type }) => type);
};

const rows = [
  ...readFileSync('docs/servers.md', 'utf8').matchAll(/^\| `([A-Z]+ \/.*) \| (\w+(?:, \w+)*) \|$/gm),
];
const documented = new Map(rows.map(([, request = '', types = '']) => [request.replace('`', ''), types]));

const requests: readonly [string, string, string, object?][] = [
  ['POST /workspaces', 'POST', '/workspaces', { name: 'One' }],
  ['PATCH /workspaces/{id}', 'PATCH', '/workspaces/2', { metadata: { a: 'b' } }],
  ['PATCH /workspaces/{id} with another slug', 'PATCH', '/workspaces/2', { slug: 'other' }],
  ['DELETE /workspaces/{id}', 'DELETE', '/workspaces/2'],
  ['POST /api-keys', 'POST', '/api-keys', { name: 'key' }],
  ['PATCH /api-keys/{id}', 'PATCH', '/api-keys/2', { name: 'other' }],
  ['POST /api-keys/{id}/rotate', 'POST', '/api-keys/2/rotate', {}],
  ['DELETE /api-keys/{id}', 'DELETE', '/api-keys/3'],
  ['POST /webhooks', 'POST', '/webhooks', { url: 'http://127.0.0.1:9/', events: ['post.created'] }],
  ['PATCH /webhooks/{id}', 'PATCH', '/webhooks/1', { description: 'one' }],
  ['DELETE /webhooks/{id}', 'DELETE', '/webhooks/1'],
  ['POST /events', 'POST', '/events', { type: 'post.created', data: {} }],
  ['POST /namespaces', 'POST', '/namespaces', { name: 'Space', owner_type: 'Workspace', owner_id: 1 }],
  ['PATCH /namespaces/{id}', 'PATCH', '/namespaces/1', { name: 'Other' }],
  ['DELETE /namespaces/{id}', 'DELETE', '/namespaces/1'],
  ['POST /entitlements/usage', 'POST', '/entitlements/usage', { feature: 'posts' }],
];

test('every request of the table is tried', () =>
  expect(requests.map(([name]) => name)).toEqual([...documented.keys()]));

test.each(requests)('%s appends what the table says', async (name, method, path, body) => {
  const types = await appended(method, path, body);
  // The number and the name are taken side by side.
  expect(types.sort()).toEqual(documented.get(name)?.split(', ').sort());
});
