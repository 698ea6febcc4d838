// Endpoints of users: the members of a workspace, and oneself.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { FinishErasure } from '../commands/erasure.js';
import type { UserCommands } from '../commands/users.js';
import { updated } from '../dialects/envelopes.js';
import { userViews } from '../dialects/users.js';
import { DomainError, notFound } from '../domain/errors.js';
import type { UserRow } from '../projections/users.js';
import { listQuery, singleAnswer, singleQuery } from './list-query.js';
import { type InMemory, peopleAnswer } from './people.js';
import { findByReference } from './records.js';
import { type Answer, type Exchange, type Route, route } from './route.js';
import { shownNames } from './shown-names.js';
import { requireAuthority, requireHeirs, userOfPath, workspacesOf } from './user-access.js';
import { UpdateUserBody, userDocs, userList } from './user-forms.js';

type Any = Exchange<unknown, unknown>;

const unfinished = () =>
  new DomainError(
    'unavailable',
    'The user was erased, and what follows from it goes on by itself. A retry with the same Idempotency-Key is safe.',
  );

export const userRoutes = (deps: {
  readModels: ReadModels;
  users: UserCommands;
  finishErasure: FinishErasure;
  inMemory: InMemory;
}): Route[] => {
  const { readModels, users, finishErasure } = deps;

  const shown = async (row: UserRow, exchange: Exchange<{ fields?: string[] | undefined }, unknown>) => {
    const [record] = await users.revealAll([row]);
    return singleAnswer<UserRow, UserRow>(exchange, { row, record: record ?? row, views: userViews });
  };

  /** Whoever a retried command has changed or erased already: then it has been allowed, and they need not be reached. */
  const doneBefore = async ({ command, params }: Any): Promise<UserRow | undefined> => {
    if (!command.retry) return undefined;
    const row = await findByReference<UserRow>(readModels, 'users', 'user', params['id'] ?? '');
    return row && (await users.streams.found(row.id, command)) ? row : undefined;
  };
  /** The user to be changed, with the workspaces that hear of it. Throws 404 and 403. */
  const toChange = async (exchange: Any, allowed: Parameters<typeof requireAuthority>[3]) => {
    const before = await doneBefore(exchange);
    const row = before ?? (await userOfPath(readModels, exchange));
    const theirs = await workspacesOf(readModels, row.id);
    if (!before) requireAuthority(exchange.caller, row.id, theirs, allowed);
    const asking = { ...exchange, workspaces: theirs.map(({ id }) => id) };
    return { id: row.id, theirs, asking, isRetried: before !== undefined };
  };

  return [
    route({
      method: 'GET',
      path: '/users',
      scope: 'users:read',
      query: listQuery(userList),
      shows: shownNames(userViews, 'list'),
      doc: userDocs.list,
      handle: (exchange) =>
        peopleAnswer(deps, exchange, exchange.workspace, { spec: userList, views: userViews }),
    }),
    route({
      method: 'GET',
      path: '/user',
      scope: 'any',
      query: singleQuery,
      shows: shownNames(userViews, 'single'),
      doc: userDocs.current,
      async handle(exchange) {
        const row = await readModels.get<UserRow>('users', exchange.caller.userId);
        if (!row || row.erasedAt !== null) throw notFound();
        return shown(row, exchange);
      },
    }),
    route({
      method: 'GET',
      path: '/users/:id',
      scope: 'users:read',
      query: singleQuery,
      shows: shownNames(userViews, 'single'),
      doc: userDocs.get,
      handle: async (exchange) => shown(await userOfPath(readModels, exchange), exchange),
    }),
    route({
      method: 'PATCH',
      path: '/users/:id',
      scope: 'users:write',
      body: UpdateUserBody,
      doc: userDocs.update,
      async handle(exchange): Promise<Answer> {
        const { id, asking } = await toChange(exchange, ['owner', 'admin']);
        const { record, revision, position } = await users.update(id, exchange.body, asking);
        const [revealed] = await users.revealAll([record]);
        const body = updated(exchange.dialect, 'User', userViews, revealed ?? record);
        return { status: 200, body, revision, position, person: id };
      },
    }),
    route({
      method: 'DELETE',
      path: '/users/:id',
      scope: 'users:delete',
      endsKey: 'user',
      doc: userDocs.remove,
      async handle(exchange) {
        const { id, theirs, asking, isRetried } = await toChange(exchange, ['owner']);
        if (!isRetried) requireHeirs(id, theirs);
        const { position } = await users.erase(id, asking);
        const last = await finishErasure(id, exchange.command).catch(() => {
          throw unfinished();
        });
        return { status: 204, position: Math.max(position, last) };
      },
    }),
  ];
};
