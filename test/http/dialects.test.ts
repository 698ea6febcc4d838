// Two renderings of one model: which one a request gets, and how they differ.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { newTenant, scopedKey } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const legacy = { 'X-API-Dialect': '2024' };
const WKS = /^wks_[0-9a-hjkmnp-tv-z]{26}$/;

describe('the choice', () => {
  test('header, then key, then setting; echoed, and named in Vary', async () => {
    const echoed = async (key: string, headers: Record<string, string> = {}) => {
      const answer = await app.call('GET', '/workspaces', { key, headers });
      expect(answer.headers.get('vary')).toContain('X-API-Dialect');
      return [answer.headers.get('x-api-dialect'), answer.body.meta.per_page];
    };
    const bound = await scopedKey(app, ['*'], { dialect: '2024' });
    expect(await echoed(app.key)).toEqual(['2026', 25]);
    expect(await echoed(app.key, legacy)).toEqual(['2024', 15]);
    expect(await echoed(bound)).toEqual(['2024', 15]);
    expect(await echoed(bound, { 'X-API-Dialect': '2026' })).toEqual(['2026', 25]);
  });

  test('the setting decides for whoever says nothing, errors included', async () => {
    const old = await startTestApp({ API_DIALECT: '2024' });
    try {
      expect((await old.call('GET', '/workspaces')).body.meta.per_page).toBe(15);
      expect((await old.call('GET', '/workspaces', { key: null })).body.error.code).toBe('UNAUTHENTICATED');
      const outside = await fetch(`${old.url}/nothing`);
      expect(await outside.json()).toMatchObject({ error: { code: 'RESOURCE_NOT_FOUND' } });
    } finally {
      await old.stop();
    }
  });

  test('422 for a dialect that is none: silently getting another one would be worse', async () => {
    const { status, body } = await app.call('GET', '/workspaces', { headers: { 'X-API-Dialect': '2025' } });
    expect([status, body.errors]).toEqual([
      422,
      { 'X-API-Dialect': ['The selected X-API-Dialect is invalid. It must be one of: 2026, 2024.'] },
    ]);
    const stranger = await app.call('GET', '/workspaces', { key: null, headers: { 'X-API-Dialect': 'x' } });
    expect(stranger.status).toBe(401);
  });
});

describe('2024', () => {
  test('E46: lists have 15 items, no from and to, prefixed ids; either id finds the record', async () => {
    const { body } = await app.call('GET', '/workspaces', { headers: legacy });
    expect(body.meta).toEqual({ current_page: 1, per_page: 15, total: expect.any(Number), last_page: 1 });
    expect(Object.keys(body.links)).toEqual(['first', 'last', 'prev', 'next']);
    const { id } = body.data[0];
    expect(id).toMatch(WKS);
    const byPrefixed = await app.call('GET', `/workspaces/${id}`, { headers: legacy });
    const byInteger = await app.call('GET', '/workspaces/1', { headers: legacy });
    expect(byPrefixed.body).toEqual(byInteger.body);
    const newer = await app.call('GET', `/workspaces/${id}`);
    expect(newer.body.data).toEqual({ ...byInteger.body.data, id: 1 });
  });

  test('creation answers the record without a message; so does a change', async () => {
    const made = await app.call('POST', '/workspaces', { body: { name: 'Old style' }, headers: legacy });
    expect(made.status).toBe(201);
    expect(Object.keys(made.body)).toEqual(['data']);
    expect(made.body.data.id).toMatch(WKS);
    const changed = await app.call('PATCH', `/workspaces/${made.body.data.id}`, {
      body: { name: 'New' },
      headers: legacy,
    });
    expect([changed.status, Object.keys(changed.body), changed.body.data.name]).toEqual([
      200,
      ['data'],
      'New',
    ]);
  });

  test('E47: validation errors are nested, with the request id', async () => {
    const { status, body, headers } = await app.call('POST', '/workspaces', {
      body: { tier: 'gold' },
      headers: legacy,
    });
    expect([status, body]).toEqual([
      422,
      {
        error: {
          code: 'VALIDATION_ERROR',
          message: 'Validation failed',
          details: {
            name: ['The name field is required.'],
            tier: [expect.stringMatching(/^The selected tier is invalid\./)],
          },
          request_id: headers.get('x-request-id'),
        },
      },
    ]);
  });

  test('errors have the codes of the older reference', async () => {
    const key = await scopedKey(app, ['workspaces:read', 'posts:write']);
    const code = async (method: string, path: string, more: object = {}) => {
      const { status, body, headers } = await app.call(method, path, { headers: legacy, ...more });
      expect(body.error.request_id).toBe(headers.get('x-request-id'));
      return [status, body.error.code];
    };
    expect(await code('GET', '/workspaces', { key: null })).toEqual([401, 'UNAUTHENTICATED']);
    expect(await code('GET', '/workspaces', { key: 'nonsense' })).toEqual([401, 'INVALID_API_KEY']);
    expect(await code('GET', '/workspaces/999')).toEqual([404, 'RESOURCE_NOT_FOUND']);
    expect(await code('GET', '/nothing')).toEqual([404, 'RESOURCE_NOT_FOUND']);
    expect(await code('PUT', '/workspaces')).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(await code('POST', '/workspaces', { body: '{' })).toEqual([400, 'INVALID_JSON']);
    const { body } = await app.call('POST', '/workspaces', { key, body: { name: 'No' }, headers: legacy });
    expect(body.error).toMatchObject({
      code: 'INSUFFICIENT_PERMISSIONS',
      message: 'Insufficient permissions. Required scope: workspaces:write',
      required_scope: 'workspaces:write',
      provided_scopes: ['workspaces:read', 'posts:write'],
    });
  });
});

