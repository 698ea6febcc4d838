// `verify` reads the log file, also while a server writes it.
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { readConfig } from '../../src/config.js';
import { startServer } from '../support/server.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-verify-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const cli = (...args: string[]) => run(args, () => readConfig({ DATA_DIR: dir }));

it('says that a log is sound, also beside a running server, and where one is damaged', async () => {
  const server = await startServer({ DATA_DIR: dir });
  expect(await cli('verify')).toMatchObject({ code: 0, text: expect.stringMatching(/Every checksum holds/) });
  await server.stop();
  const file = join(dir, 'events.log');
  await writeFile(file, (await readFile(file, 'utf8')).replace('First key', 'Worst key'));
  const { code, text } = await cli('verify');
  expect(code).toBe(1);
  expect(text.split('\n').at(-1)).toMatch(/^DAMAGED at line \d+, byte \d+: /);
});

it('tells of an incomplete end, which is no damage', async () => {
  await cli('keys', 'create', '--email', 'ada@example.com');
  await appendFile(join(dir, 'events.log'), '{"half":');
  expect(await cli('verify')).toMatchObject({
    code: 0,
    text: expect.stringContaining('8 bytes at the end are no whole line'),
  });
});

it('refuses in one sentence when the log is on a server, whatever the folder holds', async () => {
  await cli('keys', 'create', '--email', 'ada@example.com');
  const servers = {
    EVENTSTORE_URL: 'esdb://127.0.0.1:9?tls=false',
    ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
  };
  const { code, text } = await run(['verify'], () => readConfig({ DATA_DIR: dir, ...servers }));
  expect(code).toBe(1);
  expect(text).toMatch(
    /^verify checks the hash chain of the embedded log[^.\n]*EVENTSTORE_URL is set[^.\n]*\.$/,
  );
});
