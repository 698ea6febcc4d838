// The read model behind GET /seo/issues: a row for each issue that a report tells of.
import type { Row } from '../adapters/read-models/port.js';
import type { JsonObject, Recorded } from '../domain/decider.js';
import { derivedId } from '../domain/ids.js';
import { SeoEvent, type Severity } from '../domain/seo.js';
import { shared } from './fields.js';
import { type Projection, second, typesOf } from './projection.js';

export type SeoIssueRow = Row & {
  /** The id from which the public one is derived. */
  readonly issueId: string;
  readonly number: number;
  readonly workspaceId: string;
  readonly reportId: string;
  readonly url: string;
  readonly issueType: string;
  readonly severity: Severity;
  readonly details: JsonObject;
  readonly createdAt: string;
};

export const seoIssues: Projection<SeoIssueRow> = {
  name: 'seo-issues',
  version: 1,
  holds: 'An issue that an SEO report has found on a page.',
  fields: {
    issueId: ['uuid', 'Its id; `_id` is that of its report with its place in it.'],
    number: shared.number,
    workspaceId: shared.workspaceId,
    reportId: ['uuid', 'The report that tells of it.'],
    url: ['text', 'The page.'],
    issueType: ['text', 'What is wrong, such as `missing_alt`: the word of whoever made the report.'],
    severity: ['text', '`info`, `notice`, `warning`, `error` or `critical`.'],
    details: ['object', 'Whatever else the report says of it, such as `element`.'],
    createdAt: shared.createdAt,
  },
  indexes: ['number', 'workspaceId'],
  events: new Set(typesOf(SeoEvent)),
  idOf({ data }) {
    const { reportId, issues } = data as SeoEvent['data'];
    return issues.map((_, nth) => `${reportId}.${nth}`);
  },
  project(_row, recorded, nth) {
    const { data, metadata } = recorded as Recorded as Recorded<SeoEvent>;
    const { reportId, workspaceId, url, firstIssue } = data;
    const issue = data.issues[nth];
    return (
      issue && {
        id: `${reportId}.${nth}`,
        issueId: derivedId(reportId, 'issue', String(nth)),
        number: firstIssue + nth,
        workspaceId,
        reportId,
        url,
        issueType: issue.type,
        severity: issue.severity,
        details: issue.details as JsonObject,
        createdAt: second(metadata.at),
      }
    );
  },
};
