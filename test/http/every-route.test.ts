// What every endpoint owes its callers, checked on every row of the route table: a new route cannot forget it.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dialect, dialects } from '../../src/dialects/dialect.js';
import type { Method, Route } from '../../src/http/route.js';
import { type Called, type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { documentOf, operationIn, undescribedBy } from '../support/documented.js';
import { ask, startFrame } from '../support/frame.js';
import { newTenant, scopedKey, type Tenant } from '../support/tenants.js';

/** A batch of one. */
const operations = (action: string, more: object) => ({ operations: [{ action, ...more }] });

const newAddress = () => `person-${randomUUID()}@example.com`;

/** A good request to each route, by its id. Path parameters are filled in with records of the asking tenant. */
const fixtures: Readonly<
  Record<string, { readonly body?: () => object; readonly query?: string; readonly status: number }>
> = {
  listWorkspaces: { status: 200 },
  getWorkspace: { status: 200 },
  createWorkspace: { status: 201, body: () => ({ name: 'Every route' }) },
  updateWorkspace: { status: 200, body: () => ({ name: 'Renamed' }) },
  deleteWorkspace: { status: 204 },
  batchWorkspaces: { status: 200, body: () => operations('create', { data: { name: 'Every route' } }) },
  listMembers: { status: 200 },
  addMember: { status: 201, body: () => ({ email: newAddress(), role: 'member' }) },
  updateMember: { status: 200, body: () => ({ role: 'admin' }) },
  removeMember: { status: 204 },
  listUsers: { status: 200 },
  getCurrentUser: { status: 200 },
  getUser: { status: 200 },
  updateUser: { status: 200, body: () => ({ name: 'Renamed' }) },
  eraseUser: { status: 204 },
  listNamespaces: { status: 200 },
  getNamespace: { status: 200 },
  createNamespace: { status: 201, body: () => ({ name: 'Every route' }) },
  updateNamespace: { status: 200, body: () => ({ name: 'Renamed' }) },
  deleteNamespace: { status: 204 },
  listApiKeys: { status: 200 },
  getCurrentApiKey: { status: 200 },
  getApiKey: { status: 200 },
  createApiKey: { status: 201, body: () => ({ name: 'Every route', scopes: [] }) },
  updateApiKey: { status: 200, body: () => ({ name: 'Renamed' }) },
  rotateApiKey: { status: 200, body: () => ({ grace_period_hours: 1 }) },
  revokeApiKey: { status: 204 },
  batchNamespaces: { status: 200, body: () => operations('create', { data: { name: 'Every route' } }) },
  batchUsers: {
    status: 200,
    body: () => operations('create', { data: { email: `${randomUUID()}@example.com` } }),
  },
  batchApiKeys: {
    status: 200,
    body: () => operations('create', { data: { name: 'Every route', scopes: [] } }),
  },
  verifyApiKey: { status: 200, body: () => ({ key: 'sk_live_unknown' }) },
  listWebhooks: { status: 200 },
  getWebhook: { status: 200 },
  createWebhook: { status: 201, body: () => ({ url: target, events: ['post.created'] }) },
  updateWebhook: { status: 200, body: () => ({ events: ['post.*'] }) },
  deleteWebhook: { status: 204 },
  batchWebhooks: {
    status: 200,
    body: () => operations('create', { data: { url: target, events: ['post.created'] } }),
  },
  rotateWebhookSecret: { status: 200, body: () => ({ grace_period_seconds: 0 }) },
  testWebhook: { status: 200 },
  listDeliveries: { status: 200 },
  getDelivery: { status: 200 },
  retryDelivery: { status: 200 },
  listEventTypes: { status: 200 },
  getUsage: { status: 200 },
  getPixelConfig: { status: 200 },
  trackPixel: { status: 200, body: () => ({ event: 'pageview', url: 'https://example.com/' }) },
  trackPixelImage: { status: 200 },
  getPixelScript: { status: 200 },
  createSeoReport: { status: 201, body: () => ({ url: 'https://example.com/', scores: { seo: 95 } }) },
  listSeoIssues: { status: 200 },
  listMcpServers: { status: 200 },
  getMcpServer: { status: 200 },
  listMcpTools: { status: 200 },
  callMcpTool: {
    status: 200,
    body: () => ({ server: 'filesystem', tool: 'write_file', arguments: { path: 'a.txt', content: 'a' } }),
  },
  readMcpResource: { status: 200 },
  checkEntitlement: { status: 200, query: 'feature=posts' },
  recordUsage: { status: 200, body: () => ({ feature: 'posts' }) },
  correctUsage: { status: 200, body: () => ({ quantity: 0, reason: 'Counted twice' }) },
  getEntitlementSummary: { status: 200 },
  assignWorkspacePackage: { status: 201, body: () => ({ package: 'pkg_extra_storage' }) },
  cancelWorkspacePackage: { status: 204, query: 'package=pkg_extra_storage' },
  grantWorkspaceBoost: {
    status: 201,
    body: () => ({ feature: 'posts', type: 'add_limit', amount: 5 }),
  },
  checkNamespaceEntitlement: { status: 200, body: () => ({ feature: 'posts' }) },
  assignNamespacePackage: { status: 201, body: () => ({ package: 'pkg_starter' }) },
  cancelNamespacePackage: { status: 204, query: 'package=pkg_starter' },
  grantNamespaceBoost: { status: 201, body: () => ({ feature: 'posts', type: 'add_limit', amount: 5 }) },
  suspendNamespaceEntitlements: { status: 200, body: () => ({ reason: 'Payment failed' }) },
  resumeNamespaceEntitlements: { status: 200 },
  suspendWorkspaceEntitlements: { status: 200, body: () => ({ reason: 'Payment failed' }) },
  resumeWorkspaceEntitlements: { status: 200 },
  publishEvent: { status: 202, body: () => ({ type: 'post.created', data: {}, id: randomUUID() }) },
};

/** Nobody listens there: deliveries stay under way. */
const target = 'http://127.0.0.1:9/hook';
const UNKNOWN = '999999';

/** Integer ids of one record of each kind. */
type Records = Readonly<
  Record<
    | 'workspaces'
    | 'workspace_id'
    | 'user_id'
    | 'users'
    | 'namespaces'
    | 'api-keys'
    | 'webhooks'
    | 'deliveryId'
    | 'entitlements'
    | 'mcp'
    | 'uri'
    | 'key',
    string
  >
>;

let app: TestApp;
let routes: readonly Route[];
let own: Records;
let foreign: Records;
let stranger: Tenant;
let weak: string;

const dataOf = ({ body, status, text }: Called) => {
  if (status >= 400) throw new Error(`${status} ${text}`);
  return body.data;
};

/** Makes a record of each kind, reached by `key`. */
const makeRecords = async (key: string): Promise<Records> => {
  const post = async (path: string, body: object) => dataOf(await app.call('POST', path, { key, body }));
  const workspace = await post('/workspaces', { name: 'Record' });
  const home = dataOf(await app.call('GET', '/api-keys/current?include=workspace', { key })).workspace;
  const invite = (id: unknown) => post(`/workspaces/${id}/members`, { email: newAddress() });
  const [member, user] = [await invite(workspace.id), await invite(home.id)];
  const namespace = await post('/namespaces', { name: 'Record' });
  const apiKey = await post('/api-keys', { name: 'Record', scopes: [] });
  const webhook = await post('/webhooks', { url: target, events: ['record.made'] });
  await post('/events', { type: 'record.made', data: {} });
  const file = { path: 'record.txt', content: 'Record' };
  await post('/mcp/tools/call', { server: 'filesystem', tool: 'write_file', arguments: file });
  const usage = await app.call('POST', '/entitlements/usage', { key, body: { feature: 'posts' } });
  await app.waitForAll();
  const [delivery] = dataOf(await app.call('GET', `/webhooks/${webhook.id}/deliveries`, { key }));
  return {
    workspaces: String(workspace.id),
    workspace_id: String(workspace.id),
    user_id: String(member.id),
    users: String(user.id),
    namespaces: String(namespace.id),
    'api-keys': String(apiKey.id),
    webhooks: String(webhook.id),
    deliveryId: String(delivery.id),
    entitlements: usage.body.id,
    mcp: 'filesystem',
    key: 'px_unknown',
    uri: encodeURIComponent('filesystem://record.txt'),
  };
};

beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_TIMEOUT_MS: '500' });
  routes = app.app.routes;
  stranger = await newTenant(app);
  weak = await scopedKey(app, ['posts:read']);
  own = await makeRecords(app.key);
  // MCP servers are nobody's: in place of a stranger's stands one that is not configured.
  foreign = { ...(await makeRecords(stranger.key)), mcp: 'nobodys' };
});
afterAll(() => app.stop());

