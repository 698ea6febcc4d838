// One process at a time works on a folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startServer } from '../support/server.js';

it('a second process refuses to start on the folder of the first, in one sentence', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-folder-'));
  const holder = await startServer({ DATA_DIR: dir });
  await expect(startServer({ DATA_DIR: dir })).rejects.toThrow(/is in use by another process/);
  await holder.stop();
  await rm(dir, { recursive: true });
});
