// `npm run dev`: the compiler and the server both watch; ends both together.
import { spawn } from 'node:child_process';
import './build-if-needed.mjs';

const run = (...args) => spawn(process.execPath, args, { stdio: 'inherit' });
const children = [
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'),
  run('--watch', 'dist/main.js'),
];
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