/** The path with its parameters filled in: `id` names a record of the kind that the path begins with. */
const pathTo = (route: Route, records: Partial<Records> | string, more = ''): string => {
  const query = [fixtures[route.doc.id]?.query, more].filter(Boolean).join('&');
  return filled(route, records) + (query === '' ? '' : `?${query}`);
};
const filled = (route: Route, records: Partial<Records> | string): string =>
  route.path.replace(/[:*](\w+)/g, (_, name: string) => {
    const kind = (name === 'id' ? route.path.split('/')[1] : name) as keyof Records;
    const id = typeof records === 'string' ? records : records[kind];
    if (id === undefined) throw new Error(`no record for :${name} of ${route.path}`);
    return id;
  });

const isWrite = ({ method }: Route) => method !== 'GET';
/** What ends a record comes last. */
const byEnd = (left: Route, right: Route) => endOf(left) - endOf(right);
const endOf = ({ method, path }: Route) =>
  method === 'DELETE' ? 1 + Number(path.split('/').length === 3) : 0;
/** False for the few routes that anybody may call. */
const isKeyed = ({ scope }: Route) => scope !== 'none';
const bodyOf = (route: Route): CallOptions => {
  const { body } = fixtures[route.doc.id] ?? {};
  return body ? { body: body() } : {};
};

