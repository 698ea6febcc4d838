// The backend as an MCP server, used by the official client, and what it answers to those who are none.
import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { newTenant, scopedKey, type Tenant } from '../support/tenants.js';

let app: TestApp;
let stranger: Tenant;
const clients: Client[] = [];
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '500' });
  stranger = await newTenant(app);
});
afterAll(() => app.stop());
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

const connect = async (key: string, headers: Record<string, string> = {}): Promise<Client> => {
  const client = new Client({ name: 'test', version: '1' });
  const requestInit = { headers: { Authorization: `Bearer ${key}`, ...headers } };
  const transport = new StreamableHTTPClientTransport(new URL(`${app.url}/mcp`), { requestInit });
  // The client's own type is looser than ours about what may be missing.
  await client.connect(transport as Transport);
  clients.push(client);
  return client;
};
const post = (body: unknown, headers: Record<string, string> = {}, method = 'POST') =>
  fetch(`${app.url}/mcp`, {
    method,
    headers: {
      authorization: `Bearer ${app.key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
  });

type Result = {
  isError?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests are about
  structuredContent?: any;
  content: { text: string }[];
};
const call = async (client: Client, name: string, args: object = {}) =>
  (await client.callTool({ name, arguments: args as Record<string, unknown> })) as Result;
/** What a refused call was told. */
const refusal = async (client: Client, name: string, args: object = {}) => {
  const { isError, content, structuredContent } = await call(client, name, args);
  expect([isError, structuredContent]).toEqual([true, undefined]);
  return JSON.parse(content[0]?.text ?? '');
};

describe('a client', () => {
  test('learns who it talks to, and lists the tools with their arguments', async () => {
    const client = await connect(app.key);
    expect(client.getServerVersion()).toMatchObject({ name: 'core-api' });
    expect(client.getInstructions()).toContain('Workspaces');
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'list_workspaces',
        'get_workspace',
        'check_entitlement',
        'get_entitlement_summary',
        'record_usage',
        'get_usage',
        'list_recent_events',
        'list_deliveries',
        'retry_delivery',
      ]),
    );
    for (const { name, description, inputSchema } of tools) {
      expect(description).toMatch(/\.$/);
      expect(inputSchema.type).toBe('object');
      for (const required of inputSchema.required ?? [])
        expect(Object.keys(inputSchema.properties ?? {}), name).toContain(required);
    }
    const retry = tools.find(({ name }) => name === 'retry_delivery');
    expect(retry?.inputSchema.required).toEqual(['webhook_id', 'delivery_id']);
    expect(retry?.annotations).toMatchObject({ readOnlyHint: false });
  });

  test('calls tools, which answer what the endpoints answer', async () => {
    const client = await connect(app.key);
    const over = await app.call('GET', '/workspaces/1');
    const { structuredContent, content } = await call(client, 'get_workspace', { id: 1 });
    expect(structuredContent).toEqual(over.body);
    expect(JSON.parse(content[0]?.text ?? '')).toEqual(over.body);
    const made = await call(client, 'create_workspace', { name: 'By a tool', tags: ['mcp'] });
    expect(made.structuredContent).toMatchObject({ message: 'Workspace created successfully.' });
    const list = await call(client, 'list_workspaces', { search: 'by a tool', per_page: 1, fields: 'name' });
    expect(list.structuredContent.data).toEqual([{ name: 'By a tool' }]);
    expect(list.structuredContent.links.first).toContain('/api/v1/workspaces?');
    const changed = await call(client, 'update_workspace', {
      id: made.structuredContent.data.id,
      settings: { timezone: 'Europe/London' },
    });
    expect(changed.structuredContent.data.settings.timezone).toBe('Europe/London');
  });

  test('is told what is wrong with its arguments, as the endpoint says it', async () => {
    const client = await connect(app.key);
    expect(await refusal(client, 'get_workspace')).toEqual({
      error: 'validation_failed',
      message: 'The given data was invalid.',
      errors: { id: ['The id field is required.'] },
    });
    expect((await refusal(client, 'create_workspace', { nmae: 'x' })).errors).toEqual({
      name: ['The name field is required.'],
      nmae: ['The nmae field is not known.'],
    });
    expect((await refusal(client, 'list_workspaces', { sort: 'no' })).errors).toHaveProperty('sort');
    expect((await refusal(client, 'list_workspaces', { nmae: 1 })).errors).toHaveProperty('nmae');
    expect(await refusal(client, 'get_workspace', { id: 999_999 })).toEqual({
      error: 'not_found',
      message: 'Workspace not found.',
    });
    for (const id of ['../api-keys', 'a/b', '%2e%2e', '', null, {}])
      expect((await refusal(client, 'get_workspace', { id })).error).toBe('not_found');
    await expect(client.callTool({ name: 'no_such_tool' })).rejects.toThrow('There is no tool no_such_tool.');
    await expect(client.callTool({ name: 'constructor' })).rejects.toThrow('There is no tool');
  });

  test('sees in its own dialect, and is made in the workspace that it names', async () => {
    const client = await connect(app.key, { 'X-API-Dialect': '2024' });
    const { structuredContent } = await call(client, 'list_workspaces');
    expect(structuredContent.data[0].id).toMatch(/^wks_/);
    expect((await refusal(client, 'get_workspace', { id: 999_999 })).error.code).toBe('RESOURCE_NOT_FOUND');
    const second = await app.call('POST', '/workspaces', { body: { name: 'Context' } });
    const client2026 = await connect(app.key);
    await call(client2026, 'publish_event', {
      type: 'post.created',
      data: { in: 'second' },
      workspace_id: second.body.data.id,
    });
    const recent = await call(client2026, 'list_recent_events', { workspace_id: second.body.data.id });
    expect(recent.structuredContent.data.map(({ type }: { type: string }) => type)).toEqual([
      'post.created',
      'workspace.created',
    ]);
    expect(
      await refusal(client2026, 'list_recent_events', { workspace_id: stranger.workspace }),
    ).toMatchObject({
      error: 'not_found',
    });
  });

  test('makes a call once for one idempotency key', async () => {
    const client = await connect(app.key);
    const args = { name: 'Once', idempotency_key: randomUUID() };
    const first = await call(client, 'create_workspace', args);
    expect(await call(client, 'create_workspace', args)).toEqual(first);
    expect((await refusal(client, 'create_workspace', { ...args, name: 'Twice' })).error).toBe(
      'idempotency_key_reused',
    );
    // Over HTTP it is the same request.
    const over = await app.call('POST', '/workspaces', {
      body: { name: 'Once' },
      headers: { 'Idempotency-Key': args.idempotency_key },
    });
    expect([over.headers.get('idempotent-replayed'), over.body]).toEqual(['true', first.structuredContent]);
  });

  test('checks an entitlement, records usage, and reads what is left', async () => {
    const made = await app.call('POST', '/workspaces', { body: { name: 'Metered', tier: 'pro' } });
    const workspace_id = made.body.data.id;
    const client = await connect(app.key);
    const check = async (quantity: number) =>
      (await call(client, 'check_entitlement', { feature: 'posts', quantity, workspace_id }))
        .structuredContent;
    expect(await check(1)).toEqual({
      allowed: true,
      feature: 'posts',
      current_usage: 0,
      limit: 1000,
      available: 1000,
    });
    const recorded = await call(client, 'record_usage', { feature: 'posts', quantity: 45, workspace_id });
    expect(recorded.structuredContent).toMatchObject({ recorded: true, current_usage: 45, limit: 1000 });
    expect(await check(956)).toMatchObject({ allowed: false, reason: 'LIMIT_EXCEEDED', available: 955 });
    expect(
      await refusal(client, 'record_usage', { feature: 'posts', quantity: 956, workspace_id }),
    ).toMatchObject({ error: 'feature_limit_reached', feature: 'posts' });
    const summary = await call(client, 'get_entitlement_summary', { workspace_id });
    expect(summary.structuredContent.data.entitlements.posts).toMatchObject({ used: 45, percentage: 4.5 });
    expect((await refusal(client, 'check_entitlement')).errors).toHaveProperty('feature');
  });

  test('retries a delivery', async () => {
    const client = await connect(app.key);
    const hook = await app.call('POST', '/webhooks', {
      body: { url: 'http://127.0.0.1:9/hook', events: ['retry.me'] },
    });
    const webhook = { webhook_id: hook.body.data.id };
    await call(client, 'publish_event', { type: 'retry.me', data: {} });
    await app.waitForAll();
    const { structuredContent } = await call(client, 'list_deliveries', webhook);
    const [delivery] = structuredContent.data;
    expect(delivery.event_type).toBe('retry.me');
    const one = { ...webhook, delivery_id: delivery.id };
    expect((await call(client, 'get_delivery', one)).structuredContent.data.id).toBe(delivery.id);
    expect((await call(client, 'retry_delivery', one)).structuredContent).toMatchObject({
      message: 'Delivery queued for retry.',
      data: { id: delivery.id, status: 'pending' },
    });
  });

  test('counts in the log as the key that it is', async () => {
    const client = await connect(app.key);
    const events = await app.appended(() => call(client, 'create_workspace', { name: 'Who' }));
    const created = events.find(({ type }) => type === 'WorkspaceCreated');
    expect(created?.metadata).toMatchObject({
      actor: { key: expect.any(String), user: expect.any(String) },
      requestId: expect.stringMatching(/^req_/),
      ip: expect.any(String),
    });
  });
});

describe('recent events', () => {
  test('come newest first, a page at a time, without what is sealed', async () => {
    const client = await connect(app.key);
    const key = await app.call('POST', '/api-keys', { body: { name: 'Seen', scopes: [] } });
    await app.call('POST', '/webhooks', { body: { url: 'https://example.com/h', events: ['a.b'] } });
    await call(client, 'publish_event', { type: 'post.created', data: { secret: 'mine', hash: 'my own' } });
    const { structuredContent } = await call(client, 'list_recent_events', { limit: 3 });
    const [published, hook, made] = structuredContent.data;
    expect(published).toEqual({
      id: expect.stringMatching(/^evt_/),
      position: expect.any(Number),
      stream: expect.stringMatching(/^published-/),
      revision: 0,
      type: 'post.created',
      created_at: expect.stringMatching(/Z$/),
      data: { secret: 'mine', hash: 'my own' },
      metadata: {
        actor: { api_key: expect.stringMatching(/^key_/), user: expect.stringMatching(/^usr_/) },
        request_id: expect.stringMatching(/^req_/),
        correlation_id: expect.stringMatching(/^req_/),
      },
    });
    expect([hook.type, made.type]).toEqual(['webhook.created', 'api_key.created']);
    expect(hook.data).toMatchObject({ url: 'https://example.com/h' });
    expect(hook.data).not.toHaveProperty('secret');
    expect(made.data).toMatchObject({ name: 'Seen' });
    expect(made.data).not.toHaveProperty('secretHash');
    expect(JSON.stringify(structuredContent)).not.toContain(key.body.data.key);

    const rest = await call(client, 'list_recent_events', {
      before: structuredContent.next_before,
      limit: 1,
    });
    expect(rest.structuredContent.data[0].position).toBeLessThan(made.position);
    const keys = await call(client, 'list_recent_events', { type: 'api_key.*', limit: 100 });
    expect(
      new Set(keys.structuredContent.data.map(({ type }: { type: string }) => type.split('.')[0])),
    ).toEqual(new Set(['api_key']));
  });

  test('are those of the workspace alone', async () => {
    const theirs = await connect(stranger.key);
    await call(theirs, 'publish_event', { type: 'theirs.only', data: {} });
    const ours = await connect(app.key);
    const { structuredContent } = await call(ours, 'list_recent_events', { limit: 100 });
    expect(structuredContent.data.length).toBeGreaterThan(0);
    expect(JSON.stringify(structuredContent)).not.toContain('theirs.only');
    const seen = await call(theirs, 'list_recent_events');
    expect(seen.structuredContent.data.map(({ type }: { type: string }) => type)).toContain('theirs.only');
  });

  test('refuse what they do not know', async () => {
    const client = await connect(app.key);
    for (const args of [{ limit: 0 }, { limit: 101 }, { limit: 'x' }, { before: -1 }, { type: 'no type' }])
      expect(Object.keys((await refusal(client, 'list_recent_events', args)).errors)).toEqual(
        Object.keys(args),
      );
  });
});

describe('a key', () => {
  test('without a scope is refused, and is not shown the tool', async () => {
    const client = await connect(await scopedKey(app, ['workspaces:read']));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['list_workspaces', 'get_workspace']);
    expect((await call(client, 'list_workspaces')).isError).toBeUndefined();
    expect(await refusal(client, 'create_workspace', { name: 'x' })).toEqual({
      error: 'access_denied',
      message: 'Insufficient permissions. Required scope: workspaces:write',
    });
    expect((await refusal(client, 'list_recent_events')).message).toContain('events:read');
  });

  test('that is bad, or none, is 401', async () => {
    await expect(connect(`sk_live_${'x'.repeat(40)}`)).rejects.toMatchObject({ code: 401 });
    const answer = await fetch(`${app.url}/mcp`, { method: 'POST', body: '{}' });
    expect([answer.status, answer.headers.get('www-authenticate'), await answer.json()]).toEqual([
      401,
      'Bearer',
      { error: 'unauthorized', message: 'Invalid or missing API key.' },
    ]);
  });

  test('has one bucket for the API and for this', async () => {
    const key = await scopedKey(app, ['workspaces:read'], { rate_limit_tier: 'free' });
    const client = await connect(key); // two requests and the opening of a stream, which there is none of
    await call(client, 'list_workspaces');
    let left = 60;
    while (left > 0) {
      const { headers, status } = await app.call('GET', '/workspaces', { key });
      expect(status).toBe(200);
      left = Number(headers.get('x-ratelimit-remaining'));
    }
    await expect(call(client, 'list_workspaces')).rejects.toMatchObject({ code: 429 });
    const answer = await post({}, { authorization: `Bearer ${key}` });
    expect([answer.status, answer.headers.get('x-ratelimit-limit')]).toEqual([429, '60']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('what is no message', () => {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  test('gets the errors that it would get anywhere', async () => {
    for (const [body, status, error] of [
      ['{', 400, 'invalid_json'],
      ['null', 422, 'validation_failed'],
      [[message], 422, 'validation_failed'],
      ['x'.repeat(1_048_577), 413, 'payload_too_large'],
    ] as const) {
      const answer = await post(body);
      expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([status, error]);
    }
    expect((await post(message, { 'content-type': 'text/html' })).status).toBe(415);
  });
  test('is refused by the protocol where it is not of its form', async () => {
    for (const [body, headers, status] of [
      [{ hello: 'world' }, {}, 400],
      [message, { accept: 'text/html' }, 406],
      [message, { 'mcp-protocol-version': '1999-01-01' }, 400],
    ] as const) {
      const answer = await post(body, headers);
      expect([answer.status, await answer.json()]).toEqual([
        status,
        { jsonrpc: '2.0', id: null, error: { code: expect.any(Number), message: expect.any(String) } },
      ]);
    }
    const unknown = await post({ ...message, method: 'no/such' });
    expect(await unknown.json()).toMatchObject({ error: { code: -32_601 } });
  });
  test('sent by another method is 405: there are no streams and no sessions', async () => {
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH']) {
      const answer = await post(undefined, {}, method);
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST, OPTIONS']);
      expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
    }
    expect((await post(undefined, {}, 'OPTIONS')).status).toBe(204);
  });
  test('a notification is taken and needs no answer', async () => {
    const answer = await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect([answer.status, await answer.text()]).toEqual([202, '']);
  });
});
