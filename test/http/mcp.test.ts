// MCP through the API, with the built-in filesystem server: every endpoint, both dialects, bad input, the event.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shownTool } from '../../src/dialects/mcp.js';
import { type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { raw } from '../support/raw.js';
import { startReceiver } from '../support/receiver.js';
import { newTenant, scopedKey } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
});
afterAll(() => app.stop());

/** What the log was told of calls while something was done; the server notes other things now and then. */
const told = async (work: () => Promise<unknown>) =>
  (await app.appended(work)).filter(({ stream }) => stream.startsWith('toolCall-'));
const call = (tool: string, args: object, options: CallOptions = {}) =>
  app.call('POST', '/mcp/tools/call', { body: { server: 'filesystem', tool, arguments: args }, ...options });
const in2024 = { headers: { 'X-API-Dialect': '2024' } };

/** The folder of workspace 1. */
const home = async (): Promise<string> => {
  const [event] = await told(() => call('list_directory', { path: '/' }));
  if (!event) throw new Error('the call left no trace');
  return join(app.dir, 'files', (event.data as { workspaceId: string }).workspaceId);
};

describe('the servers', () => {
  test('E40: are listed with the names of their tools, a page at a time', async () => {
    const { status, body } = await app.call('GET', '/mcp/servers');
    expect(status).toBe(200);
    expect(body.data).toEqual([
      {
        id: 'filesystem',
        name: 'Filesystem Server',
        description: 'File and directory operations',
        tools: ['read_file', 'write_file', 'list_directory'],
      },
    ]);
    expect(body.meta).toEqual({ current_page: 1, from: 1, last_page: 1, per_page: 25, to: 1, total: 1 });
    expect((await app.call('GET', '/mcp/servers', in2024)).body.meta).toEqual({
      current_page: 1,
      per_page: 15,
      total: 1,
      last_page: 1,
    });
    expect((await app.call('GET', '/mcp/servers?page=2')).body.data).toEqual([]);
  });

  test('are shown one by one; an unknown one is not found', async () => {
    const { body } = await app.call('GET', '/mcp/servers');
    expect((await app.call('GET', '/mcp/servers/filesystem')).body).toEqual({ data: body.data[0] });
    for (const path of ['/mcp/servers/unknown', '/mcp/servers/unknown/tools']) {
      const refused = await app.call('GET', path);
      expect([refused.status, refused.body]).toEqual([
        404,
        { error: 'not_found', message: 'Resource not found.' },
      ]);
    }
  });

  test('sort by what they show, and show only the fields that are asked for', async () => {
    const get = async (path: string) => (await app.call('GET', `/mcp/servers${path}`)).body;
    const single = { id: 'filesystem', name: 'Filesystem Server' };
    expect((await get('?fields=id,name')).data).toEqual([single]);
    expect(await get('/filesystem?fields=id,name')).toEqual({ data: single });
    const tools = await get('/filesystem/tools?fields=name&sort=-name&per_page=2');
    expect(tools).toMatchObject({
      data: [{ name: 'write_file' }, { name: 'read_file' }],
      links: { next: expect.stringContaining('/tools?fields=name&sort=-name&per_page=2&page=2') },
    });
    expect(Object.keys(tools.data[0])).toEqual(['name']);
    const refused = [
      ['?fields=id,tool', 'fields', 'tool', 'id, name, description, tools'],
      ['/filesystem?fields=tool', 'fields', 'tool', 'id, name, description, tools'],
      ['/filesystem/tools?fields=id', 'fields', 'id', 'name, description, parameters'],
      ['?sort=tools', 'sort', 'tools', 'id, name'],
      ['/filesystem/tools?sort=-id', 'sort', '-id', 'name'],
    ] as const;
    for (const [path, parameter, value, known] of refused) {
      const { status, body } = await app.call('GET', `/mcp/servers${path}`);
      const sentence = `The selected ${parameter} is invalid: ${value}. It must be one of: ${known}.`;
      expect([path, status, body.errors]).toEqual([path, 422, { [parameter]: [sentence] }]);
    }
    expect((await app.call('GET', '/mcp/servers/unknown?fields=tool')).status).toBe(404);
  });

  test('E40: show their tools with parameters', async () => {
    const { status, body } = await app.call('GET', '/mcp/servers/filesystem/tools');
    expect(status).toBe(200);
    expect(body.data[0]).toEqual({
      name: 'read_file',
      description: expect.stringMatching(/\.$/),
      parameters: { path: { type: 'string', description: expect.stringMatching(/\.$/), required: true } },
    });
    expect(body.data[1].parameters).toMatchObject({
      path: { required: true },
      content: { type: 'string', required: true },
      encoding: { type: 'string', required: false },
    });
    expect(body.meta.total).toBe(3);
  });
});

