// `npm run test:servers`: the files that talk to EventStoreDB (or its double), MongoDB and Redis.
import { defineConfig } from 'vitest/config';
import main from './vitest.config.js';

export default defineConfig({
  test: { ...main.test, include: ['test/**/*.servers.test.ts'], exclude: [] },
});
