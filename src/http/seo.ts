// Endpoints of SEO reports.
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { SeoCommands } from '../commands/seo.js';
import { created } from '../dialects/envelopes.js';
import { type ShownIssue, seoIssueViews, seoReportViews } from '../dialects/seo.js';
import type { JsonObject } from '../domain/decider.js';
import { notFound } from '../domain/errors.js';
import type { SeoIssueRow } from '../projections/seo.js';
import { bySlug, reachable } from './context.js';
import { listAnswer, listQuery } from './list-query.js';
import { findByReference } from './records.js';
import { type Route, route } from './route.js';
import { SeoReportBody, seoDocs, seoIssueList } from './seo-forms.js';
import { shownNames } from './shown-names.js';

export const seoRoutes = ({ readModels, seo }: { readModels: ReadModels; seo: SeoCommands }): Route[] => {
  /** The workspace that the path names, by any of its ids or by its slug, among those of the key's user. */
  const workspaceIn = async (named: string, userId: string) => {
    const mine = reachable(userId);
    const row =
      (await findByReference(readModels, 'workspaces', 'workspace', named, mine)) ??
      (await bySlug(readModels, named, mine));
    if (!row) throw notFound('Workspace');
    return row;
  };

  return [
    route({
      method: 'POST',
      path: '/seo/report',
      scope: 'seo:write',
      body: SeoReportBody,
      doc: seoDocs.report,
      handle: async ({ body, command, workspace, dialect }) => {
        const issues = body.issues.map(({ type, severity, ...details }) => ({
          type,
          severity,
          details: details as JsonObject,
        }));
        const { record, position } = await seo.report({ ...body, issues }, { command, workspace });
        return { status: 201, body: created(dialect, 'SEO report', seoReportViews, record), position };
      },
    }),
    route({
      method: 'GET',
      path: '/seo/issues/:workspace_id',
      scope: 'seo:read',
      query: listQuery(seoIssueList),
      shows: shownNames(seoIssueViews, 'list'),
      doc: seoDocs.issues,
      handle: async (exchange) => {
        const { id } = await workspaceIn(exchange.params['workspace_id'] ?? '', exchange.caller.userId);
        const where: Term[] = [{ field: 'workspaceId', op: 'eq', value: id }];
        return listAnswer<SeoIssueRow, ShownIssue>(exchange, {
          readModels,
          model: 'seo-issues',
          where,
          spec: seoIssueList,
          views: seoIssueViews,
        });
      },
    }),
  ];
};
