// The OpenAPI document and the page made of it: complete, consistent, and true of the running server.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type OpenApi, type Operation, openApiOperations } from '../../src/http/openapi.js';
import type { JsonSchema } from '../../src/http/openapi-schemas.js';
import { operations as operationsOf } from '../../src/http/operations.js';
import { patternOf } from '../../src/http/table.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { documentOf, operationIn } from '../support/documented.js';
import { startFrame } from '../support/frame.js';

let app: TestApp;
let document: OpenApi;
beforeAll(async () => {
  app = await startTestApp({ PUBLIC_URL: 'https://api.example.com' });
  document = await documentOf(app.url);
});
afterAll(() => app.stop());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

const operationOf = (id: string): Operation => {
  const found = operationIn(document, id);
  if (!found) throw new Error(`no operation ${id}`);
  return found;
};

/** Every value of the document, with the way to it. */
function* walk(value: unknown, way: string): Generator<readonly [string, unknown]> {
  yield [way, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* walk(inner, `${way}/${key}`);
}

const resolve = (reference: string): unknown =>
  reference
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);

test('is OpenAPI 3.1 and says where the server is', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(document.info).toEqual({
    title: 'core-api',
    version: expect.any(String),
    description: expect.any(String),
  });
  expect(document.servers).toEqual([{ url: 'https://api.example.com/api/v1' }]);
});

