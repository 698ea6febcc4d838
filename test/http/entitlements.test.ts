// Entitlements through the API: check, record, summary, and what operators give.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Called, type CallOptions, startTestApp, type TestApp } from '../support/api.js';
import { undescribedBy } from '../support/documented.js';
import { newTenant, scopedKey } from '../support/tenants.js';
import { legacy } from '../support/webhooks.js';

let app: TestApp;
let clock = new Date('2026-01-15T10:30:00.000Z');
beforeAll(async () => {
  app = await startTestApp({ UPGRADE_URL: 'https://example.com/upgrade' }, { now: () => clock });
});
afterAll(() => app.stop());
afterEach(() => {
  clock = new Date('2026-01-15T10:30:00.000Z');
});

/** A fresh workspace, and requests made in it. */
const workspace = async (tier: string) => {
  const { body } = await app.call('POST', '/workspaces', { body: { name: `Of tier ${tier}`, tier } });
  const id = body.data.id as number;
  const call = (method: string, path: string, { headers = {}, ...more }: CallOptions = {}): Promise<Called> =>
    app.call(method, path, { ...more, headers: { ...headers, 'X-Workspace-ID': String(id) } });
  const record = (feature: string, quantity?: number, more: object = {}) =>
    call('POST', '/entitlements/usage', { body: { feature, ...(quantity ? { quantity } : {}), ...more } });
  const check = (query: string, headers = {}) => call('GET', `/entitlements/check?${query}`, { headers });
  const summary = async (headers = {}) => (await call('GET', '/entitlements/summary', { headers })).body.data;
  return { id, call, record, check, summary };
};
const GIB = 1_073_741_824;

describe('a check', () => {
  test('E35, E36: says what is used and what is left', async () => {
    const { record, check } = await workspace('free');
    await record('posts', 45);
    const { status, body } = await check('feature=posts');
    expect(status).toBe(200);
    expect(body).toEqual({ allowed: true, feature: 'posts', current_usage: 45, limit: 100, available: 55 });
    expect((await check('feature=posts&quantity=55')).body.allowed).toBe(true);
    expect((await check('feature=posts&quantity=56')).body).toMatchObject({ allowed: false, available: 55 });
  });

  test.each([{}, legacy])('E35: is denied with 200, and says why (%o)', async (headers) => {
    const { record, check } = await workspace('free');
    await record('posts', 100);
    const { status, body } = await check('feature=posts', headers);
    expect([status, body]).toEqual([
      200,
      {
        allowed: false,
        feature: 'posts',
        reason: 'LIMIT_EXCEEDED',
        message: 'Post limit exceeded. Used: 100, Limit: 100',
        current_usage: 100,
        limit: 100,
        available: 0,
        upgrade_url: 'https://example.com/upgrade',
      },
    ]);
  });

  test('of bytes is denied in gigabytes', async () => {
    const { record, check } = await workspace('free');
    await record('storage', GIB / 2);
    const { body } = await check(`feature=storage&quantity=${GIB}`);
    expect(body.message).toBe(
      'Storage limit exceeded. Used: 0.50 GB, Available: 0.50 GB, Requested: 1.00 GB',
    );
  });

  test('of a feature that does not exist is denied, and of one without limit allowed', async () => {
    const { check } = await workspace('enterprise');
    expect((await check('feature=nope')).body).toEqual({
      allowed: false,
      feature: 'nope',
      reason: 'FEATURE_NOT_FOUND',
      message: 'There is no feature nope.',
      current_usage: 0,
      limit: 0,
      available: 0,
      upgrade_url: 'https://example.com/upgrade',
    });
    expect((await check(`feature=posts&quantity=${Number.MAX_SAFE_INTEGER}`)).body).toEqual({
      allowed: true,
      feature: 'posts',
      current_usage: 0,
      limit: null,
      available: null,
    });
  });

  test.each([
    ['', 'feature', 'The feature field is required.'],
    ['feature=', 'feature', 'The feature field is required.'],
    ['feature=posts&quantity=0', 'quantity', 'The quantity must be at least 1.'],
    ['feature=posts&quantity=-1', 'quantity', 'The quantity must be at least 1.'],
    ['feature=posts&quantity=1.5', 'quantity', 'The quantity must be an integer.'],
    ['feature=posts&quantity=one', 'quantity', 'The quantity must be an integer.'],
    ['feature=posts&quantity=', 'quantity', 'The quantity must be an integer.'],
    [
      'feature=posts&quantity=9007199254740992',
      'quantity',
      'The quantity may not be greater than 9007199254740991.',
    ],
  ])('E36: is refused as %j', async (query, field, sentence) => {
    const { check } = await workspace('free');
    const { status, body } = await check(query);
    expect([status, body.errors]).toEqual([422, { [field]: [sentence] }]);
    const old = await check(query, legacy);
    expect([old.status, old.body.error.details]).toEqual([422, { [field]: [sentence] }]);
  });
});