describe('the context workspace', () => {
  test('is named by header or query, by any form of its id, or by its slug', async () => {
    const { body } = await app.call('POST', '/workspaces', {
      body: { name: 'Context', slug: 'context' },
      headers: legacy,
    });
    const id = (await app.call('GET', `/workspaces/${body.data.id}`)).body.data.id as number;
    const keysIn = async (query: string, headers: Record<string, string> = {}) =>
      (await app.call('GET', `/api-keys${query}`, { headers })).body.meta?.total;
    await app.call('POST', '/api-keys', {
      body: { name: 'There' },
      headers: { 'X-Workspace-ID': String(id) },
    });
    const home = await keysIn('');
    expect(home).toBeGreaterThan(1);
    expect(await keysIn('', { 'X-Workspace-ID': String(id) })).toBe(1);
    expect(await keysIn('', { 'X-Workspace-ID': body.data.id })).toBe(1);
    expect(await keysIn(`?workspace_id=${id}`)).toBe(1);
    expect(await keysIn('?workspace=Context')).toBe(1);
    expect(await keysIn(`?workspace_id=${body.data.id}`, { 'X-Workspace-ID': String(id) })).toBe(1);
    expect(await keysIn('?workspace_id=1')).toBe(home);
  });

  test('422 when header and query are at odds', async () => {
    const { body } = await app.call('POST', '/workspaces', { body: { name: 'At odds' } });
    const headers = { 'X-Workspace-ID': String(body.data.id) };
    const answer = await app.call('GET', '/api-keys?workspace_id=1', { headers });
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['workspace_id']]);
  });

  test('404 for an unknown one, a stranger’s, an empty one, and every namespace', async () => {
    const { workspace } = await newTenant(app);
    const said = async (query: string, headers: Record<string, string> = {}) => {
      const { status, body } = await app.call('GET', `/api-keys${query}`, { headers });
      return [status, body.message];
    };
    const none = [404, 'Workspace not found.'];
    for (const id of ['99999', String(workspace), 'nonsense', '']) {
      expect(await said('', { 'X-Workspace-ID': id })).toEqual(none);
      expect(await said(`?workspace_id=${id}`)).toEqual(none);
    }
    expect(await said('?workspace=no-such-slug')).toEqual(none);
    expect(await said('?workspace_id=1', { 'X-Workspace-ID': '99999' })).toEqual(none);
    for (const headers of [{ 'X-Namespace-ID': '1' }, { 'X-Namespace': 'x' }])
      expect(await said('', headers)).toEqual([404, 'Namespace not found.']);
    expect(await said('?namespace_id=1')).toEqual([404, 'Namespace not found.']);
  });
});
