// `npm test`: everything that needs no server. TEST_RESULTS = a file for the counts as JSON.
import { defineConfig } from 'vitest/config';

const results = process.env['TEST_RESULTS'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.servers.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    env: { NODE_ENV: 'test' },
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
  },
});