test('has every route of the table, under its own id, and nothing else', () => {
  const described = operations().map(({ path, method, operation }) => [
    method,
    `/api/v1${path}`,
    operation.operationId,
  ]);
  const served = app.app.routes.map(({ method, path, doc }) => [method, patternOf(path), doc.id]);
  expect(described.toSorted()).toEqual(served.toSorted());
  const ids = described.map(([, , id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('resolves every $ref', () => {
  const references = [...walk(document, '#')].filter(([way]) => way.endsWith('/$ref'));
  expect(references.length).toBeGreaterThan(100);
  for (const [way, reference] of references)
    expect([way, resolve(String(reference)) !== undefined]).toEqual([way, true]);
});

test('names tags that are declared, and describes every answer', () => {
  const tags = document.tags.map(({ name }) => name);
  for (const { operation } of operations()) {
    for (const tag of operation.tags) expect(tags).toContain(tag);
    for (const response of Object.values(operation.responses))
      if (!('$ref' in response)) expect(response.description.length).toBeGreaterThan(0);
  }
});

const parametersOf = ({ parameters }: Operation) =>
  parameters.map((parameter) =>
    '$ref' in parameter ? (resolve(parameter.$ref) as typeof parameter) : parameter,
  ) as {
    name: string;
    in: string;
    required?: boolean;
    description?: string;
    schema: object;
  }[];

describe('every operation', () => {
  test('describes the parameters of its path, all required', () => {
    for (const { path, operation } of operations()) {
      const inPath = parametersOf(operation).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      for (const { required } of inPath) expect(required).toBe(true);
    }
  });

  test('takes the context and the dialect; writes an idempotency key; changes a revision', () => {
    for (const { method, operation } of operations()) {
      const headers = parametersOf(operation)
        .filter((parameter) => parameter.in === 'header')
        .map(({ name }) => name);
      const keyed = operation.security.length > 0;
      expect(headers).toContain('X-API-Dialect');
      expect(headers.includes('X-Workspace-ID')).toBe(keyed);
      const queried = parametersOf(operation).filter((parameter) => parameter.in === 'query');
      for (const name of ['workspace_id', 'workspace', 'namespace_id', 'namespace'])
        expect(queried.filter((parameter) => parameter.name === name)).toHaveLength(keyed ? 1 : 0);
      expect(headers.includes('Idempotency-Key')).toBe(keyed && method !== 'GET');
      // Where that is, every-route.test.ts tries.
      expect(headers.includes('If-Match')).toBe('412' in operation.responses);
    }
  });

  test('tells of ETag, If-None-Match and 304 exactly where a record with a revision is answered', async () => {
    const told = operations().filter(({ operation }) => operation.responses['304'] !== undefined);
    expect(told.map(({ operation }) => operation.operationId).toSorted()).toEqual([
      'getApiKey',
      'getCurrentApiKey',
      'getCurrentUser',
      'getDelivery',
      'getNamespace',
      'getUser',
      'getWebhook',
      'getWorkspace',
    ]);
    for (const { operation } of operations()) {
      const names = parametersOf(operation).map(({ name }) => name);
      expect(names.includes('If-None-Match')).toBe('304' in operation.responses);
      const ok = operation.responses['200'] as { headers?: object } | undefined;
      expect('ETag' in (ok?.headers ?? {})).toBe('304' in operation.responses);
    }
    const none = { headers: { 'If-None-Match': '*' } };
    expect((await app.call('GET', '/workspaces/1', none)).status).toBe(304);
    expect((await app.call('GET', '/mcp/servers/filesystem', none)).status).toBe(200);
  });

  test('is secured unless it is the pixel’s, and says 401, 403, 404, 422 and 429 in both dialects', () => {
    for (const { operation, path } of operations()) {
      const keyed = !path.startsWith('/pixel');
      expect(operation.security).toEqual(keyed ? [{ bearer: [] }, { basic: [] }] : []);
      expect('401' in operation.responses).toBe(keyed);
      // A key may lack a scope, or be bound to another address.
      expect('403' in operation.responses).toBe(keyed);
      for (const status of ['401', '404', '422', '429']) {
        const response = operation.responses[status] ?? {};
        // A route may tell in words of its own when it refuses.
        if (!('$ref' in response)) continue;
        const { content } = resolve(response.$ref as string) as {
          content: { 'application/json': { examples: object } };
        };
        expect(Object.keys(content['application/json'].examples)).toEqual(['2024', '2026']);
      }
    }
  });

  test('describes the body and the headers of every refusal, also of those told in words of its own', () => {
    type Told = { headers: object; content: { 'application/json': { schema: { anyOf: JsonSchema[] } } } };
    const fieldsAt = (operation: Operation, status: string): string[] => {
      const response = operation.responses[status] as Told | { $ref: string };
      const { headers, content } = '$ref' in response ? (resolve(response.$ref) as Told) : response;
      expect(Object.keys(headers)).toContain('X-RateLimit-Remaining');
      expect('Retry-After' in headers).toBe(['409', '429', '503'].includes(status));
      const { anyOf } = content['application/json'].schema;
      return [...new Set(anyOf.flatMap(({ properties }) => Object.keys(properties ?? {})))];
    };
    for (const { operation } of operations())
      for (const status of Object.keys(operation.responses).filter((text) => text >= '400'))
        expect(fieldsAt(operation, status)).toEqual(expect.arrayContaining(['error', 'message']));
    expect(fieldsAt(operationOf('recordUsage'), '403')).toEqual(
      expect.arrayContaining(['feature', 'upgrade_url']),
    );
    expect(fieldsAt(operationOf('callMcpTool'), '429')).toEqual(
      expect.arrayContaining(['retry_after', 'limit', 'remaining', 'reset_at']),
    );
  });
});

test('fields that are shown only when asked for are told, by the dialect where they differ', () => {
  const told = (id: string) =>
    parametersOf(operationOf(id)).find((parameter) => parameter.name === 'fields')?.description;
  expect(told('getWorkspace')).toContain(
    'Shown only when asked for: `status`, `tags`, `metadata`, `pixel_key`.',
  );
  expect(told('listWebhooks')).toContain('Shown only when asked for in the dialect 2024: ');
  expect(told('listMcpServers')).toBe('Only these fields, separated by commas.');
});

type Media = { content: { 'application/json': { schema: { anyOf: JsonSchema[] } } } };

test('a 422 tells its texts by field, whatever the fields are', () => {
  const { schema } = (resolve('#/components/responses/validation_failed') as Media).content[
    'application/json'
  ];
  const texts = { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } };
  expect(schema.anyOf).toMatchObject([
    { properties: { errors: texts } },
    { properties: { error: { properties: { details: texts } } } },
  ]);
  for (const [, inner] of walk(document, '#'))
    expect(inner).not.toMatchObject({ properties: { errors: { properties: expect.anything() } } });
});

test('lists take paging, sorting, sparse fields and filters', () => {
  const query = parametersOf(operationOf('listWorkspaces')).filter((parameter) => parameter.in === 'query');
  expect(query.map(({ name }) => name)).toEqual([
    'page',
    'per_page',
    'sort',
    'fields',
    'include',
    'search',
    'status',
    'created_after',
    'created_before',
    'updated_after',
    'updated_before',
    'workspace_id',
    'workspace',
    'namespace_id',
    'namespace',
  ]);
  expect(query.find(({ name }) => name === 'per_page')?.schema).toMatchObject({
    type: 'integer',
    maximum: 100,
  });
  expect(query.find(({ name }) => name === 'status')?.schema).toMatchObject({
    enum: ['active', 'inactive', 'suspended'],
  });
});

test('a filter of one list alone says what it takes', () => {
  const filter = (id: string, name: string) =>
    parametersOf(operationOf(id)).find((parameter) => parameter.in === 'query' && parameter.name === name)
      ?.schema;
  expect(filter('listNamespaces', 'workspace_id')).toEqual({ type: 'string' });
  const texts = operationOf('listNamespaces').parameters.map((one) => ('$ref' in one ? '' : one.description));
  expect(texts).toContainEqual(expect.stringContaining('Only those of this workspace'));
  expect(filter('listNamespaces', 'owner_type')).toEqual({ type: 'string', enum: ['User', 'Workspace'] });
  expect(filter('listNamespaces', 'is_active')).toEqual({ type: 'boolean' });
  expect(filter('listMembers', 'role')).toEqual({ type: 'string', enum: ['owner', 'admin', 'member'] });
  expect(filter('listSeoIssues', 'severity')).toMatchObject({ enum: expect.arrayContaining(['warning']) });
});

test('a body says what is required and how long it may be', () => {
  const { requestBody } = operationOf('createWorkspace');
  expect(requestBody?.content['application/json'].schema).toMatchObject({
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 255 },
      slug: { type: 'string', maxLength: 100 },
      tier: { type: 'string', default: 'free', enum: expect.arrayContaining(['free', 'enterprise']) },
    },
  });
});

test('every example is valid against the schema beside it', () => {
  let checked = 0;
  for (const [way, value] of walk(document, '#')) {
    if (typeof value !== 'object' || value === null || !('schema' in value)) continue;
    const media = value as {
      schema: object;
      example?: unknown;
      examples?: Record<string, { value: unknown }>;
    };
    const examples = [
      ...('example' in media ? [media.example] : []),
      ...(Array.isArray(media.examples)
        ? []
        : Object.values(media.examples ?? {}).map((example) => example.value)),
    ];
    if (examples.length === 0) continue;
    const schema = z.fromJSONSchema(media.schema as Parameters<typeof z.fromJSONSchema>[0]);
    for (const example of examples) {
      const { success, error } = schema.safeParse(example);
      expect([way, success, error?.issues]).toEqual([way, true, undefined]);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(60);
});

test('of an empty page from and to are null', () => {
  const places = [...walk(document, '#')].filter(([way]) => /\/meta\/properties\/(?:from|to)$/.test(way));
  expect(places.length).toBeGreaterThan(10);
  for (const [, schema] of places) expect(schema).toEqual({ type: ['integer', 'null'] });
});

test('the request examples are accepted by the server', async () => {
  const body = operationOf('createWorkspace').requestBody?.content['application/json'].example;
  const { status } = await app.call('POST', '/workspaces', { body });
  expect(status).toBe(201);
});

describe('/docs', () => {
  test('is one page that loads nothing: its policy names the style and script that stand in it', async () => {
    const response = await fetch(`${app.url}/docs`);
    const html = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    for (const [tag, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ]) {
      const content = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html)?.[1] ?? '';
      expect(content.length).toBeGreaterThan(100);
      const hash = createHash('sha256').update(content).digest('base64');
      expect(policy).toContain(`${directive} 'sha256-${hash}'`);
    }
    expect(html).not.toMatch(/<(?:link|img|script src|iframe)|@import|url\(/);
    expect(html).not.toMatch(/\son\w+=|style="/);
  });

  test('has every endpoint with an example for curl, and every error', async () => {
    const html = await (await fetch(`${app.url}/docs`)).text();
    for (const { operation } of operations())
      expect(html).toContain(`<section id="${operation.operationId}"`);
    expect(html).toContain('curl -X POST &#39;https://api.example.com/api/v1/workspaces&#39;');
    expect(html).toContain('id="error-validation_failed"');
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, anchor] of html.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(anchor);
  });
});

describe('operational routes', () => {
  test('/health and /ready say that all is well', async () => {
    for (const [path, body] of [
      ['/health', { status: 'ok' }],
      ['/ready', { status: 'ready', reasons: [] }],
    ] as const) {
      const response = await fetch(app.url + path);
      expect([response.status, await response.json()]).toEqual([200, body]);
      expect(response.headers.get('x-request-id')).toMatch(/^req_/);
      expect(response.headers.get('x-powered-by')).toBeNull();
    }
  });

  test('/ready says 503 and why while the server cannot serve', async () => {
    const { metrics } = app.app;
    const frame = await startFrame(app, [], {
      operations: operationsOf({
        readiness: () => ({ ready: false, reasons: ['workspaces has not caught up.'] }),
        metricsText: metrics.text,
        metricsType: metrics.registry.contentType,
        ...openApiOperations([]),
      }),
    });
    try {
      const response = await fetch(`${frame.url}/ready`);
      expect([response.status, await response.json()]).toEqual([
        503,
        { status: 'not_ready', reasons: ['workspaces has not caught up.'] },
      ]);
      expect((await fetch(`${frame.url}/health`)).status).toBe(200);
    } finally {
      await frame.stop();
    }
  });

  test('/metrics counts requests by method, route pattern and status', async () => {
    await app.call('GET', '/workspaces/1');
    await app.call('GET', '/workspaces/999');
    const text = await (await fetch(`${app.url}/metrics`)).text();
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/workspaces\/\{id\}",status="200"\} \d+/,
    );
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/workspaces\/\{id\}",status="404"\} \d+/,
    );
    expect(text).not.toContain('workspaces/999');
    for (const name of [
      'event_log_appends_total',
      'event_log_sync_duration_seconds_count',
      'projection_lag',
      'delivery_queue_depth',
      'process_resident_memory_bytes',
    ])
      expect(text).toContain(name);
  });

  test('answer GET and HEAD only', async () => {
    const response = await fetch(`${app.url}/health`, { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect(((await response.json()) as { error: string }).error).toBe('method_not_allowed');
    const head = await fetch(`${app.url}/docs`, { method: 'HEAD' });
    expect([head.status, await head.text(), Number(head.headers.get('content-length')) > 10_000]).toEqual([
      200,
      '',
      true,
    ]);
  });
});

test('document and page are shared by all answers: whoever does not read them holds no copy', () => {
  const { openapi, docs } = openApiOperations([]);
  const [document, page] = [openapi(), docs('https://a.example').html];
  expect([document, page].every(Buffer.isBuffer)).toBe(true);
  expect(openapi()).toBe(document);
  expect(docs('https://a.example').html).toBe(page);
  expect(docs('https://b.example').html).not.toBe(page);
});
