import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { readConfig } from '../../src/config.js';
import { type ServerProcess, startServer } from '../support/server.js';
import { storeSettings } from '../support/stores.js';

let dir: string;
let server: ServerProcess | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-'));
});
afterEach(async () => {
  await server?.kill();
  server = undefined;
  await rm(dir, { recursive: true, force: true });
});

type Spawned = { readonly code: number; readonly out: string; readonly err: string; readonly last: string };

/** Runs the built command line to its end, as a user does. */
const spawned = (args: readonly string[], more: Record<string, string> = {}): Promise<Spawned> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], DATA_DIR: dir, ...storeSettings(dir), ...more };
    execFile(process.execPath, ['dist/cli.js', ...args], { env }, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve({ code, out, err, last: out.trimEnd().split('\n').at(-1) ?? '' });
    });
  });
/** The same without a process of its own. */
const cli = (...args: string[]) => run(args, () => readConfig({ DATA_DIR: dir, ...storeSettings(dir) }));
const lastLine = ({ text }: { text: string }): string => text.split('\n').at(-1) ?? '';

const start = async () => {
  server = await startServer({ DATA_DIR: dir });
  return server;
};
const statusWith = async (key: string, path = '/workspaces', method = 'GET') => {
  const headers = { Authorization: `Bearer ${key}` };
  return (await fetch(`${server?.url}/api/v1${path}`, { method, headers })).status;
};

describe('keys create', () => {
  it('without a server makes user, workspace and key; the last line is the key alone, and a server then takes it', async () => {
    const { code, last, out, err } = await spawned(['keys', 'create', '--email', 'ada@example.com']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(last).toMatch(/^sk_live_[A-Za-z0-9]{40}$/);
    expect(out).toContain('API key 1 (key_');
    const { output } = await start();
    expect(await statusWith(last)).toBe(200);
    // The log was not empty any more.
    expect(output()).not.toContain('first API key');
  });

  it('beside a running server makes a key that works at once, with the scopes that were asked for', async () => {
    await start();
    const args = ['--email', 'ada@example.com', '--scopes', 'read, posts:*', '--name', 'Reader'];
    const { code, last, err } = await spawned(['keys', 'create', ...args]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(await statusWith(last)).toBe(200);
    expect(await statusWith(last, '/workspaces', 'POST')).toBe(403);
    const { text } = await cli('keys', 'list', '--json');
    expect(JSON.parse(text)).toMatchObject([
      { id: 1, name: 'First key' },
      { id: 2, name: 'Reader', scopes: ['read', 'posts:*'], status: 'active' },
    ]);
    expect(text).not.toContain(last);
  });

  it('for a workspace takes its id in any form, and says when there is none', async () => {
    await cli('keys', 'create', '--email', 'ada@example.com');
    const made = await cli(
      'keys',
      'create',
      '--email',
      'bob@example.com',
      '--workspace',
      '1',
      '--role',
      'member',
    );
    expect(made).toMatchObject({ code: 0, text: expect.stringContaining('for workspace 1,') });
    const nowhere = await cli('keys', 'create', '--email', 'bob@example.com', '--workspace', '99');
    expect(nowhere).toEqual({ code: 1, text: 'There is no workspace 99.' });
  });

  it.each([
    [['--email', 'nonsense'], 'That is no e-mail address.'],
    [['--email', 'a@b.c', '--scopes', 'posts'], 'posts is no scope; posts:read, *:read, read and * are.'],
    [['--email', 'a@b.c', '--role', 'king'], 'A role is one of owner, admin, member.'],
    [['--email', 'a@b.c', '--name', ' '], 'The name is empty.'],
  ])('refuses %j in one sentence', async (args, sentence) => {
    expect(await cli('keys', 'create', ...args)).toEqual({ code: 1, text: sentence });
  });
});

describe('keys revoke', () => {
  it('beside a running server ends the key at once; it is then listed as revoked only', async () => {
    const key = lastLine(await cli('keys', 'create', '--email', 'ada@example.com'));
    await start();
    expect(await statusWith(key)).toBe(200);
    expect(await cli('keys', 'revoke', '1')).toEqual({
      code: 0,
      text: 'API key 1 "Command line key" is revoked.',
    });
    expect(await statusWith(key)).toBe(401);
    expect(await cli('keys', 'list')).toEqual({ code: 0, text: 'There are no API keys.' });
    expect((await cli('keys', 'list', '--status', 'revoked')).text).toMatch(
      /^ID +KEY.*\n1 +sk_live_...… +revoked +1 /,
    );
    expect(await cli('keys', 'revoke', '1')).toEqual({
      code: 1,
      text: 'API key 1 has already been revoked.',
    });
  });

  it('does not take a key for an id, nor repeat it', async () => {
    const key = lastLine(await cli('keys', 'create', '--email', 'ada@example.com'));
    const sentence = 'Name the key by its id: keys list shows it.';
    expect(await cli('keys', 'revoke', key)).toEqual({ code: 1, text: sentence });
    expect(await cli('keys', 'revoke', '7')).toEqual({ code: 1, text: 'There is no API key 7.' });
  });
});

describe('the command line', () => {
  it.each([[[]], [['help']], [['--help']], [['keys', 'create', '--help']]])(
    'with %j shows its usage',
    async (args) => {
      const { code, text } = await cli(...args);
      expect(code).toBe(0);
      expect(text).toContain('keys create --email <address>');
    },
  );

  it.each([
    [['fly'], 'There is no command fly.'],
    [['keys'], 'keys what? create, list or revoke.'],
    [['keys', 'constructor'], 'There is no command keys constructor.'],
    [['keys', 'create'], 'keys create needs --email.'],
    [['keys', 'create', '--email', 'a@b.c', '--colour', 'red'], "Unknown option '--colour'."],
    [['keys', 'revoke'], 'That takes exactly one id.'],
    [['keys', 'revoke', '1', '2'], 'That takes exactly one id.'],
    [['verify', '--fast'], 'verify takes no options.'],
  ])('ends %j as not understood, with one sentence', async (args, sentence) => {
    const { code, text } = await cli(...args);
    expect(code).toBe(2);
    expect(text.split('\n')[0]).toBe(sentence);
  });

  it('prints what went wrong on standard error alone, without the values of settings', async () => {
    const { code, out, err } = await spawned(['keys', 'list'], { BOOTSTRAP_API_KEY: 'my-secret' });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^BOOTSTRAP_API_KEY must be .*\.\n$/);
    expect(err).not.toContain('my-secret');
  });
});