type Refusal = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly fields: object;
};

/** What a refusal says, whatever its dialect; checks what every answer must carry. */
const refusalOf = ({ status, body, headers }: Called, dialect: Dialect): Refusal => {
  expect(headers.get('x-request-id')).toMatch(/^req_/);
  expect(headers.get('x-api-dialect')).toBe(dialect);
  for (const name of ['limit', 'remaining', 'reset'])
    expect(headers.get(`x-ratelimit-${name}`)).toMatch(/^\d+$/);
  if (dialect === '2026')
    return { status, code: body.error, message: body.message, fields: body.errors ?? {} };
  const { code, message, details = {} } = body.error;
  return { status, code, message, fields: details };
};

const codes = {
  2026: {
    missing: 'unauthorized',
    bad: 'unauthorized',
    scope: 'access_denied',
    none: 'not_found',
    method: 'method_not_allowed',
    invalid: 'validation_failed',
    json: 'invalid_json',
  },
  2024: {
    missing: 'UNAUTHENTICATED',
    bad: 'INVALID_API_KEY',
    scope: 'INSUFFICIENT_PERMISSIONS',
    none: 'RESOURCE_NOT_FOUND',
    method: 'METHOD_NOT_ALLOWED',
    invalid: 'VALIDATION_ERROR',
    json: 'INVALID_JSON',
  },
} as const;

/** Objects whose keys are the caller's own, or differ from record to record. */
const freeForm = [
  'settings',
  'metadata',
  'details',
  'scores',
  'entitlements',
  'parameters',
  'result',
  'request',
];

