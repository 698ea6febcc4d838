// What holds for every endpoint, in both dialects, by a loop over the route table: a new route cannot forget it.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Route } from '../../src/http/route.js';
import { type Called, type CallOptions, startTestApp, type TestApp } from '../support/api.js';

/** What a valid request to a route needs: its path's parameters and its body. A route that is missing here fails. */
type Fixture = { readonly params?: Readonly<Record<string, string>>; readonly body?: object };
type Made = { webhook: string; key: string; delivery: string };

const fixtures = (made: Made): Readonly<Record<string, Fixture>> => {
  const webhook = { params: { id: made.webhook } };
  const key = { params: { id: made.key } };
  const delivery = { params: { id: made.webhook, deliveryId: made.delivery } };
  return {
    listWorkspaces: {},
    getWorkspace: { params: { id: '1' } },
    createWorkspace: { body: { name: 'New' } },
    updateWorkspace: { params: { id: '1' }, body: { name: 'Renamed' } },
    deleteWorkspace: { params: { id: '1' } },
    listApiKeys: {},
    getCurrentApiKey: {},
    getApiKey: key,
    createApiKey: { body: { name: 'New' } },
    updateApiKey: { ...key, body: { name: 'Renamed' } },
    rotateApiKey: { ...key, body: {} },
    revokeApiKey: key,
    verifyApiKey: { body: { key: `sk_test_${'v'.repeat(40)}` } },
    listWebhooks: {},
    getWebhook: webhook,
    createWebhook: { body: { url: 'https://example.com/h', events: ['*'] } },
    updateWebhook: { ...webhook, body: { is_active: false } },
    deleteWebhook: webhook,
    testWebhook: webhook,
    rotateWebhookSecret: { ...webhook, body: {} },
    listDeliveries: webhook,
    getDelivery: delivery,
    retryDelivery: delivery,
    listEventTypes: {},
    publishEvent: { body: { type: 'post.created', data: {} } },
  };
};

let app: TestApp;
let made: Made;
/** A `*` key of another tenant, a key that may do nothing, and the workspace of the other tenant. */
let foreign: string;
let powerless: string;
let foreignWorkspace: string;

beforeAll(async () => {
  // A receiver that is not there: the delivery stays, for the routes that need one.
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true', WEBHOOK_RETRY_SCHEDULE: '0,3600' });
  const webhook = await app.call('POST', '/webhooks', {
    body: { url: 'http://127.0.0.1:9/', events: ['post.*'] },
  });
  const key = await app.call('POST', '/api-keys', { body: { name: 'some' } });
  const none = await app.call('POST', '/api-keys', { body: { name: 'powerless', scopes: [] } });
  await app.call('POST', '/events', { body: { type: 'post.created', data: {} } });
  const deliveries = () => app.call('GET', `/webhooks/${webhook.body.data.id}/deliveries`);
  await vi.waitUntil(async () => (await deliveries()).body.meta.total === 1, { timeout: 10_000 });
  made = {
    webhook: `${webhook.body.data.id}`,
    key: `${key.body.data.id}`,
    delivery: `${(await deliveries()).body.data[0].id}`,
  };
  powerless = none.body.data.key;
  const other = await app.app.bootstrap.mintKey({ email: 'other@example.com' });
  foreign = other.key;
  foreignWorkspace = `${other.workspace.number}`;
});
afterAll(() => app.stop());

const routes = async (): Promise<readonly Route[]> => app.app.routes;
const fixtureOf = ({ doc }: Route): Fixture => {
  const fixture = fixtures(made)[doc.id];
  if (!fixture) throw new Error(`${doc.id} has no fixture in every-route.test.ts`);
  return fixture;
};
const pathOf = (route: Route, params = fixtureOf(route).params ?? {}): string =>
  route.path.replace(/:(\w+)/g, (_, name: string) => params[name] ?? `missing-${name}`);
