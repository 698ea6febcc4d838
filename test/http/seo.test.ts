import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { startReceiver } from '../support/receiver.js';
import { newTenant } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
});
afterAll(() => app.stop());

const legacy = { 'X-API-Dialect': '2024' };
/** As the reference sends it. */
const report = {
  url: 'https://example.com/page',
  scores: { performance: 85, accessibility: 92, best_practices: 88, seo: 95 },
  issues: [{ type: 'missing_alt', severity: 'warning', element: 'img.hero-image' }],
};
const newWorkspace = async (): Promise<{ id: string; slug: string; headers: Record<string, string> }> => {
  const { data } = (await app.call('POST', '/workspaces', { body: { name: `W ${randomUUID()}` } })).body;
  return { id: String(data.id), slug: data.slug, headers: { 'X-Workspace-ID': String(data.id) } };
};
const submit = (body: object, headers = {}) => app.call('POST', '/seo/report', { body, headers });

describe('POST /seo/report', () => {
  test('E38: keeps a report in the context workspace: one event, and its issues are listed at once', async () => {
    const { id, headers } = await newWorkspace();
    let made: Awaited<ReturnType<typeof submit>> | undefined;
    const events = await app.appended(async () => {
      made = await submit(report, headers);
    });
    expect([made?.status, made?.body]).toEqual([
      201,
      {
        message: 'SEO report created successfully.',
        data: {
          id: expect.any(Number),
          url: report.url,
          scores: report.scores,
          issues_count: 1,
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        },
      },
    ]);
    expect(events.filter(({ type }) => type === 'SeoReportCreated').map(({ data }) => data)).toMatchObject([
      { issues: [{ type: 'missing_alt', severity: 'warning', details: { element: 'img.hero-image' } }] },
    ]);
    const { status, body } = await app.call('GET', `/seo/issues/${id}`);
    expect([status, body.meta.total, body.data]).toEqual([
      200,
      1,
      [
        {
          id: expect.any(Number),
          url: report.url,
          issue_type: 'missing_alt',
          severity: 'warning',
          details: { element: 'img.hero-image' },
          created_at: made?.body.data.created_at,
        },
      ],
    ]);
  });

  test('in the older dialect has no message, and prefixed ids', async () => {
    const { id, headers } = await newWorkspace();
    const made = await submit(report, { ...headers, ...legacy });
    expect([made.status, Object.keys(made.body), made.body.data.id]).toEqual([
      201,
      ['data'],
      expect.stringMatching(/^seo_[0-9a-z]{26}$/),
    ]);
    const { body } = await app.call('GET', `/seo/issues/${id}`, { headers: legacy });
    expect(body.data[0].id).toMatch(/^iss_[0-9a-z]{26}$/);
    expect(body.meta).toEqual({ current_page: 1, per_page: 15, total: 1, last_page: 1 });
  });

  test('takes a report without issues, with some of the scores, with any JSON as details', async () => {
    const { id, headers } = await newWorkspace();
    expect((await submit({ url: report.url, scores: { seo: 0 } }, headers)).body.data).toMatchObject({
      scores: { seo: 0 },
      issues_count: 0,
    });
    const odd = { details: { a: [1, null, { $b: 'é' }] }, 'c.d': false, toString: 'x' };
    await submit({ ...report, issues: [{ type: 'odd', severity: 'info', ...odd }] }, headers);
    const { body } = await app.call('GET', `/seo/issues/${id}`);
    expect(body.data.map(({ details }: { details: object }) => details)).toEqual([odd]);
  });

  test('with one Idempotency-Key is one report, with the same ids', async () => {
    const { id, headers } = await newWorkspace();
    const once = { ...headers, 'Idempotency-Key': randomUUID() };
    const first = await submit(report, once);
    expect((await submit(report, once)).text).toBe(first.text);
    expect((await app.call('GET', `/seo/issues/${id}`)).body.meta.total).toBe(1);
  });

  test('is told to the endpoints that ask for it, without the issues', async () => {
    const receiver = await startReceiver();
    const { id, headers } = await newWorkspace();
    const hook = { url: receiver.url, events: ['seo.report.created'] };
    await app.call('POST', '/webhooks', { body: hook, headers });
    await app.call('POST', '/webhooks', { body: hook, headers: { ...headers, ...legacy } });
    const made = await submit(report, headers);
    const sent = (await receiver.waitFor(2)).map(({ body }) => JSON.parse(body));
    const told = sent.find(({ workspace_id }) => workspace_id !== undefined);
    const toldLegacy = sent.find(({ workspace_id }) => workspace_id === undefined);
    expect(told).toMatchObject({
      type: 'seo.report.created',
      workspace_id: Number(id),
      data: made.body.data,
    });
    expect(toldLegacy.data).toEqual({
      object: {
        id: expect.stringMatching(/^seo_/),
        type: 'seo.report',
        attributes: { ...made.body.data, id: undefined },
      },
    });
    await receiver.stop();
  });

  const issue = report.issues[0];
  const refused: [body: object, field: string][] = [
    [{ ...report, url: undefined }, 'url'],
    [{ ...report, url: 'example.com/page' }, 'url'],
    [{ ...report, url: 'javascript:alert(1)' }, 'url'],
    [{ ...report, url: 'https://exa mple.com/' }, 'url'],
    [{ ...report, url: `https://example.com/${'x'.repeat(2048)}` }, 'url'],
    [{ ...report, scores: undefined }, 'scores'],
    [{ ...report, scores: {} }, 'scores'],
    [{ ...report, scores: [] }, 'scores'],
    [{ ...report, scores: { ...report.scores, performance: 101 } }, 'scores.performance'],
    [{ ...report, scores: { ...report.scores, performance: -1 } }, 'scores.performance'],
    [{ ...report, scores: { ...report.scores, performance: 0.5 } }, 'scores.performance'],
    [{ ...report, scores: { ...report.scores, performance: '90' } }, 'scores.performance'],
    [{ ...report, scores: { ...report.scores, pwa: 1 } }, 'scores.pwa'],
    [{ ...report, issues: null }, 'issues'],
    [{ ...report, issues: [{ severity: 'info' }] }, 'issues.0.type'],
    [{ ...report, issues: [issue, { ...issue, type: '' }] }, 'issues.1.type'],
    [{ ...report, issues: [{ ...issue, severity: 'fatal' }] }, 'issues.0.severity'],
    [{ ...report, issues: Array.from({ length: 1_001 }, () => issue) }, 'issues'],
    [{ ...report, issues: [{ ...issue, text: 'x'.repeat(524_288) }] }, 'issues'],
    [{ ...report, issues: [{ ...issue, text: '\u0000' }] }, 'issues.0.text'],
  ];
  test.each(refused)('refuses what is wrong (case %#)', async (body, field) => {
    for (const headers of [{}, legacy]) {
      const answer = await submit(body, headers);
      const errors = answer.body.errors ?? answer.body.error.details ?? {};
      expect([answer.status, Object.keys(errors)]).toEqual([422, [field]]);
    }
  });
  test('refuses a key that means something to JavaScript', async () => {
    const body = `{"url":"https://a.example/","scores":{"seo":1},"issues":[{"type":"a","severity":"info","__proto__":{}}]}`;
    const answer = await app.call('POST', '/seo/report', { body });
    expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['issues.0.__proto__']]);
  });
});

