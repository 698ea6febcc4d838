// The read model that tells whose site a hit is from: the domains of each workspace, and since when it claims them.
import type { Row } from '../adapters/read-models/port.js';
import type { JsonObject, Recorded } from '../domain/decider.js';
import { siteSettings } from '../domain/pixel.js';
import type { WorkspaceEvent } from '../domain/workspaces.js';
import { shared } from './fields.js';
import type { Projection } from './projection.js';

/** `id` is the workspace's. */
export type PixelSiteRow = Row & {
  /** The workspace's, too: rows stand by it, so that the newest is put at the end. */
  readonly number: number;
  readonly domains: readonly string[];
  /** For each of them the position of the event that named it; kept for as long as it is named. */
  readonly since: readonly number[];
  readonly enabled: boolean;
};

/** The site after its settings have changed; what they do not mention stays. */
const siteAfter = (
  row: Pick<PixelSiteRow, 'id' | 'number'> & Partial<PixelSiteRow>,
  changed: JsonObject,
  position: number,
) => {
  const { domains, enabled } = siteSettings(changed);
  const known = new Map(row.domains?.map((domain, n) => [domain, row.since?.[n] ?? position]));
  const kept = 'domains' in changed ? domains : (row.domains ?? []);
  return {
    id: row.id,
    number: row.number,
    domains: kept,
    since: kept.map((domain) => known.get(domain) ?? position),
    enabled: 'pixel' in changed ? enabled : (row.enabled ?? true),
  };
};

export const pixelSites: Projection<PixelSiteRow> = {
  name: 'pixel-sites',
  version: 2,
  holds: 'What web pages may report to a workspace (same `_id`).',
  fields: {
    number: shared.number,
    domains: ['text[]', 'The domains of its sites, as host names.'],
    since: [
      'integer[]',
      'For each domain the place in the log where it was named: of several workspaces that name one, it belongs to the first.',
    ],
    enabled: ['boolean', 'False when it has switched its pixel off.'],
  },
  indexes: ['domains'],
  events: new Set(['WorkspaceCreated', 'WorkspaceUpdated', 'WorkspaceDeleted']),
  idOf: ({ data }) => (data as { workspaceId: string }).workspaceId,
  project(row, recorded) {
    const { type, data, position } = recorded as Recorded as Recorded<WorkspaceEvent>;
    if (type === 'WorkspaceCreated')
      return siteAfter({ id: data.workspaceId, number: data.number }, data.settings as JsonObject, position);
    if (type === 'WorkspaceDeleted') return null;
    if (row === undefined || type !== 'WorkspaceUpdated' || data.changes.settings === undefined)
      return undefined;
    return siteAfter(row, data.changes.settings as JsonObject, position);
  },
};

/** The one of several claims on a domain that counts: the oldest. */
export const oldestClaim = (rows: readonly PixelSiteRow[], domain: string): PixelSiteRow | undefined => {
  const claimed = ({ domains, since }: PixelSiteRow) =>
    since[domains.indexOf(domain)] ?? Number.POSITIVE_INFINITY;
  return rows.toSorted((left, right) => claimed(left) - claimed(right))[0];
};