describe('a call', () => {
  test('E40: answers what the tool answers, at the top of the body, in both dialects', async () => {
    expect((await call('write_file', { path: '/path/to/file.txt', content: 'x'.repeat(1234) })).body).toEqual(
      {
        result: { path: '/path/to/file.txt', size: 1234 },
      },
    );
    for (const options of [{}, in2024]) {
      const { status, body } = await call('read_file', { path: '/path/to/file.txt' }, options);
      expect([status, body]).toEqual([200, { result: { content: 'x'.repeat(1234), size: 1234 } }]);
    }
    expect((await call('list_directory', { path: '/path/to' })).body).toEqual({
      result: { entries: [{ name: 'file.txt', type: 'file', size: 1234 }] },
    });
  });

  test('is told in the log: who, what, how it went, without the content', async () => {
    const events = await told(async () => {
      await call('write_file', { path: 'log.txt', content: 'not for the log', encoding: 'utf-8' });
    });
    const about = {
      callId: expect.any(String),
      workspaceId: expect.any(String),
      server: 'filesystem',
      tool: 'write_file',
    };
    expect(events.map(({ type, data }) => ({ type, data }))).toEqual([
      { type: 'McpToolCallStarted', data: about },
      {
        type: 'McpToolCalled',
        data: {
          ...about,
          outcome: 'success',
          durationMs: expect.any(Number),
          error: null,
          arguments: { path: 'log.txt', content: '[15 characters]', encoding: 'utf-8' },
          answer: null,
        },
      },
    ]);
    expect(new Set(events.map(({ stream }) => stream)).size).toBe(1);
    for (const { metadata, data } of events) {
      expect(metadata.actor).toEqual({ key: expect.any(String), user: expect.any(String) });
      expect(metadata.audience).toEqual([(data as { workspaceId: string }).workspaceId]);
    }
  });

  test('that the tool refuses is told too', async () => {
    const events = await told(async () => {
      expect((await call('read_file', { path: 'none.txt' })).status).toBe(404);
    });
    expect(events[1]).toMatchObject({
      type: 'McpToolCalled',
      data: { outcome: 'refused', error: 'File not found.' },
    });
    const [, led] = await told(() => call('read_file', { path: '../x' }));
    expect(led?.data).toMatchObject({
      outcome: 'refused',
      error: 'The arguments.path leads out of the workspace’s folder.',
    });
  });

  test.each([
    ['2026', (body: Record<string, unknown>) => body['data']],
    [
      '2024',
      ({ data }: { data: { object: { type: string; attributes: object } } }) => {
        expect(data.object.type).toBe('mcp.tool');
        return data.object.attributes;
      },
    ],
  ] as const)('is delivered to webhooks as mcp.tool.executed (%s)', async (dialect, recordOf) => {
    const receiver = await startReceiver();
    await app.call('POST', '/webhooks', {
      body: { url: receiver.url, events: ['mcp.*'] },
      headers: { 'X-API-Dialect': dialect },
    });
    await call('list_directory', { path: '/' }, { key: app.key });
    const [request] = await receiver.waitFor(1);
    const body = JSON.parse(request?.body ?? '');
    expect([body.type, request?.headers['x-webhook-event']]).toEqual([
      'mcp.tool.executed',
      'mcp.tool.executed',
    ]);
    expect((recordOf as (body: object) => unknown)(body)).toEqual({
      server: 'filesystem',
      tool: 'list_directory',
      outcome: 'success',
      duration_ms: expect.any(Number),
      error: null,
      arguments: { path: '/' },
    });
    await receiver.stop();
  });

  test('with one Idempotency-Key is made once', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const first = await call('write_file', { path: 'once.txt', content: 'first' }, { headers });
    await call('write_file', { path: 'once.txt', content: 'second' });
    const again = await call('write_file', { path: 'once.txt', content: 'first' }, { headers });
    expect([again.text, again.headers.get('idempotent-replayed')]).toEqual([first.text, 'true']);
    expect((await call('read_file', { path: 'once.txt' })).body.result.content).toBe('second');
    const other = await call('write_file', { path: 'once.txt', content: 'third' }, { headers });
    expect([other.status, other.body.error]).toEqual([422, 'idempotency_key_reused']);
  });

  test('of a tool that may be called twice is made again where its answer is long', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const read = () => call('read_file', { path: 'long.txt' }, { headers });
    const events = await told(async () => {
      await call('write_file', { path: 'long.txt', content: 'a'.repeat(100_000) });
      expect((await read()).body.result.size).toBe(100_000);
      const again = await read();
      expect([again.status, again.body.result.size, again.headers.get('idempotent-replayed')]).toEqual([
        200,
        100_000,
        null,
      ]);
    });
    expect(events.filter(({ type }) => type === 'McpToolCalled')).toHaveLength(2);
    const other = await call('read_file', { path: 'other.txt' }, { headers });
    expect([other.status, other.body.error]).toEqual([422, 'idempotency_key_reused']);
  });

  test('sees the files of its own workspace only', async () => {
    const stranger = await newTenant(app);
    await call('write_file', { path: 'mine.txt', content: 'mine' });
    expect((await call('read_file', { path: 'mine.txt' }, { key: stranger.key })).status).toBe(404);
    const uri = encodeURIComponent('filesystem://mine.txt');
    expect((await app.call('GET', `/mcp/resources/${uri}`, { key: stranger.key })).status).toBe(404);
    const own = await app.call('POST', '/workspaces', { body: { name: 'Second' } });
    const inSecond = { headers: { 'X-Workspace-ID': String(own.body.data.id) } };
    expect((await call('read_file', { path: 'mine.txt' }, inSecond)).status).toBe(404);
  });

  test('needs mcp:write, and reading mcp:read', async () => {
    const key = await scopedKey(app, ['mcp:read']);
    expect((await app.call('GET', '/mcp/servers', { key })).status).toBe(200);
    const refused = await call('list_directory', { path: '/' }, { key });
    expect([refused.status, refused.body]).toEqual([
      403,
      { error: 'access_denied', message: 'Insufficient permissions. Required scope: mcp:write' },
    ]);
  });

  const bad: [body: object, field: string, sentence: string][] = [
    [{ tool: 'read_file' }, 'server', 'The server field is required.'],
    [{ server: 'filesystem' }, 'tool', 'The tool field is required.'],
    [{ server: 7, tool: 'read_file' }, 'server', 'The server must be a string.'],
    [{ server: 'filesystem', tool: 'read_file', arguments: [] }, 'arguments', 'must be an object'],
    [{ server: 'filesystem', tool: 'read_file', arguments: null }, 'arguments', 'may not be null'],
    [{ server: 'filesystem', tool: 'read_file' }, 'arguments.path', 'field is required'],
    [
      { server: 'filesystem', tool: 'read_file', arguments: { path: 7 } },
      'arguments.path',
      'must be a string',
    ],
    [{ server: 'filesystem', tool: 'read_file', arguments: { path: '' } }, 'arguments.path', 'is required'],
    [
      { server: 'filesystem', tool: 'read_file', arguments: { path: 'a', pth: 1 } },
      'arguments.pth',
      'The arguments.pth field is not known.',
    ],
    [
      {
        server: 'filesystem',
        tool: 'write_file',
        arguments: { path: 'a', content: 'a', encoding: 'latin1' },
      },
      'arguments.encoding',
      'It must be one of: utf-8, base64.',
    ],
  ];
  test.each(bad)('with %j is refused, and leaves no trace', async (body, field, sentence) => {
    const events = await told(async () => {
      const refused = await app.call('POST', '/mcp/tools/call', { body });
      expect([refused.status, Object.keys(refused.body.errors)]).toEqual([422, [field]]);
      expect(refused.body.errors[field].join()).toContain(sentence);
      const older = await app.call('POST', '/mcp/tools/call', { body, ...in2024 });
      expect(older.body.error).toMatchObject({
        code: 'VALIDATION_ERROR',
        details: refused.body.errors,
      });
    });
    expect(events).toEqual([]);
  });

  test('E40: of an unknown server or tool is not found', async () => {
    const refused = await app.call('POST', '/mcp/tools/call', { body: { server: 'no', tool: 'read_file' } });
    expect([refused.status, refused.body.message]).toEqual([404, 'Resource not found.']);
    const { status, body } = await call('no', {});
    expect([status, body.message]).toEqual([404, 'Resource not found.']);
    expect((await call('constructor', {})).status).toBe(404);
  });
});

