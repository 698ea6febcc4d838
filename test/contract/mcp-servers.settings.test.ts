// The file MCP_CONFIG: what is read from it, and one plain sentence for whatever is wrong with it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readServerSettings } from '../../src/adapters/mcp-servers/settings.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-mcp-config-'));
});
afterAll(() => rm(dir, { recursive: true }));

const read = async (value: unknown) => {
  const file = join(dir, 'mcp.json');
  await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
  return readServerSettings(file);
};
const refusal = (value: unknown) => read(value).catch((error: Error) => error.message);
const one = (entry: unknown) => refusal({ mcpServers: { weather: entry } });

test('reads servers that are run and servers that are reached, as other programs write them', async () => {
  expect(
    await read({
      mcpServers: {
        weather: {
          command: 'npx',
          args: ['-y', 'weather'],
          env: { KEY: 'x' },
          name: 'Weather',
          autoApprove: [],
        },
        'git.hub': { type: 'http', url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } },
        plain: { type: 'stdio', command: 'plain' },
        off: { command: 'off', disabled: true },
      },
      other: 1,
    }),
  ).toEqual([
    { id: 'weather', name: 'Weather', command: 'npx', args: ['-y', 'weather'], env: { KEY: 'x' } },
    { id: 'git.hub', url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } },
    { id: 'plain', command: 'plain', args: [], env: {} },
  ]);
  expect(await read({ mcpServers: {} })).toEqual([]);
});

test('says what is wrong with the file', async () => {
  expect(await readServerSettings(join(dir, 'none')).catch((error: Error) => error.message)).toMatch(
    /^MCP_CONFIG names the file .*none, which cannot be read \(ENOENT\)\.$/,
  );
  expect(await refusal('{')).toMatch(/^MCP_CONFIG .* not valid JSON\.$/);
  for (const value of ['null', '[]', {}, { mcpServers: [] }, { mcpServers: 'x' }])
    expect(await refusal(value)).toMatch(/^MCP_CONFIG .* has no object "mcpServers"\.$/);
});

test('says what is wrong with a server, by its name, and never what stands there', async () => {
  const form = 'MCP_CONFIG names a server "weather" that must have either a command or a url.';
  for (const entry of [null, 1, [], {}, { command: 'a', url: 'http://a' }])
    expect(await one(entry)).toBe(form);
  const faults: [entry: object, field: string][] = [
    [{ command: 7 }, 'command'],
    [{ command: '' }, 'command'],
    [{ command: 'a', args: 'secret' }, 'args'],
    [{ command: 'a', env: { A: 1 } }, 'env.A'],
    [{ url: 'secret' }, 'url'],
    [{ url: 'file:///secret' }, 'url'],
    [{ url: 'http://a', headers: { A: 1 } }, 'headers.A'],
  ];
  for (const [entry, field] of faults)
    expect(await one(entry)).toBe(
      `MCP_CONFIG names a server "weather" whose "${field}" is not what it must be.`,
    );
  expect(await one({ type: 'sse', url: 'http://a' })).toBe(
    'MCP_CONFIG names a server "weather" of a type that is not known: it can be stdio or http.',
  );
  expect(await refusal({ mcpServers: { filesystem: { command: 'a' } } })).toBe(
    'MCP_CONFIG names a server "filesystem", which is built in: give it another name.',
  );
  for (const name of ['', 'a b', 'a/b', 'a:b', '-a', 'x'.repeat(65)])
    expect(await refusal({ mcpServers: { [name]: { command: 'a' } } })).toMatch(/^MCP_CONFIG .* at most 64 /);
});
