// Configured MCP servers, over stdio and streamable HTTP: the same answers, and the same calm when a server misbehaves.
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { gatewayServer } from '../../src/adapters/mcp-servers/gateway.js';
import type { McpServer } from '../../src/adapters/mcp-servers/port.js';
import type { ServerSettings } from '../../src/adapters/mcp-servers/settings.js';
import {
  gone,
  type HttpProcess,
  pidsIn,
  startHttp,
  stdioEntry,
  wrappedEntry,
} from '../support/mcp/processes.js';

const WORKSPACE = '01980000-0000-7000-8000-000000000001';
// Long enough for a busy machine to answer fifty calls at once.
const TIMEOUT_MS = 4_000;

type Note = { message: string; details: object };
const silent = { info: () => undefined, warn: () => undefined };

/** A folder, and servers whose notes are kept; all ended with the test. */
const setting = async (onTestFinished: TestContext['onTestFinished']) => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-mcp-'));
  const notes: Note[] = [];
  const opened: McpServer[] = [];
  const note = (message: string, details: object = {}) => {
    notes.push({ message, details });
  };
  const serve = (settings: ServerSettings, { connectMs = 10_000 } = {}): McpServer => {
    const report = { info: note, warn: note };
    const server = gatewayServer(settings, { timeoutMs: TIMEOUT_MS, connectMs, report });
    opened.push(server);
    return server;
  };
  onTestFinished(async () => {
    await Promise.all(opened.map((server) => server.close()));
    await rm(dir, { recursive: true, force: true });
  });
  return {
    dir,
    notes,
    serve,
    /** The test server as a process that notes its ids. */
    started: (env: Record<string, string> = {}) =>
      serve({ id: 'test', ...stdioEntry({ PIDS: join(dir, 'pids'), ...env }) }),
    pids: () => pidsIn(join(dir, 'pids')),
    linesSaid: () => notes.flatMap(({ details }) => ('line' in details ? [String(details.line)] : [])),
  };
};
const call = (server: McpServer, tool: string, args = {}) => server.call(tool, args, WORKSPACE);
/** Kind and sentence of a failure. */
const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    (value) => expect.fail(JSON.stringify(value)),
    (thrown: unknown) => thrown,
  );
  const { name, kind, message } = error as { name: string; kind: string; message: string };
  expect(name).toBe('ToolError');
  return [kind, message];
};

let plain: HttpProcess;
let streaming: HttpProcess;
beforeAll(async () => {
  [plain, streaming] = await Promise.all([startHttp({ PLAIN: 'true' }), startHttp()]);
});
afterAll(() => Promise.all([plain.stop(), streaming.stop()]));

const ways: [name: string, settings: (id: string) => ServerSettings][] = [
  ['stdio', (id) => ({ id, ...stdioEntry() })],
  ['streamable HTTP', (id) => ({ id, url: streaming.url, headers: {} })],
  ['streamable HTTP without streams', (id) => ({ id, url: plain.url, headers: {} })],
];

