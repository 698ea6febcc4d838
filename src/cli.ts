#!/usr/bin/env node
// The command line: node dist/cli.js, or npm run cli -- <command>.
import { run } from './cli/run.js';
import { loadConfig } from './config.js';

const { code, text } = await run(process.argv.slice(2), loadConfig);
if (code === 0) console.log(text);
else console.error(text);
process.exitCode = code;
