// Kills a server with -9 while usage is recorded: each record counts once, however often it was sent.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { sharedServers } from '../servers/shared.js';
import { type ServerProcess, startServer } from '../support/server.js';

const [ROUNDS, WRITERS, MOST] = sharedServers() ? [1, 4, 10] : [2, 12, 60];
const KEY = `sk_test_${'u'.repeat(40)}`;

let dir: string;
let server: ServerProcess;
const start = () => startServer({ DATA_DIR: dir, BOOTSTRAP_API_KEY: KEY });
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-usage-'));
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const call = async (path: string, body?: object, key?: string) => {
  const response = await fetch(`${server.url}/api/v1/entitlements/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as { current_usage: number } };
};

it('counts each record once', { timeout: 120_000 }, async () => {
  const counts = new Map<string, number>(); // idempotency key → the count that was answered
  let loading = true;
  let restarted: Promise<unknown> = Promise.resolve();

  /** One record, sent again under its key until it is answered twice, with the same. */
  const record = async () => {
    const key = randomUUID();
    for (let answers = 0; answers < 2; ) {
      const answer = await call('usage', { feature: 'posts' }, key).catch(() => undefined);
      if (!answer) {
        await restarted;
        continue;
      }
      if (answer.status !== 200) {
        expect([409, 503]).toContain(answer.status);
        continue;
      }
      expect(counts.get(key) ?? answer.body.current_usage).toBe(answer.body.current_usage);
      counts.set(key, answer.body.current_usage);
      answers += 1;
    }
  };
  const writers = Array.from({ length: WRITERS }, async () => {
    while (loading) await record();
  });

  for (let round = 0; round < ROUNDS; round++) {
    const enough = counts.size + 10 + Math.floor(Math.random() * MOST);
    await vi.waitUntil(() => counts.size >= enough, { timeout: 30_000, interval: 1 });
    restarted = server.kill().then(async () => {
      server = await start();
    });
    await restarted;
  }
  loading = false;
  await Promise.all(writers);

  const { body } = await call('check?feature=posts');
  expect(body.current_usage).toBe(counts.size);
  expect([...counts.values()].toSorted((left, right) => left - right)).toEqual(
    Array.from({ length: counts.size }, (_, n) => n + 1),
  );
});