/** Where the keys of an answer are not those that the documentation shows. */
const unlike = (shown: unknown, real: unknown, way: string): string[] => {
  if (typeof shown !== 'object' || typeof real !== 'object' || shown === null || real === null) return [];
  if (Array.isArray(shown) && Array.isArray(real))
    return shown.length > 0 && real.length > 0 ? unlike(shown[0], real[0], `${way}[0]`) : [];
  const [expected, found] = [keysOf(shown), keysOf(real)];
  if (expected.join() !== found.join()) return [`${way}: shown ${expected}, answered ${found}`];
  return expected
    .filter((key) => !freeForm.includes(key))
    .flatMap((key) => unlike(at(shown, key), at(real, key), `${way}.${key}`));
};
/** Keys that a record has only in some states. */
const sometimes = ['delivered_at', 'next_retry_at'];
const keysOf = (value: object): string[] =>
  Object.keys(value)
    .filter((key) => !sometimes.includes(key))
    .toSorted();

/** What the documentation shows of success. Nobody listens where the test call goes: it fails. */
const documented = ({ doc: { id, success } }: Route, dialect: Dialect): unknown => {
  if (id === 'testWebhook') return undefined;
  return dialect === '2024' ? (success.example2024 ?? success.example) : success.example;
};
/** A batch asks for the scope of each operation. */
const scopesFor = ({ path, scope }: Route): string[] =>
  path.endsWith('/batch') ? ['*'] : scope === 'any' ? [] : [scope];
const at = (value: object, key: string): unknown => (value as Readonly<Record<string, unknown>>)[key];