describe.each(ways)('over %s', (way, settings) => {
  let server: McpServer;
  let connections = 0;
  beforeAll(() => {
    const info = (message: string) => {
      connections += Number(message === 'connected to an MCP server');
    };
    const options = { timeoutMs: TIMEOUT_MS, connectMs: 10_000, report: { ...silent, info } };
    server = gatewayServer(settings('test'), options);
  });
  afterAll(() => server.close());

  test('tells its tools, page after page, and its name', async () => {
    expect([server.id, server.name, server.knownTools()]).toEqual(['test', 'test', []]);
    const tools = await server.tools();
    expect(tools.length).toBeGreaterThan(10);
    expect(tools[0]).toEqual({
      name: 'echo',
      description: 'Says it again.',
      inputSchema: expect.objectContaining({ type: 'object', required: ['text'] }),
      repeatable: false,
    });
    expect(tools.find(({ name }) => name === 'look')?.repeatable).toBe(true);
    expect(server.knownTools()).toBe(tools);
    expect(server.name).toBe('Test Server');
  });

  test('answers the structured content, else the only text, else the list of contents', async () => {
    expect(await call(server, 'echo', { text: 'ab', times: 2 })).toBe('abab');
    expect(await call(server, 'structured')).toEqual({ from: 'structure' });
    expect(await call(server, 'json')).toEqual([1, { a: null }]);
    expect(await call(server, 'several')).toEqual([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ]);
    expect(await call(server, 'nothing')).toBeNull();
    expect(await call(server, 'where')).toBe(WORKSPACE);
  });

  test('answers many at once over one connection', async () => {
    const texts = Array.from({ length: 50 }, (_, n) => String(n));
    expect(await Promise.all(texts.map((text) => call(server, 'echo', { text })))).toEqual(texts);
    expect(connections).toBe(1);
  });

  test('reads resources: by our URI, or by its own where that stands after ours', async () => {
    expect(await server.read('test://a/b', WORKSPACE)).toEqual({
      content: 'content of test://a/b',
      mimeType: 'text/markdown',
    });
    expect((await server.read('test://file:///a', WORKSPACE))?.content).toBe('content of file:///a');
    expect(await server.read('test://file:///none', WORKSPACE)).toBeUndefined();
  });

  test('says in one clean line that a tool has failed', async () => {
    expect(await failure(call(server, 'fail'))).toEqual([
      'failed',
      'The tool failed: The kitchen is on fire.',
    ]);
    expect(await failure(call(server, 'refuse'))).toEqual([
      'failed',
      'The MCP server test refused the call: Something broke.',
    ]);
    expect(await call(server, 'echo', { text: 'still there' })).toBe('still there');
  });

  test('gives up a tool that hangs, and the others go on', async () => {
    const hanging = failure(call(server, 'hang'));
    expect(await call(server, 'echo', { text: 'meanwhile' })).toBe('meanwhile');
    expect(await hanging).toEqual(['timeout', 'The MCP server test did not answer in time.']);
    expect(await call(server, 'echo', { text: 'afterwards' })).toBe('afterwards');
  });

  test('refuses an answer that is nested without end, and goes on', async () => {
    expect(await failure(call(server, 'deep'))).toEqual([
      'failed',
      'The MCP server test did not give a valid answer.',
    ]);
    expect(await call(server, 'echo', { text: way })).toBe(way);
  });

  test('refuses an answer of megabytes, and goes on', async () => {
    expect(await failure(call(server, 'huge'))).toEqual([
      'failed',
      'The MCP server test answered more than 1 MiB.',
    ]);
    expect(await call(server, 'echo', { text: way })).toBe(way);
  });
});

