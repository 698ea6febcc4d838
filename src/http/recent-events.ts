// What has happened lately in a workspace, newest first.
import { z } from 'zod';
import type { EventLog } from '../adapters/event-log/port.js';
import { shownEvent } from '../dialects/events.js';
import { isHighVolume, wireNameOf } from '../domain/catalogue.js';
import type { Recorded } from '../domain/decider.js';
import { isSubscribable, matches } from '../domain/event-types.js';
import { type Route, route } from './route.js';

const MAX_SHOWN = 100;
const USUAL = 20;
/** So many events of all workspaces are looked through for those of one. */
const MAX_SCANNED = 10_000;

const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'The :attribute must be an integer.')
    .transform(Number)
    .refine((number) => number >= least && number <= most, `The :attribute must be from ${least} to ${most}.`)
    .meta({ type: 'integer', minimum: least, maximum: most });

const RecentQuery = z
  .object({
    type: z
      .string()
      .refine(isSubscribable, 'The :attribute must be an event type such as post.created, or resource.*.')
      .meta({ description: 'Only events of this type: exact, or `resource.*`.', examples: ['workspace.*'] }),
    limit: whole(1, MAX_SHOWN).meta({ description: `How many; ${USUAL} unless said.` }),
    before: whole(0, Number.MAX_SAFE_INTEGER).meta({
      description: 'Only older ones: the `next_before` of an earlier answer.',
    }),
  })
  .partial();

/** The type that an event shows to this workspace; undefined for what it does not get to see. */
const seenAs = (event: Recorded, workspaceId: string, type: string): string | undefined => {
  if (!event.metadata.audience.includes(workspaceId)) return undefined;
  const name = wireNameOf(event);
  return name !== null && matches([type], name, isHighVolume(event.type)) ? name : undefined;
};

/** Not in the route table: a tool of the MCP server is all that calls it. */
export const recentEventsRoute = (log: EventLog): Route =>
  route({
    method: 'GET',
    path: '/events/recent',
    scope: 'events:read',
    query: RecentQuery,
    doc: {
      id: 'listRecentEvents',
      tag: 'Events',
      summary: 'List what has happened lately in the workspace, newest first',
      description:
        'Events as they stand in the log, without secrets and personal data. Types with many events a second, such as `pixel.tracked`, only when `type` names them. When there may be older ones the answer has `next_before`.',
      success: { status: 200, description: 'The events.' },
    },
    handle: async ({ query, workspace }) => {
      const { type = '*', limit = USUAL, before = Number.POSITIVE_INFINITY } = query;
      const shown: object[] = [];
      let scanned = 0;
      let last = 0;
      for await (const event of log.readAllBackwards(before, {}, MAX_SCANNED)) {
        scanned += 1;
        last = event.position;
        const name = seenAs(event, workspace.id, type);
        if (name !== undefined) shown.push(shownEvent(name, event));
        if (shown.length === limit) break;
      }
      const isMore = shown.length === limit || scanned === MAX_SCANNED;
      return {
        status: 200,
        body: { data: shown, ...(isMore && last > 0 ? { next_before: last } : {}) },
      };
    },
  });
