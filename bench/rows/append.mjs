// Appends through the EventLog at 256 in flight against a bare write + fdatasync loop with the same bytes and batches.
import { spawn } from 'node:child_process';
import { startFlags } from '../lib/core.mjs';
import { alternate } from '../lib/pairs.mjs';

/** One child per measurement, so that neither side inherits the other's heap, with Node as `npm start` starts it; it reports its own CPU time. */
const child = (mode, input) =>
  new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [...startFlags, 'bench/lib/append.mjs', mode], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    running.stdout.on('data', (chunk) => {
      text += chunk;
    });
    running.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`append.mjs ${mode} ended with ${code}`)),
    );
    running.stdin.end(JSON.stringify(input ?? {}));
  });

export const run = async () => {
  let batches = [];
  const result = await alternate({
    name: 'EventLog.append, 256 in flight, about 500 bytes an event',
    target: 0.8,
    subject: {
      name: 'core-api event log, on disk',
      measure: async () => {
        const measured = await child('log');
        batches = measured.batches;
        return measured;
      },
    },
    baseline: {
      name: 'bare write + fdatasync, same bytes and batches',
      measure: () => child('bare', { batches }),
    },
  });
  return [result];
};
