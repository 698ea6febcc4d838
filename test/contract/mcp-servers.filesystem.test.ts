// The built-in filesystem server: what it does, and that nothing leads out of a workspace's folder.
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { filesystemServer } from '../../src/adapters/mcp-servers/filesystem.js';
import type { McpServer } from '../../src/adapters/mcp-servers/port.js';
import type { JsonObject } from '../../src/domain/decider.js';
import { DomainError } from '../../src/domain/errors.js';

const workspace = '01980000-0000-7000-8000-000000000001';
const neighbour = '01980000-0000-7000-8000-000000000002';
let dir: string;
let home: string;
let server: McpServer;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-files-'));
  home = join(dir, 'files', workspace);
  server = filesystemServer(join(dir, 'files'));
  await mkdir(join(dir, 'files', neighbour), { recursive: true });
  await mkdir(home);
  await writeFile(join(dir, 'outside.txt'), 'outside');
  await writeFile(join(dir, 'files', neighbour, 'theirs.txt'), 'theirs');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const call = (tool: string, args: JsonObject) => server.call(tool, args, workspace);
const read = (path: string) => call('read_file', { path });
const write = (path: string, content = 'mine') => call('write_file', { path, content });
const list = (path: string) => call('list_directory', { path });

/** Refused for its path, and in these words. */
const refused = async (work: Promise<unknown>, sentence: RegExp | string) => {
  const error = await work.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DomainError);
  const { code, details } = error as DomainError;
  expect([code, Object.keys(details.errors ?? {})]).toEqual(['validation_failed', ['arguments.path']]);
  expect(details.errors?.['arguments.path']?.join()).toMatch(sentence);
};
const missing = async (work: Promise<unknown>, message: string) =>
  expect(await work.catch((error: unknown) => error)).toMatchObject({ code: 'not_found', message });

describe('files', () => {
  test('are written, with missing folders, and read; a leading / is the workspace’s folder', async () => {
    expect(await write('/notes/2026/a.txt', 'Hällo')).toEqual({ path: '/notes/2026/a.txt', size: 6 });
    for (const path of ['/notes/2026/a.txt', 'notes/2026/a.txt', './notes//2026/./a.txt'])
      expect(await read(path)).toEqual({ content: 'Hällo', size: 6 });
    expect(await readFile(join(home, 'notes/2026/a.txt'), 'utf8')).toBe('Hällo');
  });
  test('are replaced whole, and leave nothing beside them', async () => {
    await write('a.txt', 'long text');
    await write('a.txt', '');
    expect(await read('a.txt')).toEqual({ content: '', size: 0 });
    expect(await readdir(home)).toEqual(['a.txt']);
  });
  test('that are no text are read and written as base64', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x41]);
    await call('write_file', { path: 'b.png', content: bytes.toString('base64'), encoding: 'base64' });
    expect(await read('b.png')).toEqual({ content: '/wBB', size: 3, encoding: 'base64' });
    expect(await server.read('filesystem://b.png', workspace)).toEqual({
      content: '/wBB',
      mimeType: 'image/png',
      encoding: 'base64',
    });
    await expect(
      call('write_file', { path: 'b.png', content: 'no base64', encoding: 'base64' }),
    ).rejects.toMatchObject({ details: { errors: { 'arguments.content': [expect.any(String)] } } });
  });
  test('of a folder are listed by name, with kind and size; links show nothing of where they lead', async () => {
    await write('b.txt', 'bb');
    await write('a/c.txt', 'c');
    await symlink(join(dir, 'outside.txt'), join(home, 'z'));
    expect(await list('/')).toEqual({
      entries: [
        { name: 'a', type: 'directory', size: 0 },
        { name: 'b.txt', type: 'file', size: 2 },
        { name: 'z', type: 'other', size: 0 },
      ],
    });
    expect(await list('a/')).toEqual({ entries: [{ name: 'c.txt', type: 'file', size: 1 }] });
  });
  test('of a folder are listed up to 5,000; what is on its way into place does not count', async () => {
    await mkdir(join(home, 'full'));
    for (let n = 0; n < 5_000; n++) writeFileSync(join(home, 'full', `${n}`), '');
    await writeFile(join(home, 'full', `.${crypto.randomUUID()}.writing`), '');
    expect((await list('full')) as object).toHaveProperty('entries.length', 5_000);
    await writeFile(join(home, 'full', 'another'), '');
    await refused(list('full'), 'names a directory of more than 5000 entries');
  });

  test('that many callers reach for at once do not use up what the process may have open', async () => {
    const path = `${'folder/'.repeat(31)}a.txt`;
    await write(path);
    const before = (await readdir('/dev/fd')).length;
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, readdirSync('/dev/fd').length - before);
    }, 1);
    const all = await Promise.all(Array.from({ length: 300 }, () => read(path)));
    clearInterval(watching);
    expect(all).toEqual(Array(300).fill({ content: 'mine', size: 4 }));
    expect(most).toBeLessThan(150);
    expect((await readdir('/dev/fd')).length).toBeLessThanOrEqual(before);
  });

  test('of up to 1 MiB are read; larger ones are refused', async () => {
    await writeFile(join(home, 'most'), Buffer.alloc(1_048_576, 'x'));
    expect(await read('most')).toMatchObject({ size: 1_048_576 });
    await writeFile(join(home, 'more'), Buffer.alloc(1_048_577, 'x'));
    await refused(read('more'), '1 MiB');
  });
  test('of one workspace are not those of another', async () => {
    await missing(read('theirs.txt'), 'File not found.');
    expect(await server.call('read_file', { path: 'theirs.txt' }, neighbour)).toMatchObject({
      content: 'theirs',
    });
  });
});

