// `npm run test:servers`: the files that talk to EventStoreDB (or its double), MongoDB and Redis, and the tests of the
// whole product from outside, which then run on those servers too.
import { defineConfig } from 'vitest/config';
import { leftOut } from './test/servers/left-out.js';
import main from './vitest.config.js';

export default defineConfig({
  test: {
    ...main.test,
    include: ['test/**/*.servers.test.ts', 'test/{http,e2e,crash}/**/*.test.ts'],
    exclude: Object.keys(leftOut),
    globalSetup: 'test/servers/global-setup.ts',
    setupFiles: 'test/servers/clean-up.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
