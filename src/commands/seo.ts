// The effects around making an SEO report: integer ids for it and for its issues.
import type { EventLog } from '../adapters/event-log/port.js';
import {
  requireKeepable,
  type SeoCommand,
  type SeoEvent,
  type SeoIssue,
  type SeoReport,
  type SeoScores,
  seoReport,
} from '../domain/seo.js';
import { type CommandContext, idFor } from './context.js';
import type { Handled } from './folding.js';
import { type Streams, streams } from './handle.js';
import { nextNumber, nextNumbers } from './numbers.js';

export type NewSeoReport = {
  readonly url: string;
  readonly scores: SeoScores;
  readonly issues: readonly SeoIssue[];
};
/** The report and the position to wait for. */
export type SeoAnswer = { readonly record: SeoReport; readonly position: number };

export type SeoCommands = {
  /** A report of the context workspace. Throws 422 for issues that are too many or too large together. */
  report(
    input: NewSeoReport,
    asking: { command: CommandContext; workspace: { readonly id: string } },
  ): Promise<SeoAnswer>;
  readonly streams: Streams<SeoReport | undefined, SeoCommand, SeoEvent>;
};

const answer = ({ state, position }: Handled<SeoReport | undefined, SeoEvent>): SeoAnswer => {
  if (!state) throw new Error('a report left no record');
  return { record: state, position };
};

export const seoCommands = (log: EventLog, now: () => Date): SeoCommands => {
  const handled: SeoCommands['streams'] = streams(log, 'seoReport', seoReport, { now, cached: 1_000 });

  return {
    streams: handled,

    async report({ url, scores, issues }, { command, workspace }) {
      const reportId = idFor(command, 'stream');
      const earlier = await handled.found(reportId, command);
      if (earlier) return answer(earlier);
      requireKeepable(issues);
      const [number, firstIssue] = await Promise.all([
        nextNumber(log, 'seoReport', command, now),
        issues.length === 0 ? 0 : nextNumbers(log, 'seoIssue', issues.length, command, now),
      ]);
      const data = {
        reportId,
        workspaceId: workspace.id,
        number,
        url,
        scores,
        issues: [...issues],
        firstIssue,
      };
      const subject = { subject: workspace.id };
      return answer(await handled.handle(reportId, { type: 'CreateSeoReport', data }, command, subject));
    },
  };
};
