// What requests about SEO may say, and what the documentation says about them.

import { z } from 'zod';
import { invalid } from '../domain/errors.js';
import { MAX_ISSUES, severities } from '../domain/seo.js';
import { pageExample } from './doc-examples.js';
import { fields } from './fields.js';
import type { ListSpec } from './list-query.js';
import type { RouteDoc } from './route.js';

const score = z.int().min(0).max(100).optional();
const scores = z
  .strictObject({ performance: score, accessibility: score, best_practices: score, seo: score })
  .refine((given) => Object.keys(given).length > 0, 'The :attribute must have at least one score.');

/** Everything besides type and severity is a detail, whatever it is called. */
const issue = z.looseObject({ type: fields.text(100), severity: z.enum(severities) });

export const SeoReportBody = z.strictObject({
  url: fields.webUrl(2_048),
  scores,
  issues: z.array(issue).max(MAX_ISSUES).default([]),
});

const severity = (value: string) => {
  if (!(severities as readonly string[]).includes(value))
    throw invalid({
      severity: `The selected severity is invalid. It must be one of: ${severities.join(', ')}.`,
    });
  return [{ field: 'severity', op: 'eq', value } as const];
};

export const seoIssueList: ListSpec = {
  sort: {
    id: 'number',
    url: 'url',
    issue_type: 'issueType',
    severity: 'severity',
    created_at: 'createdAt',
  },
  filters: {
    severity,
    type: (value) => [{ field: 'issueType', op: 'eq', value }],
    url: (value) => [{ field: 'url', op: 'eq', value }],
  },
  filterDocs: { severity: { enum: severities } },
};

const tag = 'SEO';
const item = {
  id: 1,
  url: 'https://example.com/page',
  issue_type: 'missing_alt',
  severity: 'warning',
  details: { element: 'img.hero-image' },
  created_at: '2026-01-15T10:30:00Z',
};
const made = {
  id: 1,
  url: 'https://example.com/page',
  scores: { performance: 85, accessibility: 92, best_practices: 88, seo: 95 },
  issues_count: 1,
  created_at: '2026-01-15T10:30:00Z',
};

export const seoDocs = {
  report: {
    id: 'createSeoReport',
    tag,
    summary: 'Submit an SEO report',
    description:
      'The report belongs to the context workspace. What an issue says besides `type` and `severity` is kept as its details. At most 1,000 issues, 512 KiB in all.',
    requestExample: {
      url: made.url,
      scores: made.scores,
      issues: [{ type: 'missing_alt', severity: 'warning', element: 'img.hero-image' }],
    },
    success: {
      status: 201,
      description: 'The report is kept; its issues are listed under its workspace.',
      example: { message: 'SEO report created successfully.', data: made },
      example2024: { data: { ...made, id: 'seo_01kf0d92j0fgyag8mxvs5w3s0c' } },
    },
  },
  issues: {
    id: 'listSeoIssues',
    tag,
    summary: 'List the SEO issues of a workspace',
    description: 'Filters: `severity`, `type` and `url`, each exact.',
    params: { workspace_id: 'Workspace id or slug' },
    success: {
      status: 200,
      description: 'A page of the issues that its reports have found.',
      ...pageExample('/seo/issues/1', [item], [{ ...item, id: 'iss_01kf0d92j0fgyag8mxvs5w3s0c' }]),
    },
  },
} satisfies Record<string, RouteDoc>;