describe('what is not there, or something else', () => {
  test('a missing file or folder is not found', async () => {
    await missing(read('none.txt'), 'File not found.');
    await missing(read('none/none.txt'), 'File not found.');
    await missing(list('none'), 'Directory not found.');
    expect(await server.read('filesystem://none', workspace).catch((error) => error.code)).toBe('not_found');
  });
  test('a directory is no file, and a file no directory', async () => {
    await write('a/b.txt');
    await refused(read('a'), 'names a directory');
    await refused(read('/'), 'names a directory');
    await refused(write('a'), 'names a directory');
    await refused(write('new/'), 'names a directory');
    await refused(list('a/b.txt'), 'no directory');
    await refused(read('a/b.txt/c'), 'no directory');
    await refused(write('a/b.txt/c'), 'no directory');
  });
  test('pipes and sockets are neither, and nobody waits for them', async () => {
    execFileSync('mkfifo', [join(home, 'pipe')]);
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(home, 'socket'), resolve));
    await refused(read('pipe'), 'neither');
    await refused(write('pipe'), 'neither');
    await refused(read('socket'), 'neither');
    await new Promise((resolve) => socket.close(resolve));
  });
  test('when the folder itself is out of reach, the tool has failed, and no path is told', async () => {
    const broken = filesystemServer(join(dir, 'outside.txt'));
    const error = await broken.call('list_directory', { path: '/' }, workspace).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'ToolError', kind: 'failed' });
    expect(error.message).not.toContain(dir);
  });
});

const leading = [
  '..',
  '../outside.txt',
  '../../outside.txt',
  '/../outside.txt',
  'a/../../outside.txt',
  'a/..',
  `../${neighbour}/theirs.txt`,
  '%2e%2e/outside.txt',
  '%2E%2E%2Foutside.txt',
  '..%2foutside.txt',
  '%252e%252e%252foutside.txt',
  '..\\outside.txt',
  'a\\..\\..\\outside.txt',
  '\\outside.txt',
  '%5c..%5coutside.txt',
  '..%00.txt',
];

describe('a path that would lead out', () => {
  test.each(leading)('is refused: %s', async (path) => {
    await refused(read(path), 'leads out');
    await refused(write(path), 'leads out');
    await refused(list(path), 'leads out');
    await refused(server.read(`filesystem://${path}`, workspace), 'leads out');
    expect(await readFile(join(dir, 'outside.txt'), 'utf8')).toBe('outside');
  });
  test('is refused when it holds NUL or other control characters', async () => {
    for (const path of ['a\u0000.txt', '../\u0000', 'a\n', '\u007f'])
      for (const work of [read, write, list]) await refused(work(path), 'control characters');
  });
  test('is refused when it is endless', async () => {
    for (const path of ['a/'.repeat(600), 'a/'.repeat(40), 'x'.repeat(300)]) await refused(write(path), /./);
  });
  test('by an absolute address finds nothing: / is the workspace’s folder', async () => {
    await missing(read('/etc/passwd'), 'File not found.');
    await missing(read(join(dir, 'outside.txt')), 'File not found.');
  });
});

describe('a symbolic link', () => {
  test('to a file outside is neither read nor written through', async () => {
    await symlink(join(dir, 'outside.txt'), join(home, 'link.txt'));
    await refused(read('link.txt'), 'leads out');
    await refused(write('link.txt'), 'leads out');
    expect(await readFile(join(dir, 'outside.txt'), 'utf8')).toBe('outside');
  });
  test('to a folder outside is not gone through', async () => {
    await symlink(dir, join(home, 'link'));
    await refused(read('link/outside.txt'), 'leads out');
    await refused(write('link/new.txt'), 'leads out');
    await refused(write('link/new/new.txt'), 'leads out');
    await refused(list('link'), 'leads out');
    await refused(list('link/files'), 'leads out');
    expect((await readdir(dir)).toSorted()).toEqual(['files', 'outside.txt']);
  });
  test('to a neighbour, to itself, to nothing and within the folder is refused alike', async () => {
    await write('real/a.txt');
    for (const target of [`../${neighbour}`, 'loop', 'nothing', 'real', '.']) {
      await symlink(target, join(home, 'loop'));
      await refused(read('loop/a.txt'), 'leads out');
      await refused(write('loop/new.txt'), 'leads out');
      await refused(write('loop'), 'leads out');
      await rm(join(home, 'loop'));
    }
  });
  test('that takes a folder’s place while files are written and read never leads out', async () => {
    const secret = join(dir, 'secret');
    await mkdir(secret);
    await writeFile(join(secret, 'a.txt'), 'secret');
    await write('sub/a.txt', 'mine');
    let going = true;
    const [sub, aside] = [join(home, 'sub'), join(home, 'aside')];
    const swap = async () => {
      await rename(sub, aside);
      await symlink(secret, sub);
      await rm(sub);
      await rename(aside, sub);
    };
    const swapping = (async () => {
      while (going)
        await swap().catch(async () => {
          // A write has made the folder anew in the gap.
          await rm(sub, { recursive: true, force: true });
          await rename(aside, sub).catch(() => undefined);
        });
    })();
    const seen = new Set<unknown>();
    for (let n = 0; n < 150; n += 1) {
      const got = await read('sub/a.txt').catch((error: unknown) => error);
      seen.add(got instanceof DomainError ? got.code : JSON.stringify(got));
      await write('sub/a.txt').catch(() => undefined);
    }
    going = false;
    await swapping;
    expect([...seen]).not.toContainEqual(expect.stringContaining('secret'));
    expect(seen.size).toBeGreaterThan(1);
    expect(await readdir(secret)).toEqual(['a.txt']);
    expect(await readFile(join(secret, 'a.txt'), 'utf8')).toBe('secret');
  });
});
