// Kills a server with -9 between a suspension and the record's saying so: the next start says it, once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type ServerProcess, startServer } from '../support/server.js';

const KEY = `sk_test_${'s'.repeat(40)}`;

let dir: string;
let server: ServerProcess;
const start = (more: Record<string, string> = {}, script?: string) =>
  startServer({ DATA_DIR: dir, BOOTSTRAP_API_KEY: KEY, ...more }, script);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-suspension-'));
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const call = async (method: string, path: string, body?: object) => {
  const response = await fetch(`${server.url}/api/v1/namespaces${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json()) as { data: { id: number; status: string }; allowed: boolean };
  return { status: response.status, etag: response.headers.get('etag'), body: answer };
};

it('is healed: a namespace says what was decided of it', { timeout: 120_000 }, async () => {
  const { id } = (await call('POST', '', { name: 'Client' })).body.data;
  const shown = () => call('GET', `/${id}?fields=status`);
  const isAllowed = async () =>
    (await call('POST', `/${id}/entitlements/check`, { feature: 'posts', quantity: 1 })).body.allowed;

  for (const [verb, status, allowed] of [
    ['suspend', 'suspended', false],
    ['resume', 'active', true],
  ] as const) {
    const before = await shown();
    await server.stop();
    server = await start({ DIES_BEFORE: 'NamespaceUpdated' }, 'test/support/dying.mjs');
    await expect(call('POST', `/${id}/entitlements/${verb}`)).rejects.toThrow();
    await server.kill(); // it is gone already

    server = await start();
    expect(await isAllowed()).toBe(allowed);
    await vi.waitUntil(async () => (await shown()).body.data.status === status, { timeout: 30_000 });
    const healed = await shown();
    expect(healed.etag).not.toBe(before.etag);
    expect((await call('POST', `/${id}/entitlements/${verb}`)).status).toBe(200);
    expect(await shown()).toEqual(healed);
  }
});
