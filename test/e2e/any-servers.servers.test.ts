// Any of the three servers may be used, each on its own: the main job works the same in one process.
import { describe, expect, it } from 'vitest';
import { sharedServers } from '../servers/shared.js';
import { startTestApp } from '../support/api.js';
import { startReceiver } from '../support/receiver.js';

const settings = ['EVENTSTORE_URL', 'MONGODB_URL', 'REDIS_URL'] as const;
const servers = sharedServers();
const usable = {
  EVENTSTORE_URL: servers?.eventstore,
  MONGODB_URL: servers?.mongodb,
  REDIS_URL: servers?.redis,
};

const subsets: (typeof settings)[number][][] = [[]];
for (const name of settings) subsets.push(...subsets.map((subset) => [...subset, name]));
const cases = subsets.map((which) => ({
  name: which.join(' + ') || 'nothing',
  /** What is not used is set to nothing. */
  overrides: Object.fromEntries(settings.filter((name) => !which.includes(name)).map((name) => [name, ''])),
  skip: which.some((name) => !('url' in (usable[name] ?? {}))),
}));

describe.each(cases)('one process on $name', ({ overrides, skip }) => {
  it.skipIf(skip)('creates once, lists, delivers, and finds all again after a restart', async () => {
    const receiver = await startReceiver();
    const app = await startTestApp({ ...overrides, WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
    try {
      const hook = { url: receiver.url, events: ['workspace.created'] };
      expect((await app.call('POST', '/webhooks', { body: hook })).status).toBe(201);
      const create = () =>
        app.call('POST', '/workspaces', { body: { name: 'Acme' }, headers: { 'idempotency-key': 'once' } });
      const made = await create();
      expect(made.status).toBe(201);
      expect((await create()).body).toEqual(made.body);
      const listed = (await app.call('GET', '/workspaces')).body.data as { name: string }[];
      expect(listed.filter(({ name }) => name === 'Acme')).toHaveLength(1);
      const [delivered] = await receiver.waitFor(1);
      expect(JSON.parse(delivered?.body ?? '').data.name).toBe('Acme');

      await app.restart();
      expect((await app.call('GET', `/workspaces/${made.body.data.id}`)).body.data.name).toBe('Acme');
      expect((await create()).body).toEqual(made.body);
      expect((await fetch(`${app.url}/ready`)).status).toBe(200);
    } finally {
      await app.stop();
      await receiver.stop();
    }
  });
});
