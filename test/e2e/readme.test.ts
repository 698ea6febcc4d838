// Lives through README.md: every request with its answer, every receiver with a real webhook.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { receivers, requests, steady } from '../support/readme.js';
import { type ServerProcess, startServer } from '../support/server.js';

let dir: string;
let server: ServerProcess;
let key: string;

const sh = (command: string): string =>
  execFileSync('sh', ['-c', command], { env: { PATH: process.env['PATH'], KEY: key }, encoding: 'utf8' });
const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-readme-'));
  await symlink(resolve('node_modules'), join(dir, 'node_modules'));
  server = await startServer({ DATA_DIR: join(dir, 'data'), WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
  key = await server.printed(/sk_live_\w+/);
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** How a receiver is started, or why it cannot be here. */
const interpreter = (file: string, port: number): { command: string[]; missing?: string } => {
  const can = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
  if (file.endsWith('.mjs')) return { command: [process.execPath, file] };
  if (file.endsWith('.php'))
    return {
      command: ['php', '-S', `127.0.0.1:${port}`, file],
      ...(can('php', '--version') ? {} : { missing: 'php' }),
    };
  if (file === 'receive.py' && !can('python3', '-c', 'import standardwebhooks'))
    return { command: [], missing: 'the Python package standardwebhooks' };
  return { command: ['python3', file], ...(can('python3', '--version') ? {} : { missing: 'python3' }) };
};

describe('the README', () => {
  it('shows requests and receivers', () => {
    expect(requests()).toHaveLength(11);
    expect(receivers().map(({ file }) => file)).toEqual([
      'receive.mjs',
      'by-hand.mjs',
      'receive.py',
      'by_hand.py',
      'receive.php',
    ]);
  });

  it('shows the answers that its requests get, in order, with a receiver on the port that it names', {
    timeout: 60_000,
  }, async () => {
    const port = await freePort();
    const [first] = receivers();
    await writeFile(join(dir, 'receive.mjs'), first?.text ?? '');
    const receiver = spawn(process.execPath, ['receive.mjs'], {
      cwd: dir,
      env: { PORT: `${port}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const verified = once(receiver.stdout, 'data');
    for (const { command, answer } of requests()) {
      const local = command
        .replaceAll('http://127.0.0.1:3000', server.url)
        .replaceAll('127.0.0.1:4000', `127.0.0.1:${port}`);
      // The delivery is under way when its list is asked for: that one is asked again until it has ended.
      if (local.includes('/deliveries')) {
        await verified;
        await expect.poll(() => sh(local), { timeout: 10_000 }).toContain('"success"');
      }
      expect(steady(JSON.parse(sh(local))), command).toEqual(steady(answer));
    }
    receiver.kill();
    expect(String(await verified)).toBe('verified post.created\n');
  });

  for (const { file, text } of receivers())
    it(`verifies webhooks with ${file}, and refuses a forged one`, { timeout: 30_000 }, async ({ skip }) => {
      const port = await freePort();
      const { command, missing } = interpreter(file, port);
      if (missing !== undefined) skip(`${missing} is not installed`);
      await writeFile(join(dir, file), text);
      const [program = '', ...args] = command;
      const receiver = spawn(program, args, {
        cwd: dir,
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: `${port}` },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let printed = '';
      for (const stream of [receiver.stdout, receiver.stderr])
        stream.on('data', (chunk: Buffer) => (printed += chunk));
      const forged = () =>
        fetch(`http://127.0.0.1:${port}/`, {
          method: 'POST',
          body: '{"type":"forged"}',
          headers: {
            'webhook-id': 'evt_1',
            'webhook-timestamp': `${Math.floor(Date.now() / 1000)}`,
            'webhook-signature': 'v1,AAAA',
            'x-webhook-timestamp': `${Math.floor(Date.now() / 1000)}`,
            'x-webhook-signature': 'aa',
          },
        }).then(
          ({ status }) => status,
          () => 0,
        );
      await expect.poll(forged, { timeout: 15_000 }).toBe(400);
      const endpoint = JSON.parse(
        sh(
          `curl -s ${server.url}/api/v1/webhooks -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"url":"http://127.0.0.1:${port}/","events":["probe.sent"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}'`,
        ),
      ) as { data: { id: number } };
      sh(
        `curl -s ${server.url}/api/v1/events -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"type":"probe.sent","data":{"text":"ünï"}}'`,
      );
      await expect.poll(() => printed, { timeout: 15_000 }).toContain('verified probe.sent');
      sh(
        `curl -s -X DELETE ${server.url}/api/v1/webhooks/${endpoint.data.id} -H "Authorization: Bearer $KEY"`,
      );
      expect(printed).not.toContain('verified forged');
      receiver.kill();
    });
});
