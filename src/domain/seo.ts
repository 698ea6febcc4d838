// What can happen to an SEO report: it is made, whole, and never changes. Pure.
import { z } from 'zod';
import { type Decider, event, type JsonObject } from './decider.js';
import { DomainError, invalid } from './errors.js';

export const severities = ['info', 'notice', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof severities)[number];

const score = z.int().optional();
const scores = z.object({ performance: score, accessibility: score, best_practices: score, seo: score });
const issue = z.object({
  type: z.string(),
  severity: z.enum(severities),
  details: z.record(z.string(), z.json()),
});

export const SeoEvent = z.discriminatedUnion('type', [
  /** Its issues have the integer ids from `firstIssue` on, in order. */
  event('SeoReportCreated', {
    reportId: z.uuid(),
    workspaceId: z.uuid(),
    number: z.int(),
    url: z.string(),
    scores,
    issues: z.array(issue),
    firstIssue: z.int(),
  }),
]);
export type SeoEvent = z.infer<typeof SeoEvent>;
export type SeoScores = z.infer<typeof scores>;
export type SeoIssue = Omit<z.infer<typeof issue>, 'details'> & { readonly details: JsonObject };
export type SeoCommand = { type: 'CreateSeoReport'; data: SeoEvent['data'] };

/** A report without its issues, which are looked at one by one. */
export type SeoReport = {
  readonly id: string;
  readonly number: number;
  readonly workspaceId: string;
  readonly url: string;
  readonly scores: SeoScores;
  readonly issuesCount: number;
  readonly createdAt: string;
};

/** Most issues of one report. */
export const MAX_ISSUES = 1_000;
/** Most bytes that all issues of a report may have as JSON: one event holds them, and one append takes 1 MiB. */
const MAX_ISSUES_BYTES = 524_288;

/** Throws 422 for issues that are too many or too large to be kept together. */
export const requireKeepable = (issues: readonly SeoIssue[]): void => {
  if (issues.length > MAX_ISSUES)
    throw invalid({ issues: `The issues may not have more than ${MAX_ISSUES} items.` });
  if (new TextEncoder().encode(JSON.stringify(issues)).length > MAX_ISSUES_BYTES)
    throw invalid({ issues: 'The issues may not be larger than 512 KiB in all.' });
};

export const seoReport: Decider<SeoReport | undefined, SeoCommand, SeoEvent> = {
  initialState: undefined,

  decide({ data }, state) {
    if (state) throw new DomainError('conflict', 'This SEO report already exists.');
    return [{ type: 'SeoReportCreated', data }];
  },

  evolve: (_state, { data, metadata: { at } }) => ({
    id: data.reportId,
    number: data.number,
    workspaceId: data.workspaceId,
    url: data.url,
    scores: data.scores,
    issuesCount: data.issues.length,
    createdAt: at,
  }),
};
