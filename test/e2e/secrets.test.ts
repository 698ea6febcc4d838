// Nothing secret or personal stands in clear in any file or server, log line or metric.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startReceiver } from '../support/receiver.js';
import { startServer } from '../support/server.js';
import { everythingStored } from '../support/stored.js';

const KEY = `sk_test_${'z'.repeat(40)}`;
const ADDRESS = '198.51.100.77';

it('keeps keys, webhook secrets, e-mail and client addresses out of all stores, logs, metrics and errors', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-secrets-'));
  const receiver = await startReceiver(() => ({ status: 500, body: 'no' }));
  const server = await startServer({
    DATA_DIR: dir,
    BOOTSTRAP_API_KEY: KEY,
    LOG_LEVEL: 'trace',
    TRUST_PROXY: 'true',
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
  });
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${KEY}`,
        'content-type': 'application/json',
        'x-forwarded-for': ADDRESS,
        'idempotency-key': crypto.randomUUID(),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await response.json()) as { data: Record<string, never> };
  };
  const key = String((await call('POST', '/api-keys', { name: 'k', scopes: ['*'] })).data['key']);
  const rotated = String((await call('POST', '/api-keys/2/rotate', {})).data['key']);
  const secret = String(
    (await call('POST', '/webhooks', { url: receiver.url, events: ['*'] })).data['secret'],
  );
  const next = String((await call('POST', '/webhooks/1/secret/rotate', {})).data['secret']);
  await call('POST', '/workspaces', { name: 'W' });
  await call('POST', '/workspaces', { name: 42, secret });
  await fetch(`${server.url}/api/v1/workspaces?key=${key}`, {
    headers: { authorization: `Bearer ${key}x`, 'x-forwarded-for': ADDRESS },
  });
  await receiver.waitFor(1);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  await server.stop();
  const stored = await everythingStored(dir);
  const everything = { ...stored, output: server.output(), metrics };
  for (const [name, hidden] of Object.entries({
    KEY,
    key,
    rotated,
    secret,
    next,
    base64: secret.slice(6),
    email: 'owner@example.com',
    ADDRESS,
  })) {
    expect(hidden.length, name).toBeGreaterThan(10);
    for (const [place, text] of Object.entries(everything))
      expect(text.includes(hidden), `${name} in ${place}`).toBe(false);
  }
  const { files, EventStoreDB = files, MongoDB, Redis } = stored;
  expect(EventStoreDB).toContain('WorkspaceCreated');
  if (MongoDB !== undefined) expect(MongoDB).toContain('workspaces_v1');
  if (Redis !== undefined) expect(Redis).toContain('idempotency');
  expect(everything.output).toContain('/api/v1/workspaces');
  await receiver.stop();
  await rm(dir, { recursive: true, force: true });
});