describe.concurrent('a process', () => {
  test('is started when it is first needed, and ended at the end', async ({ onTestFinished }) => {
    const { started, pids } = await setting(onTestFinished);
    const server = started();
    expect(await pids()).toEqual([]);
    await call(server, 'echo', { text: 'a' });
    const [pid] = await pids();
    await server.close();
    await gone(pid ?? 0);
    expect(await failure(call(server, 'echo', { text: 'a' }))).toEqual([
      'unreachable',
      'The MCP server test cannot be reached now.',
    ]);
    expect(await pids()).toHaveLength(1);
  });

  test('that does not end by itself is ended all the same', async ({ onTestFinished }) => {
    const { started, pids } = await setting(onTestFinished);
    const server = started({ STUBBORN: '1' });
    await call(server, 'echo', { text: 'a' });
    const [pid] = await pids();
    await server.close();
    await gone(pid ?? 0);
  });

  test.each([
    ['does not answer any more', 'block', {}],
    ['does not end by itself', 'echo', { STUBBORN: '1' }],
  ])('that a shell has started and that %s is ended too', async (_what, tool, env) => {
    const dir = await mkdtemp(join(tmpdir(), 'core-api-mcp-'));
    const pids = join(dir, 'pids');
    const server = gatewayServer(
      { id: 'test', ...wrappedEntry({ PIDS: pids, ...env }) },
      { timeoutMs: 1_000, connectMs: 10_000, report: silent },
    );
    await call(server, tool, { text: 'a' }).catch(() => undefined);
    await server.close();
    const [pid] = await pidsIn(pids);
    await rm(dir, { recursive: true });
    await gone(pid ?? 0);
  });

  test('that crashes in the middle of a call fails that call, and is started again', async ({
    onTestFinished,
  }) => {
    const { started, pids } = await setting(onTestFinished);
    const server = started();
    expect(await failure(call(server, 'crash'))).toEqual([
      'failed',
      'The MCP server test broke off the call.',
    ]);
    expect(await call(server, 'echo', { text: 'again' })).toBe('again');
    expect(await pids()).toHaveLength(2);
  });

  test('that crashes again and again is started less and less often', async ({ onTestFinished }) => {
    const { notes, started, pids } = await setting(onTestFinished);
    const server = started();
    for (let n = 0; n < 20; n += 1) await failure(call(server, 'crash'));
    expect((await pids()).length).toBeLessThan(5);
    expect(notes).toContainEqual({
      message: 'an MCP server was lost',
      details: { server: 'test', error: 'The MCP server test broke off the call.' },
    });
  });

  test('that does not answer anything any more is ended, and started again', async ({ onTestFinished }) => {
    const { started, pids } = await setting(onTestFinished);
    const server = started();
    expect((await failure(call(server, 'block')))[0]).toBe('timeout');
    const [pid] = await pids();
    await gone(pid ?? 0);
    expect(await call(server, 'echo', { text: 'again' })).toBe('again');
  }, 15_000);

  test('that answers in a form that is none gives no valid answer', async ({ onTestFinished }) => {
    const { started } = await setting(onTestFinished);
    expect(await failure(call(started(), 'malformed'))).toEqual([
      'failed',
      'The MCP server test did not give a valid answer.',
    ]);
  });

  test('that prints notes between its messages is understood; one that prints nothing else is given up', async ({
    onTestFinished,
  }) => {
    const { started } = await setting(onTestFinished);
    const server = started();
    expect(await call(server, 'chatty')).toBe('all the same');
    expect(await failure(call(server, 'flood'))).toEqual([
      'failed',
      'The MCP server test writes what is no message.',
    ]);
    expect(await call(server, 'echo', { text: 'again' })).toBe('again');
  });

  test('that cannot be started is out of reach', async ({ onTestFinished }) => {
    const { dir, serve } = await setting(onTestFinished);
    const missing = serve({ id: 'no', command: join(dir, 'no-such-program'), args: [], env: {} });
    expect(await failure(call(missing, 'echo'))).toEqual([
      'unreachable',
      'The MCP server no cannot be reached now.',
    ]);
    const silent = serve(
      { id: 'cat', command: process.execPath, args: ['-e', 'setInterval(() => 0, 1000)'], env: {} },
      { connectMs: 300 },
    );
    expect((await failure(silent.tools()))[0]).toBe('unreachable');
  });

  test('gets its own settings and not ours', async ({ onTestFinished }) => {
    const { serve, linesSaid } = await setting(onTestFinished);
    process.env['CORE_API_TEST_SECRET'] = 'ours';
    const print =
      'process.stderr.write(Object.keys(process.env).sort().join() + "\\n"); process.stdin.resume()';
    const server = serve(
      { id: 'env', command: process.execPath, args: ['-e', print], env: { MINE: 'x' } },
      { connectMs: 1_000 },
    );
    await failure(server.tools());
    delete process.env['CORE_API_TEST_SECRET'];
    const [said] = linesSaid();
    expect(said).toContain('MINE');
    expect(said).not.toContain('CORE_API_TEST_SECRET');
  });

  test('is heard in the log, without what it was given or what looks like a secret', async ({
    onTestFinished,
  }) => {
    const { started, linesSaid } = await setting(onTestFinished);
    const given = 'a-password-of-its-own';
    const server = started({
      GREETING: `using ${given} and sk_live_${'a'.repeat(40)} today`,
      PASSWORD: given,
    });
    await call(server, 'echo', { text: 'a' });
    expect(linesSaid()).toEqual([expect.not.stringMatching(/sk_live|a-password/)]);
  });
});

