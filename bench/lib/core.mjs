// Our server under test: the real one, all middleware on, on a fresh folder.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScript } from './process.mjs';

const KEY = `sk_test_${'b'.repeat(40)}`;
const KEYS = 24;
/** What `npm start` tells Node about its memory. */
const flags = /--max\S+/g;
export const startFlags = JSON.parse(readFileSync('package.json', 'utf8')).scripts.start.match(flags) ?? [];

/**
 * Starts dist/main.js on a temporary DATA_DIR; `stop` removes it. `keys`: so many that no key reaches its rate limit,
 * with the limiter at work all the same.
 */
export const startCore = async (env = {}, nodeArguments = [], keyCount = KEYS) => {
  const dir = mkdtempSync(join(tmpdir(), 'core-api-bench-'));
  const server = await startScript('dist/main.js', { DATA_DIR: dir, BOOTSTRAP_API_KEY: KEY, ...env }, [
    ...startFlags,
    ...nodeArguments,
  ]);
  const keys = [];
  for (let n = 0; n < keyCount; n++) {
    const response = await fetch(`${server.url}/api/v1/api-keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `bench ${n}`, scopes: ['*'] }),
    });
    keys.push((await response.json()).data.key);
  }
  return {
    ...server,
    dir,
    keys,
    stop: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