describe('a record', () => {
  test('E37: is counted, and shown by the next summary', async () => {
    const { id, record, summary } = await workspace('pro');
    await record('api_calls', 5_000);
    const { status, body } = await record('api_calls', 1, {
      metadata: { endpoint: '/api/v1/posts', bytes: 512, tags: ['a'], from: { page: null } },
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      recorded: true,
      feature: 'api_calls',
      current_usage: 5_001,
      limit: 10_000,
      id: expect.stringMatching(/^use_[0-9a-z]{26}\.api_calls\.2026-01\.1$/),
    });
    await record('storage', GIB);
    expect(await summary()).toEqual({
      workspace_id: id,
      tier: 'pro',
      entitlements: {
        posts: { used: 0, limit: 1_000, available: 1_000, percentage: 0 },
        api_calls: {
          used: 5_001,
          limit: 10_000,
          available: 4_999,
          percentage: 50.01,
          reset_at: '2026-02-01T00:00:00Z',
        },
        storage: { used: GIB, limit: 5 * GIB, available: 4 * GIB, percentage: 20, unit: 'bytes' },
      },
    });
    expect(await summary(legacy)).toEqual(await summary());
  });

  test('is shown without a limit too, and acknowledged ones are all there', async () => {
    const { record, summary, check } = await workspace('enterprise');
    const many = await Promise.all(Array.from({ length: 20 }, () => record('posts', 3)));
    expect(many.map(({ status, body }) => [status, body.limit])).toEqual(many.map(() => [200, null]));
    const none = { limit: null, available: null, percentage: null };
    expect((await summary()).entitlements).toEqual({
      posts: { used: 60, ...none },
      api_calls: { used: 0, ...none, reset_at: '2026-02-01T00:00:00Z' },
      storage: { used: 0, ...none, unit: 'bytes' },
    });
    expect((await check('feature=posts')).body.current_usage).toBe(60);
  });

  test('starts again with the month, where its feature does', async () => {
    const { record, check } = await workspace('free');
    await record('api_calls', 1_000);
    await record('posts', 100);
    clock = new Date('2026-02-01T00:00:00.000Z');
    expect((await check('feature=api_calls')).body).toMatchObject({ current_usage: 0, available: 1_000 });
    expect((await check('feature=posts')).body).toMatchObject({ current_usage: 100 });
  });

  test('over the limit is refused, and nothing is counted', async () => {
    const { record, call, check } = await workspace('free');
    await record('posts', 95);
    const appended = await app.appended(async () => {
      const { status, body } = await record('posts', 10);
      expect([status, body]).toEqual([
        403,
        {
          error: 'feature_limit_reached',
          message: 'You have reached your limit for this feature.',
          feature: 'posts',
          upgrade_url: 'https://example.com/upgrade',
        },
      ]);
      const old = await call('POST', '/entitlements/usage', {
        body: { feature: 'posts', quantity: 10 },
        headers: legacy,
      });
      expect([old.status, old.body.error.code]).toEqual([403, 'ENTITLEMENT_DENIED']);
    });
    expect(appended).toEqual([]);
    expect((await check('feature=posts')).body.current_usage).toBe(95);
  });

  test.each([
    [{}, 'feature', 'The feature field is required.'],
    [{ feature: 'nope' }, 'feature', 'The selected feature is invalid.'],
    [{ feature: 5 }, 'feature', 'The feature must be a string.'],
    [{ feature: 'posts', quantity: 0 }, 'quantity', 'The quantity must be at least 1.'],
    [{ feature: 'posts', quantity: -5 }, 'quantity', 'The quantity must be at least 1.'],
    [{ feature: 'posts', quantity: 1.5 }, 'quantity', 'The quantity must be an integer.'],
    [{ feature: 'posts', quantity: '1' }, 'quantity', 'The quantity must be an integer.'],
    [{ feature: 'posts', quantity: null }, 'quantity', 'The quantity field may not be null.'],
    [
      { feature: 'posts', quantity: 9007199254740992 },
      'quantity',
      'The quantity may not be greater than 9007199254740991.',
    ],
    [{ feature: 'posts', metadata: 'a' }, 'metadata', 'The metadata must be an object.'],
    [{ feature: 'posts', metadata: ['a'] }, 'metadata', 'The metadata must be an object.'],
    [
      { feature: 'posts', metadata: { a: 'x'.repeat(16 * 1024) } },
      'metadata',
      'The metadata may not be larger than 16 KiB.',
    ],
  ])('is refused as %j', async (body, field, sentence) => {
    const { call } = await workspace('free');
    const appended = await app.appended(async () => {
      const answer = await call('POST', '/entitlements/usage', { body });
      expect([answer.status, answer.body.errors]).toEqual([422, { [field]: [sentence] }]);
    });
    expect(appended).toEqual([]);
  });

  test('whose sum no number can hold is refused', async () => {
    const { record } = await workspace('enterprise');
    await record('posts', Number.MAX_SAFE_INTEGER);
    const { status, body } = await record('posts', 1);
    expect([status, body.errors]).toEqual([
      422,
      { quantity: ['The quantity would make the usage greater than 9007199254740991.'] },
    ]);
  });

  test('is corrected once, however often that is asked for', async () => {
    const { call, record, check } = await workspace('free');
    const { id } = (await record('posts', 10)).body;
    const path = `/entitlements/usage/${id}/correct`;
    const body = { quantity: 4, reason: 'Counted twice' };
    expect((await call('POST', path, { body })).body).toEqual({
      message: 'Usage corrected successfully.',
      data: {
        id,
        feature: 'posts',
        quantity: 4,
        previous_quantity: 10,
        current_usage: 4,
        limit: 100,
      },
    });
    expect((await call('POST', path, { body, headers: legacy })).body).toEqual({
      data: expect.objectContaining({ quantity: 4, previous_quantity: 4, current_usage: 4 }),
    });
    expect((await check('feature=posts')).body.current_usage).toBe(4);
    const bad = await call('POST', path, { body: { quantity: -1 } });
    expect([bad.status, bad.body.errors]).toEqual([
      422,
      { quantity: ['The quantity must be at least 0.'], reason: ['The reason field is required.'] },
    ]);
  });
});

