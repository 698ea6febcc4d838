// Kills a loaded server with -9 again and again: nothing acknowledged is lost, nothing is doubled, every webhook arrives.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { sharedServers } from '../servers/shared.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type ServerProcess, startServer } from '../support/server.js';

/** MongoDB's stand-in scans its documents: on servers there are fewer of them. */
const [ROUNDS, WRITERS, MOST] = sharedServers() ? [3, 4, 15] : [6, 12, 150];
const KEY = `sk_test_${'k'.repeat(40)}`;

let dir: string;
let receiver: Receiver;
let server: ServerProcess;

const call = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(10_000),
  });
  return {
    status: response.status,
    body: response.status === 204 ? undefined : ((await response.json()) as Record<string, never>),
  };
};

const start = () =>
  startServer({
    DATA_DIR: dir,
    BOOTSTRAP_API_KEY: KEY,
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    WEBHOOK_RETRY_SCHEDULE: '0,1,2,3,4,5,6,7,8,9',
    WEBHOOK_DISABLE_AFTER: '1000000',
  });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-crash-'));
  receiver = await startReceiver();
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await receiver.stop();
  await rm(dir, { recursive: true, force: true });
});

it('keeps every acknowledged write, one resource per idempotency key, and delivers every webhook', {
  timeout: 180_000,
}, async () => {
  await call('POST', '/webhooks', { url: receiver.url, events: ['workspace.created', 'post.created'] });
  const workspaces = new Map<string, Set<string>>(); // idempotency key → ids that were answered
  const posts = new Set<string>();
  let loading = true;
  let answered = 0;
  let restarted: Promise<unknown> = Promise.resolve();

  /** One write, tried again under its key across crashes until it is answered. */
  const write = async () => {
    const key = randomUUID();
    const answers = new Set<string>();
    workspaces.set(key, answers);
    let tries = 0;
    while (answers.size === 0 || tries++ < 1) {
      try {
        const { status, body } = await call(
          'POST',
          '/workspaces',
          { name: `W ${key}` },
          { 'idempotency-key': key },
        );
        if (status === 201) {
          answers.add(JSON.stringify(body));
          answered += 1;
        } else expect([409, 503]).toContain(status);
      } catch (error) {
        if (error instanceof Error && error.name === 'AssertionError') throw error;
        await restarted;
      }
    }
    const id = `post-${key}`;
    const { status } = await call('POST', '/events', { type: 'post.created', data: { key }, id }).catch(
      () => ({ status: 0 }),
    );
    if (status === 202) posts.add(key);
  };
  const writers = Array.from({ length: WRITERS }, async () => {
    while (loading) await write();
  });

  for (let round = 0; round < ROUNDS; round++) {
    const enough = answered + 10 + Math.floor(Math.random() * MOST);
    await vi.waitUntil(() => answered >= enough, { timeout: 30_000, interval: 1 });
    restarted = server.kill().then(async () => {
      server = await start();
    });
    await restarted;
  }
  loading = false;
  await Promise.all(writers);

  expect(workspaces.size).toBeGreaterThan(ROUNDS * 5);
  const names = new Map<string, number>();
  for (let page = 1; ; page++) {
    const { body } = await call('GET', `/workspaces?per_page=100&page=${page}`);
    const rows = (body?.['data'] ?? []) as { name: string }[];
    for (const { name } of rows) names.set(name, (names.get(name) ?? 0) + 1);
    if (rows.length < 100) break;
  }
  for (const [key, answers] of workspaces) {
    expect(answers.size, 'a replay answers as the first try did').toBe(1);
    expect(names.get(`W ${key}`), 'one workspace per idempotency key').toBe(1);
  }

  /** What arrived so far, each body read once. */
  const arrived = new Set<string>();
  let read = 0;
  const missing = () => {
    for (; read < receiver.requests.length; read++) {
      const { data } = JSON.parse(receiver.requests[read]?.body ?? '{}') as {
        data: { name?: string; key?: string };
      };
      arrived.add(data.name ?? `post ${data.key}`);
    }
    return (
      [...workspaces.keys()].filter((key) => !arrived.has(`W ${key}`)).length +
      [...posts].filter((key) => !arrived.has(`post ${key}`)).length
    );
  };
  await vi.waitUntil(() => missing() === 0, { timeout: 60_000, interval: 50 });

  const { body } = await call('GET', '/webhooks');
  const endpoint = ((body?.['data'] ?? []) as { id: number }[])[0]?.id;
  const seen = new Set<string>();
  for (let page = 1; ; page++) {
    const list = await call('GET', `/webhooks/${endpoint}/deliveries?per_page=100&page=${page}`);
    const rows = (list.body?.['data'] ?? []) as { event_id: string }[];
    for (const { event_id } of rows) {
      expect(seen.has(event_id), 'one delivery record per event and endpoint').toBe(false);
      seen.add(event_id);
    }
    if (rows.length < 100) break;
  }
  expect(seen.size).toBeGreaterThanOrEqual(workspaces.size);
});
