import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** Once its input ends it logs 500 lines of a kilobyte, more than a pipe holds, ends the log and exits. */
const script = `
import { createLogger } from './dist/logger.js';
const { logger, end } = createLogger('info');
process.stdin.resume().once('end', async () => {
  for (let line = 1; line <= 500; line += 1) logger.info({ line, pad: 'x'.repeat(1_000) }, 'line');
  await end();
  process.exit(7);
});`;

describe('the end of the log', () => {
  let child: ChildProcessByStdio<Writable, Readable, null>;
  beforeEach(() => {
    child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  });
  afterEach(() => child.kill('SIGKILL'));

  const exitCode = async () => (await once(child, 'exit'))[0];

  it('writes every line to whoever reads', async () => {
    child.stdin.end();
    let text = '';
    for await (const chunk of child.stdout) text += chunk;
    const lines = text.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).line)).toEqual(
      Array.from({ length: 500 }, (_, at) => at + 1),
    );
  });

  it('does not wait for a reader who is gone', async () => {
    await once(child.stdout.destroy(), 'close');
    child.stdin.end();
    expect(await exitCode()).toBe(7);
  });

  it('does not wait for ever for a reader who does not read', async () => {
    child.stdin.end();
    expect(await exitCode()).toBe(7);
  });
});
