// Catalogue of what comes in from outside in masses: SEO reports.
import { area, type EventType, exampleIds } from './catalogue-area.js';
import { SeoEvent } from './seo.js';

const { workspaceId, reportId } = exampleIds;

const seo = area<SeoEvent>(SeoEvent, {
  SeoReportCreated: {
    version: 1,
    category: 'seoReport',
    wire: 'seo.report.created',
    description: 'An SEO report about a page was made, with the issues that were found there.',
    example: {
      reportId,
      workspaceId,
      number: 1,
      url: 'https://example.com/page',
      scores: { performance: 85, accessibility: 92, best_practices: 88, seo: 95 },
      issues: [{ type: 'missing_alt', severity: 'warning', details: { element: 'img.hero-image' } }],
      firstIssue: 1,
    },
  },
});

export const ingestTypes: readonly EventType[] = [seo].flat();
