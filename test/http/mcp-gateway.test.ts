// Configured MCP servers through the API: what comes back, what the log keeps of it, and that nothing is run twice.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { buildApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { createLogger } from '../../src/logger.js';
import { type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { ask, startFrame } from '../support/frame.js';
import { gone, pidsIn, stdioEntry } from '../support/mcp/processes.js';

let app: TestApp;
let dir: string;
const trace = async () => (await readFile(join(dir, 'trace'), 'utf8').catch(() => '')).split('\n').length - 1;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-gateway-'));
  const servers = {
    test: { ...stdioEntry({ TRACE: join(dir, 'trace'), PIDS: join(dir, 'pids') }), description: 'For tests' },
    down: { url: 'http://127.0.0.1:9/', name: 'Down' },
  };
  await writeFile(join(dir, 'mcp.json'), JSON.stringify({ mcpServers: servers }));
  app = await startTestApp({ MCP_CONFIG: join(dir, 'mcp.json'), MCP_TIMEOUT_MS: '1000' });
});
afterAll(async () => {
  await app.stop();
  const pids = await pidsIn(join(dir, 'pids'));
  expect(pids.length).toBeGreaterThan(0);
  await Promise.all(pids.map(gone));
  await rm(dir, { recursive: true, force: true });
});

/** What the log was told of calls while something was done; the server notes other things now and then. */
const told = async (work: () => Promise<unknown>) =>
  (await app.appended(work)).filter(({ stream }) => stream.startsWith('toolCall-'));
const call = (tool: string, args: object = {}, options: CallOptions = {}) =>
  app.call('POST', '/mcp/tools/call', { body: { server: 'test', tool, arguments: args }, ...options });

describe('the servers', () => {
  test('are listed, one that is down too', async () => {
    // The list waits only so long for a server that has to be started first.
    await app.call('GET', '/mcp/servers/test/tools');
    const { status, body } = await app.call('GET', '/mcp/servers');
    expect(status).toBe(200);
    expect(
      body.data.map(({ id, name, description }: Record<string, string>) => [id, name, description]),
    ).toEqual([
      ['filesystem', 'Filesystem Server', 'File and directory operations'],
      ['test', 'Test Server', 'For tests'],
      ['down', 'Down', ''],
    ]);
    expect(body.data[1].tools).toContain('echo');
    expect(body.data[2].tools).toEqual([]);
    expect((await app.call('GET', '/mcp/servers/down')).body.data.tools).toEqual([]);
  });

  test('show tools with what their schemas say', async () => {
    const { body } = await app.call('GET', '/mcp/servers/test/tools');
    expect(body.data[0].parameters).toEqual({
      text: { type: 'string', description: 'Any text.', required: true },
      times: { type: 'integer', description: '', required: false },
    });
    const refused = await app.call('GET', '/mcp/servers/down/tools');
    expect([refused.status, refused.body]).toEqual([
      502,
      { error: 'tool_failed', message: 'The MCP server down cannot be reached now.' },
    ]);
  });

  test('give resources', async () => {
    const { body } = await app.call('GET', '/mcp/resources/test://file:///a%20b');
    expect(body.data).toEqual({
      uri: 'test://file:///a b',
      content: 'content of file:///a b',
      mime_type: 'text/markdown',
    });
    expect((await app.call('GET', '/mcp/resources/test://file:///none')).status).toBe(404);
    expect((await app.call('GET', '/mcp/resources/down://a')).status).toBe(502);
  });
});