describe('what a workspace is given', () => {
  test('by its tier changes with the tier', async () => {
    const { id, record, summary } = await workspace('free');
    await record('posts', 50);
    await app.call('PATCH', `/workspaces/${id}`, { body: { tier: 'pro' } });
    expect((await summary()).entitlements.posts).toEqual({
      used: 50,
      limit: 1_000,
      available: 950,
      percentage: 5,
    });
  });

  test('as a package adds to that until it is taken back', async () => {
    const { id, call, summary } = await workspace('free');
    const { status, body } = await call('POST', `/workspaces/${id}/packages`, {
      body: { package: 'pkg_extra_storage', expires_at: '2027-01-15T10:30:00Z' },
    });
    expect([status, body]).toEqual([
      201,
      {
        message: 'Package assigned successfully.',
        data: { id: 'pkg_extra_storage', name: 'Extra Storage', expires_at: '2027-01-15T10:30:00Z' },
      },
    ]);
    expect((await summary()).entitlements.storage.limit).toBe(11 * GIB);
    clock = new Date('2027-01-15T10:30:00.000Z');
    expect((await summary()).entitlements.storage.limit).toBe(GIB);
    clock = new Date('2026-01-15T10:30:00.000Z');
    const gone = await call('DELETE', `/workspaces/${id}/packages?package=extra_storage`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect((await summary()).entitlements.storage.limit).toBe(GIB);
    expect((await call('DELETE', `/workspaces/${id}/packages?package=extra_storage`)).status).toBe(404);
  });

  test('as a boost adds to that', async () => {
    const { id, call, summary } = await workspace('free');
    const body = { feature: 'api_calls', type: 'add_limit', amount: 500, duration: 'cycle' };
    const { status, body: answer } = await call('POST', `/workspaces/${id}/boosts`, { body });
    expect([status, answer.data]).toEqual([
      201,
      {
        id: expect.stringMatching(/^bst_[0-9a-z]{26}$/),
        feature: 'api_calls',
        type: 'add_limit',
        amount: 500,
        duration: 'cycle',
        expires_at: '2026-02-01T00:00:00Z',
        created_at: '2026-01-15T10:30:00Z',
      },
    ]);
    expect((await summary()).entitlements.api_calls.limit).toBe(1_500);
  });

  test('can be suspended and resumed', async () => {
    const { id, call, check, record } = await workspace('free');
    await record('posts', 45);
    const suspended = await call('POST', `/workspaces/${id}/entitlements/suspend`, {
      body: { reason: 'Unpaid' },
    });
    expect(suspended.body.data).toEqual({
      status: 'suspended',
      reason: 'Unpaid',
      since: '2026-01-15T10:30:00Z',
    });
    expect((await check('feature=posts')).body).toMatchObject({
      allowed: false,
      reason: 'WORKSPACE_SUSPENDED',
      message: 'The entitlements of this workspace are suspended.',
      current_usage: 45,
      limit: 100,
      available: 55,
    });
    expect((await record('posts')).body).toEqual({
      error: 'feature_limit_reached',
      message: 'The entitlements of this workspace are suspended.',
      feature: 'posts',
      reason: 'WORKSPACE_SUSPENDED',
      upgrade_url: 'https://example.com/upgrade',
    });
    const resumed = await call('POST', `/workspaces/${id}/entitlements/resume`);
    expect(resumed.body.data).toEqual({ status: 'active', reason: null, since: null });
    expect((await record('posts')).status).toBe(200);
  });

  test.each([{}, legacy])(
    'says so itself while it is suspended: at once, in lists too (%o)',
    async (headers) => {
      const { id } = await workspace('free');
      const { key } = app;
      const shown = () => app.call('GET', `/workspaces/${id}?fields=name,status`, { key, headers });
      const change = (verb: string) =>
        app.call('POST', `/workspaces/${id}/entitlements/${verb}`, { key, headers });
      const listed = async () => {
        const { body } = await app.call('GET', '/workspaces?status=suspended&fields=name', { key, headers });
        return body.data.length;
      };
      const before = await shown();
      expect(before.body.data.status).toBe('active');
      const events = await app.appended(async () => {
        await change('suspend');
        await change('suspend');
        expect((await shown()).body.data.status).toBe('suspended');
        expect((await shown()).headers.get('etag')).not.toBe(before.headers.get('etag'));
        expect(await listed()).toBe(1);
        await change('resume');
        expect((await shown()).body.data.status).toBe('active');
        expect(await listed()).toBe(0);
        await app.waitForAll();
      });
      const told = events.filter(({ type }) => /Entitlements|Workspace/.test(type));
      expect(told.map(({ type, data }) => [type, (data as { changes?: object }).changes])).toEqual([
        ['EntitlementsSuspended', undefined],
        ['WorkspaceUpdated', { isSuspended: true }],
        ['EntitlementsResumed', undefined],
        ['WorkspaceUpdated', { isSuspended: false }],
      ]);
      const asked = await app.call('PATCH', `/workspaces/${id}`, {
        key,
        headers,
        body: { isSuspended: true },
      });
      expect(asked.status).toBe(422);
    },
  );

  test.each([
    [{ package: 'nope' }, 'package', 'The selected package is invalid.'],
    [
      { package: 'pkg_pro' },
      'package',
      'The base package of a workspace follows its tier. Change the tier instead.',
    ],
    [
      { package: 'extra_storage', expires_at: '2026-01-15T10:30:00Z' },
      'expires_at',
      'The expires_at must be in the future.',
    ],
    [{ package: 'extra_storage', expires_at: 'soon' }, 'expires_at', 'The expires_at is not a valid date.'],
    [{}, 'package', 'The package field is required.'],
  ])('is not a package such as %j', async (body, field, sentence) => {
    const { id, call } = await workspace('free');
    const answer = await call('POST', `/workspaces/${id}/packages`, { body });
    expect([answer.status, answer.body.errors]).toEqual([422, { [field]: [sentence] }]);
  });

  test('is given by an operator only, and to a workspace that the key reaches', async () => {
    const { id, call } = await workspace('free');
    const body = { package: 'extra_storage' };
    const key = await scopedKey(app, ['entitlements:read', 'entitlements:write', 'workspaces:*']);
    const weak = await call('POST', `/workspaces/${id}/packages`, { body, key });
    expect([weak.status, weak.body.message]).toEqual([
      403,
      'Insufficient permissions. Required scope: entitlements:manage',
    ]);
    const stranger = await newTenant(app);
    const foreign = await app.call('POST', `/workspaces/${id}/packages`, { body, key: stranger.key });
    expect([foreign.status, foreign.body]).toEqual([
      404,
      { error: 'not_found', message: 'Workspace not found.' },
    ]);
  });
});

test.each([{}, legacy])('every answer is what the documentation describes (%o)', async (headers) => {
  const undescribed = await undescribedBy(app.url);
  const faults: string[] = [];
  const asked = async (operation: string, answer: Promise<Called>): Promise<Called['body']> => {
    const { status, body } = await answer;
    faults.push(...undescribed(operation, status, body));
    return body;
  };
  for (const tier of ['free', 'enterprise']) {
    const { id, call } = await workspace(tier);
    const post = (path: string, body: object = {}) => call('POST', path, { body, headers });
    const usage = { feature: 'posts', quantity: 45 };
    const record = await asked('recordUsage', post('/entitlements/usage', usage));
    const mended = { quantity: 44, reason: 'Counted twice' };
    await asked('correctUsage', post(`/entitlements/usage/${record.id}/correct`, mended));
    await asked('recordUsage', post('/entitlements/usage', { ...usage, quantity: 57 }));
    const given = { package: 'pkg_extra_storage' };
    await asked('assignWorkspacePackage', post(`/workspaces/${id}/packages`, given));
    const boost = { feature: 'posts', type: 'add_limit', amount: 5 };
    await asked('grantWorkspaceBoost', post(`/workspaces/${id}/boosts`, boost));
    const made = await call('POST', '/namespaces', { body: { name: 'Inner' } });
    const { id: inner } = made.body.data;
    for (const suspended of [false, true]) {
      if (suspended)
        await asked('suspendWorkspaceEntitlements', post(`/workspaces/${id}/entitlements/suspend`));
      for (const feature of ['posts', 'storage', 'nope'])
        for (const quantity of [1, 10 ** 12]) {
          const query = `feature=${feature}&quantity=${quantity}`;
          await asked('checkEntitlement', call('GET', `/entitlements/check?${query}`, { headers }));
          const check = post(`/namespaces/${inner}/entitlements/check`, { feature, quantity });
          await asked('checkNamespaceEntitlement', check);
        }
      for (const query of ['', `?namespace_id=${inner}`])
        await asked('getEntitlementSummary', call('GET', `/entitlements/summary${query}`, { headers }));
      await asked('recordUsage', post('/entitlements/usage', { feature: 'posts', quantity: 10 ** 12 }));
    }
    await asked('resumeWorkspaceEntitlements', post(`/workspaces/${id}/entitlements/resume`));
  }
  expect(faults).toEqual([]);
});

test('two workspaces count apart, and one cannot correct what the other has recorded', async () => {
  const [mine, other] = [await workspace('free'), await workspace('free')];
  const { id } = (await mine.record('posts', 5)).body;
  expect((await other.check('feature=posts')).body.current_usage).toBe(0);
  const { status } = await other.call('POST', `/entitlements/usage/${id}/correct`, {
    body: { quantity: 0, reason: 'x' },
  });
  expect(status).toBe(404);
  expect((await mine.check('feature=posts')).body.current_usage).toBe(5);
});

test('with USAGE_OVER_LIMIT=record what exceeds the limit is counted and says so', async () => {
  const lenient = await startTestApp({ USAGE_OVER_LIMIT: 'record' });
  try {
    const { body } = await lenient.call('POST', '/workspaces', { body: { name: 'Lenient', tier: 'free' } });
    const headers = { 'X-Workspace-ID': String(body.data.id) };
    const over = { body: { feature: 'posts', quantity: 150 }, headers };
    const recorded = await lenient.call('POST', '/entitlements/usage', over);
    expect([recorded.status, recorded.body]).toEqual([
      200,
      expect.objectContaining({ recorded: true, current_usage: 150, limit: 100, over_limit: true }),
    ]);
  } finally {
    await lenient.stop();
  }
});

test('a record repeated with its Idempotency-Key counts once, also after a restart', async () => {
  const installed = await startTestApp();
  try {
    const options = { body: { feature: 'posts', quantity: 7 }, headers: { 'Idempotency-Key': 'once' } };
    const first = await installed.call('POST', '/entitlements/usage', options);
    const again = await installed.call('POST', '/entitlements/usage', options);
    expect([again.status, again.body]).toEqual([200, first.body]);
    await installed.restart();
    expect((await installed.call('POST', '/entitlements/usage', options)).body).toEqual(first.body);
    const { body } = await installed.call('GET', '/entitlements/check?feature=posts');
    expect(body.current_usage).toBe(7);
  } finally {
    await installed.stop();
  }
});
