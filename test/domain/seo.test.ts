import { describe, expect, it, test } from 'vitest';
import {
  MAX_ISSUES,
  requireKeepable,
  type SeoEvent,
  type SeoIssue,
  seoReport,
} from '../../src/domain/seo.js';
import { AT, given } from '../support/given.js';

const data: SeoEvent['data'] = {
  reportId: '01980000-0000-7000-8000-000000000001',
  workspaceId: '01980000-0000-7000-8000-000000000002',
  number: 3,
  url: 'https://example.com/page',
  scores: { performance: 85, seo: 95 },
  issues: [
    { type: 'missing_alt', severity: 'warning', details: { element: 'img' } },
    { type: 'slow', severity: 'error', details: {} },
  ],
  firstIssue: 101,
};
const created: SeoEvent = { type: 'SeoReportCreated', data };
const create = { type: 'CreateSeoReport', data } as const;

describe('an SEO report', () => {
  it('is made whole', () => given(seoReport).when(create).then(created));
  it('is made once', () => given(seoReport, created).when(create).thenRefused('conflict'));
  it('keeps of its issues the count', () =>
    expect(given(seoReport, created).state()).toEqual({
      id: data.reportId,
      workspaceId: data.workspaceId,
      number: 3,
      url: data.url,
      scores: data.scores,
      issuesCount: 2,
      createdAt: AT,
    }));
});

describe('the issues of a report', () => {
  const issue: SeoIssue = { type: 'a', severity: 'info', details: {} };
  const large = (characters: number, character = 'x'): SeoIssue[] => [
    { ...issue, details: { text: character.repeat(characters) } },
  ];
  const refusal = { code: 'validation_failed', details: { errors: { issues: [expect.any(String)] } } };
  const refused = (issues: readonly SeoIssue[]) => {
    let thrown: unknown;
    try {
      requireKeepable(issues);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject(refusal);
  };

  test('are as many as one report may have', () => {
    requireKeepable(Array.from({ length: MAX_ISSUES }, () => issue));
    refused(Array.from({ length: MAX_ISSUES + 1 }, () => issue));
  });
  test('fit into one append, counted in bytes', () => {
    requireKeepable(large(524_000));
    refused(large(524_300));
    refused(large(262_144, 'é'));
  });
});
