// The row `servers` of the bench runs to its end on whatever the tests run on, and gives no figure when it is told not to.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { shared } from './servers/shared.js';

const servers = { EVENTSTORE_URL: 'eventstore', MONGODB_URL: 'mongodb', REDIS_URL: 'redis' } as const;
const found = Object.entries(servers).map(([setting, name]) => ({ setting, server: shared(name) }));

test.skipIf(found.some(({ server }) => 'skipped' in server))(
  '`npm run bench -- servers --dry` ends well and prints no figure',
  async () => {
    const urls = found.map(({ setting, server }) => [setting, 'url' in server ? server.url : '']);
    const { stdout } = await promisify(execFile)('npm', ['run', 'bench', '--', 'servers', '--dry'], {
      env: { ...process.env, ...Object.fromEntries(urls) },
    });
    expect(stdout.match(/ran to its end; no figure: a dry run/g)).toHaveLength(4);
    expect(stdout).not.toMatch(/ratio of|\d\/s/);
  },
  120_000,
);
