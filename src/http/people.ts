// Lists of the members of a workspace. Names and addresses are sealed: what looks into them opens them first.
import type { Model, ReadModels, Row, Term } from '../adapters/read-models/port.js';
import type { UserCommands } from '../commands/users.js';
import type { Views } from '../dialects/dialect.js';
import type { ShownMember } from '../dialects/members.js';
import { invalid } from '../domain/errors.js';
import { searchText } from '../projections/projection.js';
import type { UserRow } from '../projections/users.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { type ListQuery, type ListSpec, listAnswer } from './list-query.js';
import type { Answer, Exchange } from './route.js';

/** Read models in memory, for the length of one request. */
export type InMemory = (model: Model, rows: readonly Row[]) => Promise<ReadModels>;

export type PeopleDeps = {
  readonly readModels: ReadModels;
  readonly users: Pick<UserCommands, 'revealAll'>;
  readonly inMemory: InMemory;
};

/** A member with name and e-mail opened. */
export type PersonRow = UserRow & ShownMember & { readonly search: string };

/** Most members of which all are opened for one answer: on a server each is a question to the vault. */
const MOST_OPENED = 1_000;

/** Fields that stand in no row of the users' read model in a form that can be compared. */
const opened: ReadonlySet<string> = new Set(['name', 'email', 'role', 'joinedAt']);

/** Users as members of a workspace, in order. */
export const peopleOf = async (
  { users }: Pick<PeopleDeps, 'users'>,
  { members }: Pick<WorkspaceRow, 'members'>,
  rows: readonly UserRow[],
): Promise<PersonRow[]> => {
  const byId = new Map(members.map((member) => [member.userId, member]));
  const revealed = await users.revealAll(rows);
  return revealed.map((row) => {
    const { role, since } = byId.get(row.id) ?? { role: 'member', since: row.createdAt };
    const search = searchText(row.name ?? '', row.email ?? '');
    return { ...row, role, joinedAt: since, search };
  });
};

const whatOpens = ({ search = [], sort = [], ...rest }: ListQuery): string | undefined => {
  if (search.length > 0) return 'search';
  if (sort.some(([field]) => opened.has(field))) return 'sort';
  return 'role' in rest && rest.role !== undefined ? 'role' : undefined;
};

/**
 * 200 with a page of a workspace's members. Most lists open the page that they show; one that searches or sorts by what
 * is sealed, or asks for a role, opens all members first. Throws 422 where these are too many.
 */
export const peopleAnswer = async (
  { readModels, users, inMemory }: PeopleDeps,
  exchange: Exchange<ListQuery, unknown>,
  workspace: WorkspaceRow,
  shown: { readonly spec: ListSpec; readonly views: Views<PersonRow> },
): Promise<Answer> => {
  const where: Term[] = [
    { field: 'id', op: 'in', value: workspace.memberIds },
    { field: 'erasedAt', op: 'eq', value: null },
  ];
  const open = (rows: readonly UserRow[]) => peopleOf({ users }, workspace, rows);
  const opens = whatOpens(exchange.query);
  if (opens === undefined)
    return listAnswer<UserRow, PersonRow>(exchange, {
      readModels,
      model: 'users',
      where,
      join: open,
      ...shown,
    });
  if (workspace.memberIds.length > MOST_OPENED)
    throw invalid({
      [opens]: `The ${opens} parameter works in workspaces of up to ${MOST_OPENED} members: names and addresses are sealed.`,
    });
  const rows = await readModels.find<UserRow>('users', { where });
  const people = await inMemory({ name: 'people', indexes: ['number'] }, await open(rows));
  return listAnswer<PersonRow, PersonRow>(exchange, {
    readModels: people,
    model: 'people',
    where: [],
    ...shown,
  });
};
