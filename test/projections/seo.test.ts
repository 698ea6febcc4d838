import { expect, test } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { type SeoIssueRow, seoIssues } from '../../src/projections/seo.js';
import { recorded } from '../support/projected.js';

const workspaceId = '01980000-0000-7000-8000-000000000002';
const report = (reportId: string, n: number, issues: object[]) =>
  recorded(
    {
      type: 'SeoReportCreated',
      data: {
        reportId,
        workspaceId,
        number: n,
        url: 'https://a.example/',
        scores: {},
        issues,
        firstIssue: 1 + 100 * n,
      },
    },
    `seoReport-${reportId}`,
    n,
  );
const first = '01980000-0000-7000-8000-00000000000a';
const second = '01980000-0000-7000-8000-00000000000b';

test('a report has a row for each of its issues, and none where it has none', async () => {
  const readModels = embeddedReadModels([seoIssues]);
  const handler = projectionHandler(seoIssues as never, readModels, first);
  const events = [
    report(first, 0, [
      { type: 'missing_alt', severity: 'warning', details: { element: 'img' } },
      { type: 'slow', severity: 'error', details: {} },
    ]),
    report(second, 1, []),
  ];
  await handler.handle({ events, position: 1, caughtUp: true });
  const rows = await readModels.find<SeoIssueRow>('seo-issues', {
    where: [{ field: 'workspaceId', op: 'eq', value: workspaceId }],
    sort: [['number', 'asc']],
  });
  expect(rows).toEqual([
    {
      id: `${first}.0`,
      issueId: expect.stringMatching(/^[\da-f-]{36}$/),
      number: 1,
      workspaceId,
      reportId: first,
      url: 'https://a.example/',
      issueType: 'missing_alt',
      severity: 'warning',
      details: { element: 'img' },
      createdAt: '2026-01-15T10:30:00.000Z',
      position: 0,
      revision: 0,
    },
    expect.objectContaining({ id: `${first}.1`, number: 2, issueType: 'slow', details: {} }),
  ]);
  expect(rows[0]?.issueId).not.toBe(rows[1]?.issueId);
});