const callRoute = (route: Route, options: CallOptions & { path?: string } = {}): Promise<Called> => {
  const { body } = fixtureOf(route);
  return app.call(route.method, options.path ?? pathOf(route), {
    ...(body === undefined ? {} : { body }),
    ...options,
  });
};

/** Runs a check on every route and says which ones failed it, so that one failure does not hide the next. */
const onEvery = async (
  check: (route: Route) => Promise<void>,
  which: (route: Route) => boolean = () => true,
) => {
  const chosen = (await routes()).filter(which);
  expect(chosen.length).toBeGreaterThan(0);
  for (const route of chosen) {
    try {
      await check(route);
    } catch (error) {
      throw new Error(`${route.method} ${route.path}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
};
const authenticated = ({ scope }: Route) => scope !== 'none';

describe('every route', () => {
  it('has a fixture here, an id of its own, and a fixture stands for a route', async () => {
    const ids = (await routes()).map(({ doc }) => doc.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(fixtures(made)).sort()).toEqual([...ids].sort());
  });

  for (const dialect of ['2026', '2024'] as const) {
    const headers = { 'X-API-Dialect': dialect };
    /** Code and sentence of an error, wherever the dialect puts them. */
    const errorOf = ({
      body,
    }: Called): { code: string; message: string; fields?: Record<string, string[]> } =>
      dialect === '2026'
        ? { code: body.error, message: body.message, ...(body.errors ? { fields: body.errors } : {}) }
        : {
            code: body.error.code,
            message: body.error.message,
            ...(body.error.details ? { fields: body.error.details } : {}),
          };
    const code = (in2026: string, in2024: string) => (dialect === '2026' ? in2026 : in2024);

    describe(`in the ${dialect} dialect`, () => {
      it('refuses a request without a key', () =>
        onEvery(async (route) => {
          const answer = await callRoute(route, { key: null, headers });
          expect(answer.status).toBe(401);
          expect(errorOf(answer)).toEqual({
            code: code('unauthorized', 'UNAUTHENTICATED'),
            message: 'Invalid or missing API key.',
          });
        }, authenticated));

      it('refuses a key that is malformed or unknown', () =>
        onEvery(async (route) => {
          for (const key of ['nonsense', `sk_live_${'a'.repeat(40)}`]) {
            const answer = await callRoute(route, { key, headers });
            expect(answer.status).toBe(401);
            expect(errorOf(answer)).toEqual({
              code: code('unauthorized', 'INVALID_API_KEY'),
              message: 'Invalid or missing API key.',
            });
          }
        }, authenticated));

      it('refuses a key without its scope, naming it', () =>
        onEvery(
          async (route) => {
            const answer = await callRoute(route, { key: powerless, headers });
            expect(answer.status).toBe(403);
            expect(errorOf(answer)).toEqual({
              code: code('access_denied', 'INSUFFICIENT_PERMISSIONS'),
              message: `Insufficient permissions. Required scope: ${route.scope}`,
            });
          },
          (route) => authenticated(route) && route.scope !== 'any',
        ));

      it('answers for another tenant’s record as for one that does not exist', () =>
        onEvery(
          async (route) => {
            const body = fixtureOf(route).body;
            const theirs = await callRoute(route, { key: foreign, headers });
            const unknown = await callRoute(route, {
              key: foreign,
              headers,
              path: pathOf(route, { id: '999999', deliveryId: '999999' }),
              ...(body === undefined ? {} : { body }),
            });
            expect(theirs.status).toBe(404);
            const steady = ({ text }: Called) => text.replace(/req_\w+/, 'req_');
            expect(steady(theirs)).toBe(steady(unknown));
          },
          ({ path }) => path.includes(':'),
        ));

      it('answers 404 in a context that is unknown or another tenant’s', () =>
        onEvery(async (route) => {
          for (const workspace of [foreignWorkspace, '999999', 'nonsense']) {
            const answer = await callRoute(route, { headers: { ...headers, 'X-Workspace-ID': workspace } });
            expect(answer.status).toBe(404);
            expect(errorOf(answer)).toEqual({
              code: code('not_found', 'RESOURCE_NOT_FOUND'),
              message: 'Workspace not found.',
            });
          }
        }, authenticated));

      it('refuses header and query that name different workspaces', () =>
        onEvery(async (route) => {
          const other = await app.call('GET', '/workspaces?sort=-id');
          const id =
            other.body.data.find((row: { id: number }) => row.id !== 1)?.id ??
            (await app.call('POST', '/workspaces', { body: { name: 'Second' } })).body.data.id;
          const answer = await callRoute(route, {
            headers: { ...headers, 'X-Workspace-ID': '1' },
            path: `${pathOf(route)}?workspace_id=${id}`,
          });
          expect(answer.status).toBe(422);
          expect(errorOf(answer).code).toBe(code('validation_failed', 'VALIDATION_ERROR'));
        }, authenticated));

      it('refuses unknown fields, naming them, and broken JSON, null and lists as a body', () =>
        onEvery(
          async (route) => {
            const unknown = await callRoute(route, {
              headers,
              body: { ...fixtureOf(route).body, nmae: 'x' },
            });
            expect([unknown.status, errorOf(unknown).fields?.['nmae']]).toEqual([
              422,
              ['The nmae field is not known.'],
            ]);
            const broken = await callRoute(route, {
              headers: { ...headers, 'content-type': 'application/json' },
              body: '{"name":',
            });
            expect([broken.status, errorOf(broken).code]).toEqual([
              400,
              code('invalid_json', 'INVALID_JSON'),
            ]);
            for (const body of ['null', '[]', '"text"', '1']) {
              const answer = await callRoute(route, {
                headers: { ...headers, 'content-type': 'application/json' },
                body,
              });
              expect([body, answer.status]).toEqual([body, 422]);
            }
            const type = await callRoute(route, {
              headers: { ...headers, 'content-type': 'application/xml' },
              body: '<a/>',
            });
            expect([type.status, errorOf(type).code]).toEqual([
              415,
              code('unsupported_media_type', 'UNSUPPORTED_MEDIA_TYPE'),
            ]);
          },
          ({ method, scope }) => method !== 'GET' && scope !== 'none',
        ));

      it('refuses unknown and repeated query parameters, naming them', () =>
        onEvery(async (route) => {
          for (const [query, name] of [
            ['serach=x', 'serach'],
            ['search[$ne]=x', 'search[$ne]'],
            ['workspace_id=1&workspace_id=2', 'workspace_id'],
          ] as const) {
            const answer = await callRoute(route, { headers, path: `${pathOf(route)}?${query}` });
            expect([query, answer.status, Object.keys(errorOf(answer).fields ?? {})]).toEqual([
              query,
              422,
              [name],
            ]);
          }
        }, authenticated));

      it('shows limits, request id and dialect on every answer, and Allow for a method that is not there', () =>
        onEvery(async (route) => {
          for (const answer of [
            await callRoute(route, { key: powerless, headers }),
            await callRoute(route, { key: null, headers }),
            await app.call('PUT', pathOf(route), { headers, body: {} }),
          ]) {
            expect(answer.headers.get('x-request-id')).toMatch(/^req_\w{12,}$/);
            for (const name of ['limit', 'remaining', 'reset'])
              expect(answer.headers.get(`x-ratelimit-${name}`)).toMatch(/^\d+$/);
            expect(answer.headers.get('x-api-dialect')).toBe(dialect);
            expect(answer.headers.get('vary')).toContain('X-API-Dialect');
          }
          const put = await app.call('PUT', pathOf(route), { headers, body: {} });
          expect([put.status, errorOf(put).code]).toEqual([
            405,
            code('method_not_allowed', 'METHOD_NOT_ALLOWED'),
          ]);
          expect(put.headers.get('allow')?.split(', ')).toContain(route.method);
        }));
    });
  }
});
