// What surrounds a request: its dialect, and the workspace that it is made in.
import type { IncomingHttpHeaders } from 'node:http';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import { type Dialect, dialects } from '../dialects/dialect.js';
import { type DomainError, invalid, notFound } from '../domain/errors.js';
import { normalSlug } from '../domain/slugs.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { Parameters } from './query.js';
import { findByReference } from './records.js';
import type { Caller } from './route.js';

/** Query parameters that every endpoint knows. */
export const contextParameters = ['workspace_id', 'workspace', 'namespace_id', 'namespace'] as const;

/** The dialect that a header asks for; `unknown` when there is no such one. */
export const askedDialect = (headers: IncomingHttpHeaders): Dialect | 'unknown' | undefined => {
  const header = headers['x-api-dialect'];
  if (header === undefined) return undefined;
  return dialects.find((dialect) => dialect === header) ?? 'unknown';
};

export const unknownDialect = (): DomainError =>
  invalid({
    'X-API-Dialect': `The selected X-API-Dialect is invalid. It must be one of: ${dialects.join(', ')}.`,
  });

/**
 * The context workspace: the one that header or query name, else the key's own, which is the usual case and costs
 * nothing. A workspace that the key's user does not belong to looks like one that does not exist. Throws 404, or 422
 * when header and query are at odds. `deleted` finds, by its id, one that is gone: for the repetition of its deletion.
 */
export const contextWorkspace = (
  readModels: ReadModels,
  caller: Caller,
  headers: IncomingHttpHeaders,
  parameters: Parameters,
  deleted = false,
): WorkspaceRow | Promise<WorkspaceRow> => {
  const { workspace_id: id, workspace: slug, namespace_id: namespaceId, namespace } = parameters;
  const header = headers['x-workspace-id'];
  const named = namespaceId ?? namespace ?? headers['x-namespace-id'] ?? headers['x-namespace'];
  if (named !== undefined) throw notFound('Namespace');
  if (header === undefined && id === undefined && slug === undefined) return caller.home;
  const ids = [header, id].filter((one) => one !== undefined).map(String);
  return namedWorkspace(readModels, caller.userId, ids, slug, deleted);
};

/** Workspaces that a user belongs to. */
export const reachable = (userId: string): Term[] => [{ field: 'memberIds', op: 'eq', value: userId }];

const namedWorkspace = async (
  readModels: ReadModels,
  userId: string,
  ids: readonly string[],
  slug: string | undefined,
  deleted: boolean,
): Promise<WorkspaceRow> => {
  const mine = reachable(userId);
  const found = await Promise.all([
    ...ids.map((id) =>
      findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', id, mine, { deleted }),
    ),
    // A slug is none of the forms of an id, and has a parameter of its own.
    ...(slug === undefined ? [] : [bySlug(readModels, slug, mine)]),
  ]);
  const [first] = found;
  if (!first || found.includes(undefined)) throw notFound('Workspace');
  if (found.some((row) => row?.id !== first.id))
    throw invalid({ workspace_id: 'The X-Workspace-ID header and the query name different workspaces.' });
  return first;
};

/** The workspace with a slug, among those that `mine` lets through. */
export const bySlug = async (
  readModels: ReadModels,
  slug: string,
  mine: readonly Term[],
): Promise<WorkspaceRow | undefined> => {
  const where: Term[] = [{ field: 'slug', op: 'eq', value: normalSlug(slug) }, ...mine];
  const [row] = await readModels.find<WorkspaceRow>('workspaces', { where, limit: 1 });
  return row;
};
