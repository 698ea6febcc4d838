// Catalogue of what comes in from outside in masses: counts of requests, SEO reports, hits of the pixel.
import { area, type EventType, exampleIds } from './catalogue-area.js';
import { PixelEvent } from './pixel.js';
import { SeoEvent } from './seo.js';
import { UsageEvent } from './usage.js';

const { workspaceId, apiKeyId, reportId } = exampleIds;

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

const usage = area<UsageEvent>(UsageEvent, {
  RequestsCounted: {
    version: 1,
    category: 'requests',
    wire: null,
    description: 'Requests that an API key has made to a route in a minute, as one process has counted them.',
    example: {
      workspaceId,
      keyId: apiKeyId,
      method: 'GET',
      route: '/api/v1/workspaces/{id}',
      minute: '2026-01-15T10:30:00.000Z',
      success: 118,
      errors: 2,
      durations: { sum: 216.4, min: 0.71, max: 24.3 },
    },
  },
});

const pixel = area<PixelEvent>(PixelEvent, {
  PixelTracked: {
    version: 1,
    category: 'pixel',
    wire: 'pixel.tracked',
    highVolume: true,
    description: 'A web page has reported a visit, or something else that happened there.',
    example: {
      workspaceId,
      event: 'pageview',
      url: 'https://example.com/page',
      referrer: 'https://google.com/',
      device: 'desktop',
      properties: { title: 'Page Title' },
      trackedAt: '2026-01-15T10:30:00.000Z',
    },
  },
});

export const ingestTypes: readonly EventType[] = [usage, seo, pixel].flat();