describe('a call', () => {
  test('answers what the tool answers', async () => {
    const { status, body } = await call('echo', { text: 'Hello', times: 2 });
    expect([status, body]).toEqual([200, { result: 'HelloHello' }]);
  });

  test('is held against the schema of the tool', async () => {
    const events = await told(async () => {
      const { status, body } = await call('echo', { times: 10 });
      expect([status, body.errors]).toEqual([
        422,
        {
          'arguments.text': ['The arguments.text field is required.'],
          'arguments.times': ['The arguments.times may not be greater than 9.'],
        },
      ]);
    });
    expect(events).toEqual([]);
  });

  const failures: [tool: string, status: number, error: string, message: string, outcome: string][] = [
    ['fail', 502, 'tool_failed', 'The tool failed: The kitchen is on fire.', 'failed'],
    ['crash', 502, 'tool_failed', 'The MCP server test broke off the call.', 'failed'],
    ['huge', 502, 'tool_failed', 'The MCP server test answered more than 1 MiB.', 'failed'],
    ['malformed', 502, 'tool_failed', 'The MCP server test did not give a valid answer.', 'failed'],
    ['flood', 502, 'tool_failed', 'The MCP server test writes what is no message.', 'failed'],
    ['hang', 504, 'tool_timeout', 'The MCP server test did not answer in time.', 'timeout'],
  ];
  test.each(failures)(
    'of a tool that does not answer well (%s) is %i, and told in the log',
    async (tool, status, error, message, outcome) => {
      await call('echo', { text: 'up again' });
      const events = await told(async () => {
        const failed = await call(tool);
        expect([failed.status, failed.body]).toEqual([status, { error, message }]);
      });
      expect(events.map(({ type }) => type)).toEqual(['McpToolCallStarted', 'McpToolCalled']);
      expect(events[1]?.data).toMatchObject({ outcome, error: message, server: 'test', tool });
      expect((await call('echo', { text: 'still there' })).body).toEqual({ result: 'still there' });
    },
  );

  test('that fails says so in the older dialect too', async () => {
    const older = { headers: { 'X-API-Dialect': '2024' } };
    expect((await call('fail', {}, older)).body.error).toMatchObject({ code: 'TOOL_FAILED' });
  });

  test('keeps what is secret out of the log', async () => {
    const events = await told(() =>
      call('echo', { text: 'Hi', password: 'hunter2', note: `key sk_live_${'a'.repeat(40)}` }),
    );
    expect(events[1]?.data).toMatchObject({
      arguments: { text: 'Hi', password: '[redacted]', note: '[redacted]' },
    });
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });
});