describe('a path that would lead out of the workspace’s folder', () => {
  const paths = [
    '../../encryption.key',
    '/../../encryption.key',
    'a/../../../encryption.key',
    '%2e%2e/%2e%2e/encryption.key',
    '..\\..\\encryption.key',
    'link/encryption.key',
  ];
  test.each(paths)('E40: %s is refused without a byte of what is there', async (path) => {
    await call('write_file', { path: 'here.txt', content: 'here' });
    const folder = await home();
    await symlink(app.dir, join(folder, 'link')).catch(() => undefined);
    for (const [tool, args] of [
      ['read_file', { path }],
      ['write_file', { path, content: 'x' }],
      ['list_directory', { path: path.replace('/encryption.key', '') }],
    ] as const) {
      const refused = await call(tool, args);
      expect([tool, refused.status, refused.body.error, Object.keys(refused.body.errors)]).toEqual([
        tool,
        422,
        'validation_failed',
        ['arguments.path'],
      ]);
    }
  });
  test('NUL is refused before any tool sees it', async () => {
    const refused = await call('read_file', { path: 'a\u0000' });
    expect([refused.status, Object.keys(refused.body.errors)]).toEqual([422, ['arguments.path']]);
  });
});

describe('a resource', () => {
  const path = (uri: string) => `/mcp/resources/${uri}`;
  beforeAll(async () => {
    await call('write_file', { path: 'notes/a.txt', content: 'Hello' });
    await call('write_file', { path: 'notes/ä b%c.json', content: '{}' });
  });

  test('E41: is read by its URI, as it is or percent-encoded, with the same answer in both dialects', async () => {
    const expected = { data: { uri: 'filesystem://notes/a.txt', content: 'Hello', mime_type: 'text/plain' } };
    for (const options of [{}, in2024])
      for (const uri of ['filesystem://notes/a.txt', encodeURIComponent('filesystem://notes/a.txt')]) {
        const { status, body } = await app.call('GET', path(uri), options);
        expect([uri, status, body]).toEqual([uri, 200, expected]);
      }
  });
  test('keeps what is odd in its name', async () => {
    const { body } = await app.call('GET', path(encodeURIComponent('filesystem://notes/ä b%c.json')));
    expect(body.data).toEqual({
      uri: 'filesystem://notes/ä b%c.json',
      content: '{}',
      mime_type: 'application/json',
    });
  });
  test('that is not text comes as base64', async () => {
    const folder = await home();
    await writeFile(join(folder, 'dot.png'), Buffer.from([0xff, 0xfe]));
    expect((await app.call('GET', path('filesystem://dot.png'))).body.data).toEqual({
      uri: 'filesystem://dot.png',
      content: '//4=',
      encoding: 'base64',
      mime_type: 'image/png',
    });
  });
  test.each([
    'notes/a.txt',
    'filesystem:/notes/a.txt',
    'filesystem%3Anotes',
    'filesystem://',
    '//notes',
    encodeURIComponent('/etc/passwd'),
    encodeURIComponent('-x://a'),
    'a b://c',
  ])('of the form %s is no URI of ours', async (uri) => {
    const { status, body } = await app.call('GET', path(uri));
    expect([status, body.error]).toEqual([400, 'invalid_uri']);
    const older = await app.call('GET', path(uri), in2024);
    expect([older.status, older.body.error.code]).toEqual([400, 'INVALID_URI']);
  });
  test('of an unknown server, or one that is not there, is not found', async () => {
    expect((await app.call('GET', path('unknown://a'))).status).toBe(404);
    expect((await app.call('GET', path('filesystem://none'))).status).toBe(404);
  });
  test.each([
    'filesystem://../../encryption.key',
    'filesystem%3A%2F%2F..%2F..%2Fencryption.key',
    'filesystem://%2e%2e/%2e%2e/encryption.key',
    'filesystem://%252e%252e/encryption.key',
    'filesystem://..%5c..%5cencryption.key',
    'filesystem://a%00',
  ])('never leads out: %s', async (uri) => {
    // As it is written: `fetch` would resolve the dots itself.
    const head = [
      `GET /api/v1${path(uri)} HTTP/1.1`,
      'Host: a',
      `Authorization: Bearer ${app.key}`,
      'Connection: close',
    ];
    const [answer] = await raw(app.url, `${head.join('\r\n')}\r\n\r\n`);
    const { status, body } = answer ?? { status: 0, body: '{}' };
    expect([status, JSON.parse(body).errors]).toEqual([422, { 'arguments.path': [expect.any(String)] }]);
  });
  test('that is a directory is refused', async () => {
    await mkdir(join(await home(), 'folder'), { recursive: true });
    expect((await app.call('GET', path('filesystem://folder'))).status).toBe(422);
  });
});

describe('parameters made from a schema', () => {
  const typeOf = (schema: unknown) => {
    const inputSchema = { type: 'object', properties: { a: schema } } as never;
    const { parameters } = shownTool({ name: 'x', description: '', inputSchema }) as {
      parameters: Record<string, unknown>;
    };
    return parameters['a'];
  };
  test.each([
    [{ type: 'string', description: 'Text.' }, 'string', 'Text.'],
    [{ type: ['string', 'null'] }, 'string', ''],
    [{ type: ['string', 'integer'] }, 'string|integer', ''],
    [{ enum: ['a', 'b'] }, 'string', ''],
    [{ enum: [1] }, 'number', ''],
    [{ anyOf: [{ type: 'string' }] }, 'any', ''],
    [true, 'any', ''],
  ])('%j', (schema, type, description) => {
    expect(typeOf(schema)).toEqual({ type, description, required: false });
  });
  test('of a tool that says nothing of its arguments are none', () =>
    expect(shownTool({ name: 'x', description: 'X.', inputSchema: { type: 'object' } })).toEqual({
      name: 'x',
      description: 'X.',
      parameters: {},
    }));
});
