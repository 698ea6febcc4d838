// The read model behind GET /workspaces.
import type { Row } from '../adapters/read-models/port.js';
import { type Workspace, WorkspaceEvent, type WorkspaceRecord, workspace } from '../domain/workspaces.js';
import { shared } from './fields.js';
import { type Projection, recordProjection, searchText, typesOf } from './projection.js';

/** `memberIds` repeats the members' user ids, so that a list finds them by an index. */
export type WorkspaceRow = Row &
  WorkspaceRecord & { readonly memberIds: readonly string[]; readonly search: string };

export const workspaces: Projection<WorkspaceRow> = recordProjection<Workspace, WorkspaceRow>({
  name: 'workspaces',
  version: 1,
  holds: 'A workspace (tenant).',
  fields: {
    number: shared.number,
    name: ['text', 'Its name.'],
    slug: ['text', 'Its name in addresses; no two workspaces have the same.'],
    tier: ['text', 'What it has booked: `free`, `starter`, `pro`, `business`, `agency` or `enterprise`.'],
    status: ['text', '`active`, or `suspended` while its entitlements are.'],
    settings: ['object', 'Its settings, such as `timezone` and `locale`.'],
    tags: ['text[]', 'Its tags.'],
    metadata: shared.metadata,
    members: [
      'object[]',
      'Each `{userId, role, since}`: a user’s id, `owner`, `admin` or `member`, and an instant.',
    ],
    memberIds: ['uuid[]', 'The users in `members`.'],
    search: shared.search,
    createdAt: shared.createdAt,
    updatedAt: shared.updatedAt,
  },
  indexes: ['number', 'slug', 'memberIds'],
  events: typesOf(WorkspaceEvent),
  evolve: workspace.evolve,
  toState: (record) => (record ? { record, deleted: false, withdrawn: {} } : workspace.initialState),
  toRow: ({ record, deleted }) => {
    if (deleted) return null;
    if (!record) return undefined;
    return {
      ...record,
      memberIds: record.members.map(({ userId }) => userId),
      search: searchText(record.name, record.slug),
    };
  },
});