describe.concurrent('a server on HTTP', () => {
  test('is given its headers; without them it is out of reach', async ({ onTestFinished }) => {
    const { serve } = await setting(onTestFinished);
    const guarded = await startHttp({ TOKEN: 'let-me-in' });
    const allowed = serve({ id: 'test', url: guarded.url, headers: { Authorization: 'Bearer let-me-in' } });
    expect(await call(allowed, 'echo', { text: 'a' })).toBe('a');
    const refused = serve({ id: 'test', url: guarded.url, headers: {} });
    expect(await failure(call(refused, 'echo', { text: 'a' }))).toEqual([
      'unreachable',
      'The MCP server test cannot be reached now.',
    ]);
    await guarded.stop();
  });

  test('that crashes in the middle of a call fails that call, and is found again', async ({
    onTestFinished,
  }) => {
    const { serve } = await setting(onTestFinished);
    for (const PLAIN of ['true', 'false']) {
      const first = await startHttp({ PLAIN });
      const server = serve({ id: 'test', url: first.url, headers: {} });
      expect((await failure(call(server, 'crash')))[0]).toBe('failed');
      await failure(call(server, 'echo', { text: 'a' }));
      const second = await startHttp({ PLAIN, PORT: first.port });
      // Its session is a new one, which is found out on the way.
      expect(await call(server, 'echo', { text: 'a' })).toBe('a');
      await second.stop();
    }
  });

  test('that was started anew is found again by all who call at once', async ({ onTestFinished }) => {
    const { serve } = await setting(onTestFinished);
    const first = await startHttp();
    const server = serve({ id: 'test', url: first.url, headers: {} });
    await call(server, 'echo', { text: 'a' });
    await first.stop();
    const second = await startHttp({ PORT: first.port });
    const all = Array.from({ length: 20 }, () => call(server, 'echo', { text: 'a' }));
    expect(await Promise.all(all)).toEqual(Array(20).fill('a'));
    await second.stop();
  });

  test('that does not know the session of one call goes on with the others', async ({ onTestFinished }) => {
    const { serve } = await setting(onTestFinished);
    let finish = () => {};
    const finishing = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const http = createServer(async (req, res) => {
      const { id, method, params } = JSON.parse((await text(req)) || '{}');
      const answer = (result: object) => {
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
      };
      const { protocolVersion, name } = params ?? {};
      if (method === 'initialize')
        return answer({ protocolVersion, capabilities: {}, serverInfo: { name: 'http', version: '1' } });
      if (name === 'unknown') finish();
      if (name === 'unknown' || method !== 'tools/call') return res.writeHead(name ? 400 : 202).end();
      await finishing;
      answer({ content: [{ type: 'text', text: 'done' }] });
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void http.close());
    const { port } = http.address() as AddressInfo;
    const server = serve({ id: 'test', url: `http://127.0.0.1:${port}/`, headers: {} });
    const long = call(server, 'long');
    expect((await failure(call(server, 'unknown')))[0]).toBe('failed');
    expect(await long).toBe('done');
  });

  test('is never said not to have got a call that it was at work on', async ({ onTestFinished }) => {
    const { serve } = await setting(onTestFinished);
    for (const settings of [{ url: streaming.url, headers: {} }, stdioEntry()]) {
      const server = serve({ id: 'test', ...settings });
      await call(server, 'echo', { text: 'a' });
      const hanging = failure(call(server, 'hang'));
      await call(server, 'echo', { text: 'it has got both' });
      await server.close();
      expect(await hanging).toEqual(['failed', 'The MCP server test broke off the call.']);
    }
  });

  test('that is no MCP server gives no valid answer', async ({ onTestFinished }) => {
    const { serve } = await setting(onTestFinished);
    const server = serve({ id: 'test', url: 'http://127.0.0.1:9/', headers: {} });
    expect((await failure(server.tools()))[0]).toBe('unreachable');
  });
});

test('a tool leaves its trace once for each call', async ({ onTestFinished }) => {
  const { dir, serve } = await setting(onTestFinished);
  const TRACE = join(dir, 'trace');
  const server = serve({ id: 'test', ...stdioEntry({ TRACE }) });
  await call(server, 'book');
  await call(server, 'look');
  expect(await readFile(TRACE, 'utf8')).toBe('book\nlook\n');
});
