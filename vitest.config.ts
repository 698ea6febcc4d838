import { defineConfig } from 'vitest/config';

/** `npm test` needs no server; `npm run test:servers` (TEST_SERVERS=1) runs the files that talk to one. */
const servers = process.env['TEST_SERVERS'] === '1';
/** Where to write the counts as JSON, besides the terminal. */
const results = process.env['TEST_RESULTS'];

export default defineConfig({
  test: {
    include: servers ? ['test/**/*.servers.test.ts'] : ['test/**/*.test.ts'],
    exclude: servers ? [] : ['test/**/*.servers.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    env: { NODE_ENV: 'test' },
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
  },
});
