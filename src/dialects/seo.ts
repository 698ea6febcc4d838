// How each dialect shows SEO reports and their issues.
import { publicId } from '../domain/ids.js';
import type { SeoReport, Severity } from '../domain/seo.js';
import { seconds, type View, type Views } from './dialect.js';

/** What is shown of an issue. */
export type ShownIssue = {
  readonly issueId: string;
  readonly number: number;
  readonly url: string;
  readonly issueType: string;
  readonly severity: Severity;
  readonly details: object;
  readonly createdAt: string;
};

const report: View<SeoReport>['fields'] = {
  url: ({ url }) => url,
  scores: ({ scores }) => scores,
  issues_count: ({ issuesCount }) => issuesCount,
  created_at: ({ createdAt }) => seconds(createdAt),
};
const reportFields = ['id', 'url', 'scores', 'issues_count', 'created_at'];
const reportShapes = { list: reportFields, single: reportFields, created: reportFields };

export const seoReportViews: Views<SeoReport> = {
  2026: { fields: { id: ({ number }) => number, ...report }, ...reportShapes },
  2024: { fields: { id: ({ id }) => publicId('seoReport', id), ...report }, ...reportShapes },
};

const issue: View<ShownIssue>['fields'] = {
  url: ({ url }) => url,
  issue_type: ({ issueType }) => issueType,
  severity: ({ severity }) => severity,
  details: ({ details }) => details,
  created_at: ({ createdAt }) => seconds(createdAt),
};
const issueFields = ['id', 'url', 'issue_type', 'severity', 'details', 'created_at'];
const issueShapes = { list: issueFields, single: issueFields, created: issueFields };

export const seoIssueViews: Views<ShownIssue> = {
  2026: { fields: { id: ({ number }) => number, ...issue }, ...issueShapes },
  2024: { fields: { id: ({ issueId }) => publicId('seoIssue', issueId), ...issue }, ...issueShapes },
};