describe('with an Idempotency-Key', () => {
  const keyed = () => ({ headers: { 'Idempotency-Key': crypto.randomUUID() } });

  test('a tool is run once', async () => {
    const options = keyed();
    const before = await trace();
    const first = await call('book', {}, options);
    expect((await call('book', {}, options)).text).toBe(first.text);
    expect(await trace()).toBe(before + 1);
    await call('book');
    expect(await trace()).toBe(before + 2);
  });

  /** The frame with a tool route whose answer is lost after its work, or in the middle of it. */
  const losing = async (lose: 'answer' | 'end', tool: string) => {
    const callTool = app.app.routes.find(({ doc }) => doc.id === 'callMcpTool');
    if (!callTool) throw new Error('no such route');
    let lost = false;
    const { log } = app.app.stores;
    const append = log.append.bind(log);
    const frame = await startFrame(app, [
      {
        ...callTool,
        async handle(exchange) {
          const answer = await callTool.handle(exchange);
          if (lost || lose !== 'answer') return answer;
          lost = true;
          throw new Error('the process was killed');
        },
      },
    ]);
    const headers = keyed().headers;
    const once = () => ask(frame, app.key, '/mcp/tools/call', { headers, body: { server: 'test', tool } });
    if (lose === 'end')
      Object.assign(log, {
        append: (
          stream: string,
          events: Parameters<typeof append>[1],
          expected: Parameters<typeof append>[2],
        ) =>
          events[0]?.type === 'McpToolCalled'
            ? Promise.reject(new Error('the process was killed'))
            : append(stream, events, expected),
      });
    const first = await once();
    Object.assign(log, { append });
    const before = await trace();
    const second = await once();
    const third = await once();
    await frame.stop();
    return { first, second, third, more: (await trace()) - before };
  };

  test('and its answer lost, it is not run again: the answer was kept, sealed', async () => {
    let result: Awaited<ReturnType<typeof losing>> | undefined;
    const events = await told(async () => {
      result = await losing('answer', 'book');
    });
    expect([result?.first.status, result?.second.status, result?.second.body, result?.more]).toEqual([
      500,
      200,
      { result: 'booked' },
      0,
    ]);
    expect(result?.third.text).toBe(result?.second.text);
    expect(events.map(({ type }) => type)).toEqual(['McpToolCallStarted', 'McpToolCalled']);
    expect(events[1]?.data).toMatchObject({ answer: expect.stringMatching(/^k1\./) });
    expect(JSON.stringify(events)).not.toContain('booked');
  });

  test('and the process killed before the end was told, nobody knows: it is a conflict', async () => {
    const { first, second, third, more } = await losing('end', 'book');
    expect([first.status, second.status, third.status, more]).toEqual([500, 409, 409, 0]);
    expect(second.body).toEqual({
      error: 'conflict',
      message:
        'An earlier run of this call was interrupted, and it is not known what the tool has done. It is not run again: send another Idempotency-Key to do that.',
    });
  });

  test('a tool that says that repeating it is harmless is run again instead', async () => {
    const { first, second, more } = await losing('end', 'look');
    expect([first.status, second.status, second.body, more]).toEqual([500, 200, { result: 'looked' }, 1]);
  });

  test('a tool that has failed is not run again either', async () => {
    const options = keyed();
    const events = await told(async () => {
      const failed = await call('fail', {}, options);
      expect((await call('fail', {}, options)).text).toBe(failed.text);
    });
    expect(events.map(({ type }) => type)).toEqual(['McpToolCallStarted', 'McpToolCalled']);
  });

  test('after a time-out it is a conflict', async () => {
    const options = keyed();
    expect((await call('hang', {}, options)).status).toBe(504);
    const again = await call('hang', {}, options);
    expect([again.status, again.body.message]).toEqual([409, expect.stringContaining('did not answer')]);
  });
});

describe('while the log cannot be written', () => {
  /** Runs with a log that does not take events of this type. */
  const without = async <T>(type: string, work: () => Promise<T>): Promise<T> => {
    const { log } = app.app.stores;
    const append = log.append.bind(log);
    Object.assign(log, {
      append: (...[stream, events, expected]: Parameters<typeof append>) =>
        events[0]?.type === type
          ? Promise.reject(new LogUnavailable('the disk is full', 'not_written'))
          : append(stream, events, expected),
    });
    try {
      return await work();
    } finally {
      Object.assign(log, { append });
    }
  };

  test('no tool is run', async () => {
    const before = await trace();
    const refused = await without('McpToolCallStarted', () => call('book'));
    expect([refused.status, refused.body.error, await trace()]).toEqual([503, 'unavailable', before]);
    expect(refused.body.message).toContain('Nothing was written.');
  });

  test('a tool that has run already is said to have run', async () => {
    const before = await trace();
    const refused = await without('McpToolCalled', () => call('book'));
    expect([refused.status, refused.body, await trace()]).toEqual([
      503,
      {
        error: 'unavailable',
        message: 'The tool was called, but how that ended could not be stored.',
      },
      before + 1,
    ]);
  });
});

test('a file that is not what it must be stops the start with one sentence', async () => {
  const file = join(dir, 'bad.json');
  await writeFile(file, '{"mcpServers": {"filesystem": {"command": "x"}}}');
  const config = readConfig({ DATA_DIR: join(dir, 'data'), MCP_CONFIG: file });
  await expect(buildApp(config, createLogger('silent').logger)).rejects.toThrow(
    'MCP_CONFIG names a server "filesystem", which is built in: give it another name.',
  );
});