describe('GET /seo/issues/{workspace_id}', () => {
  let workspace: Awaited<ReturnType<typeof newWorkspace>>;
  const list = async (query = '') => app.call('GET', `/seo/issues/${workspace.id}${query}`);
  const typesIn = async (query: string) =>
    (await list(query)).body.data.map(({ issue_type }: { issue_type: string }) => issue_type);
  beforeAll(async () => {
    workspace = await newWorkspace();
    const { headers } = workspace;
    const issues = [
      { type: 'b', severity: 'warning' },
      { type: 'a', severity: 'critical' },
    ];
    await submit({ ...report, url: 'https://a.example/?q=1', issues }, headers);
    await submit(
      { ...report, url: 'https://b.example/', issues: [{ type: 'c', severity: 'warning' }] },
      headers,
    );
  });

  test('finds the workspace by integer id, prefixed id and slug', async () => {
    const { body } = await app.call('GET', `/workspaces/${workspace.id}`, { headers: legacy });
    for (const name of [workspace.id, body.data.id, workspace.slug, workspace.slug.toUpperCase()])
      expect((await app.call('GET', `/seo/issues/${name}`)).body.meta.total).toBe(3);
  });

  test('filters by severity, type and url; sorts; shows single fields; has pages', async () => {
    expect(await typesIn('')).toEqual(['b', 'a', 'c']);
    expect(await typesIn('?severity=warning')).toEqual(['b', 'c']);
    expect(await typesIn('?type=a')).toEqual(['a']);
    expect(await typesIn(`?url=${encodeURIComponent('https://a.example/?q=1')}`)).toEqual(['b', 'a']);
    expect(await typesIn('?severity=warning&url=https://b.example/')).toEqual(['c']);
    expect(await typesIn('?type=none')).toEqual([]);
    expect(await typesIn('?sort=issue_type')).toEqual(['a', 'b', 'c']);
    expect(await typesIn('?sort=-url,issue_type')).toEqual(['c', 'a', 'b']);
    expect(await typesIn('?sort=-created_at')).toEqual(['c', 'a', 'b']);
    expect(await typesIn('?created_before=2020-01-01')).toEqual([]);
    expect((await list('?fields=id,severity&per_page=1&page=2')).body).toMatchObject({
      data: [{ id: expect.any(Number), severity: 'critical' }],
      meta: { current_page: 2, last_page: 3 },
      links: { next: expect.stringContaining(`/seo/issues/${workspace.id}?fields=id%2Cseverity`) },
    });
  });

  test.each(['severity=fatal', 'severity=', 'sort=details', 'fields=report', 'per_page=0', 'status=open'])(
    '?%s is refused, by name',
    async (query) => {
      const { status, body } = await list(`?${query}`);
      expect([status, Object.keys(body.errors)]).toEqual([422, [query.split('=')[0]]]);
    },
  );

  test('has no relations, and says so', async () => {
    const { status, body } = await list('?include=report');
    expect([status, body.errors]).toEqual([422, { include: ['The selected include is invalid: report.'] }]);
  });

  test('E38: does not exist for whoever is no member, by any of its names', async () => {
    const stranger = await newTenant(app);
    for (const headers of [{}, legacy])
      for (const name of [workspace.id, workspace.slug]) {
        const theirs = await app.call('GET', `/seo/issues/${name}`, { key: stranger.key, headers });
        const nobodys = await app.call('GET', '/seo/issues/999999', { key: stranger.key, headers });
        const said = ({ error, ...body }: Record<string, unknown>) => [
          { ...body },
          typeof error === 'object' ? { ...error, request_id: '' } : error,
        ];
        expect([theirs.status, said(theirs.body)]).toEqual([404, said(nobodys.body)]);
      }
  });

  test('survives a restart, with the same ids', async () => {
    const before = await list();
    await app.restart();
    expect((await list()).body.data).toEqual(before.body.data);
  });
});