/** The scope of each endpoint as the contract has it, written down once more: keys in use hold these very words. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  'workspaces:read': ['listWorkspaces', 'getWorkspace', 'listMembers'],
  'workspaces:write': ['createWorkspace', 'updateWorkspace', 'addMember', 'updateMember', 'removeMember'],
  'workspaces:delete': ['deleteWorkspace'],
  'users:read': ['listUsers', 'getUser'],
  any: [
    'getCurrentUser',
    'getCurrentApiKey',
    'batchWorkspaces',
    'batchNamespaces',
    'batchUsers',
    'batchApiKeys',
    'batchWebhooks',
  ],
  'users:write': ['updateUser'],
  'users:delete': ['eraseUser'],
  'namespaces:read': ['listNamespaces', 'getNamespace'],
  'namespaces:write': ['createNamespace', 'updateNamespace'],
  'namespaces:delete': ['deleteNamespace'],
  'api-keys:read': ['listApiKeys', 'getApiKey'],
  'api-keys:write': ['createApiKey', 'updateApiKey', 'rotateApiKey'],
  'api-keys:delete': ['revokeApiKey'],
  'api-keys:verify': ['verifyApiKey'],
  'webhooks:read': ['listWebhooks', 'getWebhook', 'listDeliveries', 'getDelivery', 'listEventTypes'],
  'webhooks:write': ['createWebhook', 'updateWebhook', 'rotateWebhookSecret', 'testWebhook', 'retryDelivery'],
  'webhooks:delete': ['deleteWebhook'],
  'entitlements:read': ['checkEntitlement', 'getEntitlementSummary', 'checkNamespaceEntitlement'],
  'entitlements:write': ['recordUsage', 'correctUsage'],
  'entitlements:manage': [
    'assignWorkspacePackage',
    'cancelWorkspacePackage',
    'grantWorkspaceBoost',
    'suspendWorkspaceEntitlements',
    'resumeWorkspaceEntitlements',
    'assignNamespacePackage',
    'cancelNamespacePackage',
    'grantNamespaceBoost',
    'suspendNamespaceEntitlements',
    'resumeNamespaceEntitlements',
  ],
  'events:write': ['publishEvent'],
  'usage:read': ['getUsage'],
  'seo:write': ['createSeoReport'],
  'seo:read': ['listSeoIssues'],
  none: ['getPixelConfig', 'trackPixel', 'trackPixelImage', 'getPixelScript'],
  'mcp:read': ['listMcpServers', 'getMcpServer', 'listMcpTools', 'readMcpResource'],
  'mcp:write': ['callMcpTool'],
};

test('every route asks for the scope that the contract gives it', () => {
  const documented = Object.entries(scopes).flatMap(([scope, ids]) => ids.map((id) => [id, scope]));
  const asked = app.app.routes.map(({ doc, scope }) => [doc.id, scope]);
  expect(Object.fromEntries(asked)).toEqual(Object.fromEntries(documented));
});

test('every route has a fixture here, and every fixture a route', () => {
  expect(Object.keys(fixtures).toSorted()).toEqual(routes.map(({ doc }) => doc.id).toSorted());
});

describe.each(dialects)('in the dialect %s, every route', (dialect) => {
  const code = codes[dialect];
  const headers = { 'X-API-Dialect': dialect };
  const refused = async (route: Route, path: string, options: CallOptions) =>
    refusalOf(
      await app.call(route.method, path, { ...options, headers: { ...headers, ...options.headers } }),
      dialect,
    );
  /** Runs the check on every route that it is about; what it refuses must leave no trace in the log. */
  const onEvery = async (wanted: (route: Route) => boolean, check: (route: Route) => Promise<void>) => {
    const about = routes.filter(wanted);
    expect(about.length).toBeGreaterThan(0);
    const events = await app.appended(async () => {
      for (const route of about) await check(route);
    });
    expect(events.filter(({ metadata }) => 'key' in metadata.actor)).toEqual([]);
  };
  const always = () => true;

  test('answers 401 without a key', () =>
    onEvery(isKeyed, async (route) => {
      const refusal = await refused(route, pathTo(route, own), { key: null, ...bodyOf(route) });
      expect([route.doc.id, refusal.status, refusal.code]).toEqual([route.doc.id, 401, code.missing]);
    }));

  test('answers 401 to a bad key', () =>
    onEvery(isKeyed, async (route) => {
      const key = `sk_live_${'x'.repeat(40)}`;
      const refusal = await refused(route, pathTo(route, own), { key, ...bodyOf(route) });
      expect([route.doc.id, refusal.status, refusal.code]).toEqual([route.doc.id, 401, code.bad]);
    }));

  test('answers 403 to a key without its scope, and names it', () =>
    onEvery(
      (route) => isKeyed(route) && route.scope !== 'any',
      async (route) => {
        const {
          status,
          code: said,
          message,
        } = await refused(route, pathTo(route, own), { key: weak, ...bodyOf(route) });
        const expected = `Insufficient permissions. Required scope: ${route.scope}`;
        expect([route.doc.id, status, said, message]).toEqual([route.doc.id, 403, code.scope, expected]);
      },
    ));

  test('answers 404 for another tenant’s record as for one that does not exist', () =>
    onEvery(
      (route) => isKeyed(route) && route.path.includes(':'),
      async (route) => {
        const unknown = await refused(route, pathTo(route, UNKNOWN), bodyOf(route));
        expect([route.doc.id, unknown.status, unknown.code]).toEqual([route.doc.id, 404, code.none]);
        expect(await refused(route, pathTo(route, foreign), bodyOf(route))).toEqual(unknown);
        expect(await refused(route, pathTo(route, 'nonsense'), bodyOf(route))).toEqual(unknown);
        if (!route.path.includes(':deliveryId')) return;
        const mixed = { ...own, deliveryId: foreign.deliveryId };
        expect(await refused(route, pathTo(route, mixed), bodyOf(route))).toEqual(unknown);
      },
    ));

  test('answers 404 for an unknown context workspace and for a stranger’s', () =>
    onEvery(isKeyed, async (route) => {
      for (const id of [UNKNOWN, String(stranger.workspace)])
        for (const [path, more] of [
          [pathTo(route, own), { 'X-Workspace-ID': id }],
          [pathTo(route, own, `workspace_id=${id}`), {}],
        ] as const) {
          const { status, message } = await refused(route, path, { headers: more, ...bodyOf(route) });
          expect([route.doc.id, status, message]).toEqual([route.doc.id, 404, 'Workspace not found.']);
        }
    }));

  test('answers 405 with Allow to a wrong method', () =>
    onEvery(always, async (route) => {
      const methods = routes.filter(({ path }) => path === route.path).map(({ method }) => method);
      const wrong = (['PUT', 'PATCH', 'DELETE', 'POST'] satisfies Method[]).find(
        (method) => !methods.includes(method),
      );
      const answer = await app.call(wrong ?? 'PUT', pathTo(route, own), { headers });
      expect([route.doc.id, answer.status, refusalOf(answer, dialect).code]).toEqual([
        route.doc.id,
        405,
        code.method,
      ]);
      for (const method of methods) expect(answer.headers.get('allow')?.split(', ')).toContain(method);
    }));

  test('that changes a record answers 412 when it is not the one that If-Match names', () =>
    onEvery(
      ({ method, path }) => ['PATCH', 'DELETE'].includes(method) && /:\w+$/.test(path),
      async (route) => {
        const asked = { headers: { 'If-Match': '"999999"' }, ...bodyOf(route) };
        const { status, code: said } = await refused(route, pathTo(route, own), asked);
        const changed = dialect === '2026' ? 'precondition_failed' : 'PRECONDITION_FAILED';
        expect([route.doc.id, status, said]).toEqual([route.doc.id, 412, changed]);
      },
    ));

  test('takes the fields and relations that the document lists, and no others', async () => {
    const document = await documentOf(app.url);
    const listed: string[] = [];
    for (const route of routes)
      for (const parameter of operationIn(document, route.doc.id)?.parameters ?? []) {
        if ('$ref' in parameter || !['fields', 'include'].includes(parameter.name)) continue;
        const { name, description = '', schema, style, explode } = parameter;
        expect([style, explode]).toEqual(['form', false]);
        const { status, fields } = await refused(route, pathTo(route, own, `${name}=nope`), {});
        const sentence = String(at(fields, name));
        const known = sentence.replace(/^.*one of: |\.$/g, '').split(', ');
        const elsewhere = [...description.matchAll(/Known only in the dialect (\d+): ([^.]+)\./g)]
          .filter(([, where]) => where !== dialect)
          .flatMap(([, , names = '']) => names.replaceAll('`', '').split(', '));
        const { enum: all } = schema['items'] as { enum: string[] };
        const here = all.filter((one) => !elsewhere.includes(one));
        expect([route.doc.id, status, here.toSorted()]).toEqual([route.doc.id, 422, known.toSorted()]);
        listed.push(name);
      }
    expect(listed.filter((name) => name === 'fields')).toHaveLength(
      routes.filter(({ shows }) => shows).length,
    );
    expect(listed.filter((name) => name === 'include').length).toBeGreaterThan(5);
  });

  test('answers 422 to a body field that it does not know', () =>
    onEvery(isWrite, async (route) => {
      const body = { ...(bodyOf(route).body as object), nmae: 1 };
      const { status, code: said, fields } = await refused(route, pathTo(route, own), { body });
      expect([route.doc.id, status, said, fields]).toEqual([
        route.doc.id,
        422,
        code.invalid,
        { nmae: ['The nmae field is not known.'] },
      ]);
    }));

  test('answers 422 to a query parameter that it does not know', () =>
    onEvery(always, async (route) => {
      const { status, fields } = await refused(route, pathTo(route, own, 'nmae=1'), bodyOf(route));
      expect([route.doc.id, status, fields]).toEqual([
        route.doc.id,
        422,
        { nmae: ['The nmae parameter is not known.'] },
      ]);
    }));

  test('answers 400 to a body that is no JSON', () =>
    onEvery(isWrite, async (route) => {
      const { status, code: said } = await refused(route, pathTo(route, own), { body: '{"name":' });
      expect([route.doc.id, status, said]).toEqual([route.doc.id, 400, code.json]);
    }));

  test('answers 422 to a body that is null', () =>
    onEvery(isWrite, async (route) => {
      const { status, fields } = await refused(route, pathTo(route, own), { body: 'null' });
      expect([route.doc.id, status, fields]).toEqual([
        route.doc.id,
        422,
        { body: ['The body must be a JSON object.'] },
      ]);
    }));

  test('does its work for a key that has its scope and no other, and answers what is documented', async () => {
    const records = await makeRecords(app.key);
    const different: string[] = [];
    const undescribed = await undescribedBy(app.url);
    const ordered = routes.toSorted(byEnd);
    for (const route of ordered) {
      const key = isKeyed(route) ? await scopedKey(app, scopesFor(route)) : null;
      const { status, text, body } = await app.call(route.method, pathTo(route, records), {
        key,
        headers,
        ...bodyOf(route),
      });
      const expected = fixtures[route.doc.id]?.status;
      expect([route.doc.id, status, status === expected ? '' : text]).toEqual([route.doc.id, expected, '']);
      different.push(...unlike(documented(route, dialect), body, route.doc.id));
      different.push(...undescribed(route.doc.id, status, body));
    }
    expect(different).toEqual([]);
  });
});

