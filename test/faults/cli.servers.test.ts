// The command line while a server that it needs is away: one sentence that names the setting, and soon.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { readConfig } from '../../src/config.js';

it.concurrent.each([
  [{ EVENTSTORE_URL: 'esdb://127.0.0.1:9?tls=false' }, 'EVENTSTORE_URL: the server does not answer.'],
  [{ MONGODB_URL: 'mongodb://127.0.0.1:9' }, 'MONGODB_URL: the store of the read models does not answer.'],
])('keys list with %j', async (server, sentence) => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-cli-'));
  const settings = { DATA_DIR: dir, ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'), ...server };
  try {
    const begun = performance.now();
    expect(await run(['keys', 'list'], () => readConfig(settings))).toEqual({ code: 1, text: sentence });
    expect(performance.now() - begun).toBeLessThan(30_000);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
