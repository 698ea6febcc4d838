// What the process says of itself while it starts, while something fails, and while the log takes no writes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import { type ReadModels, StoreUnavailable } from '../../src/adapters/read-models/port.js';
import { answerOf, watchWrites } from '../../src/app/health.js';
import { buildApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { newId } from '../../src/domain/ids.js';
import { createLogger } from '../../src/logger.js';
import { ownAppends } from '../../src/projections/own-appends.js';
import { startTestApp, TEST_KEY, type TestApp } from '../support/api.js';
import { faultyFs } from '../support/faulty-fs.js';
import { recorded } from '../support/projected.js';

const ready = async (url: string) => {
  const answer = await fetch(`${url}/ready`);
  const { reasons } = (await answer.json()) as { reasons: string[] };
  return { status: answer.status, reasons };
};

describe('a process that has not caught up yet', () => {
  it('answers probes, and tells requests to come again', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
    const config = readConfig({ PORT: '0', DATA_DIR: dir, BOOTSTRAP_API_KEY: TEST_KEY });
    const app = await buildApp(config, createLogger('silent').logger);
    const url = await app.listen();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await ready(url)).toMatchObject({ status: 503, reasons: [expect.stringContaining('caught up')] });
    const list = () =>
      fetch(`${url}/api/v1/workspaces`, {
        headers: { authorization: `Bearer ${TEST_KEY}`, 'x-api-dialect': '2024' },
      });
    const early = await list();
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await early.json()).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    await app.start();
    expect([(await list()).status, (await ready(url)).status]).toEqual([200, 200]);
    await app.stop();
    await rm(dir, { recursive: true, force: true });
  });
});

describe('a process that serves', () => {
  let app: TestApp;
  afterEach(() => app.stop());

  it('is not ready while a read model cannot be stored, and says which', async () => {
    app = await startTestApp({ EVENTSTORE_URL: '', MONGODB_URL: '', REDIS_URL: '' });
    expect(await ready(app.url)).toMatchObject({ status: 200, reasons: [] });
    const { readModels } = app.app.stores as { readModels: ReadModels };
    const { apply } = readModels;
    readModels.apply = async (model, ...rest) => {
      if (model === 'meters') throw new StoreUnavailable('MONGODB_URL', new Error('away'));
      await apply(model, ...rest);
    };
    await app.call('POST', '/entitlements/usage', { body: { feature: 'api_calls' } });
    const { status, reasons } = await ready(app.url);
    expect(status).toBe(503);
    expect(reasons.join('\n')).toMatch(
      /meters fails at the event at position \d+: MONGODB_URL: no answer \(away\)/,
    );
    readModels.apply = apply;
    while ((await ready(app.url)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await ready(app.url)).toMatchObject({ status: 200, reasons: [] });
  });
});

describe('a log that refuses writes', () => {
  it('is told for as long as nobody has written, and not for ever', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
    const { fs, fail, heal } = faultyFs();
    const log = await openEmbeddedLog({ dir, fs });
    let now = 0;
    const writes = watchWrites(() => now);
    const own = ownAppends(log, writes.heard);
    const write = () =>
      own.log.append('a', [{ ...recorded({ type: 'Made', data: {} }, 'a'), id: newId() }], 'any');
    await write();
    expect(writes.refused()).toBeUndefined();
    fail('write', 'ENOSPC');
    await expect(write()).rejects.toThrow();
    expect(writes.refused()).toBe('The event log refuses writes: The event log could not write to the disk.');
    now += 16_000;
    expect(writes.refused()).toBeUndefined();
    await expect(write()).rejects.toThrow();
    heal();
    await write();
    expect(writes.refused()).toBeUndefined();
    await log.close();
    await rm(dir, { recursive: true, force: true });
  });
});

it('nobody is waited for longer than that', async () => {
  await expect(answerOf(new Promise(() => undefined), 10)).rejects.toThrow('no answer within 10 ms');
  expect(await answerOf(Promise.resolve(7), 10)).toBe(7);
});