test('every route looks at If-Match exactly where the document says so', async () => {
  const records = await makeRecords(app.key);
  const document = await documentOf(app.url);
  const said = routes
    .map(({ doc }) => doc.id)
    .filter((id) => '412' in (operationIn(document, id)?.responses ?? {}));
  const refusing: string[] = [];
  for (const route of routes.toSorted(byEnd)) {
    const asked = { headers: { 'If-Match': '"999999"' }, ...bodyOf(route) };
    const { status } = await app.call(route.method, pathTo(route, records), asked);
    if (status === 412) refusing.push(route.doc.id);
    else expect([route.doc.id, status]).toEqual([route.doc.id, fixtures[route.doc.id]?.status]);
  }
  expect(refusing.toSorted()).toEqual(said.toSorted());
});

describe('an answer that was lost after the work was done, on every route that writes', () => {
  test('is given by the retry with the same Idempotency-Key, which writes nothing more', async () => {
    const records = await makeRecords(app.key);
    const lost = new Set<string>();
    const losing = (route: Route): Route => ({
      ...route,
      async handle(exchange) {
        const answer = await route.handle(exchange);
        if (lost.has(exchange.command.commandId)) return answer;
        lost.add(exchange.command.commandId);
        await app.waitForAll();
        throw new Error('the process was killed');
      },
    });
    const writing = routes.filter((route) => isWrite(route) && isKeyed(route)).toSorted(byEnd);
    const frame = await startFrame(app, writing.map(losing));
    try {
      for (const route of writing) {
        const options = {
          method: route.method,
          headers: { 'Idempotency-Key': randomUUID() },
          ...bodyOf(route),
        };
        const call = () => ask(frame, app.key, pathTo(route, records), options);
        expect([route.doc.id, (await call()).status]).toEqual([route.doc.id, 500]);
        const events = await app.appended(async () => {
          const { status, text } = await call();
          const expected = fixtures[route.doc.id]?.status;
          expect([route.doc.id, status, status === expected ? '' : text]).toEqual([
            route.doc.id,
            expected,
            '',
          ]);
        });
        const ours = events.filter(({ metadata }) => 'key' in metadata.actor).map(({ type }) => type);
        expect([route.doc.id, ours]).toEqual([route.doc.id, []]);
      }
      expect(lost.size).toBe(writing.length);
    } finally {
      await frame.stop();
    }
  });
});
