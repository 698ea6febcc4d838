// What surrounds a request: its dialect, and the workspace and namespace that it is made in.
import type { IncomingHttpHeaders } from 'node:http';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import { type Dialect, dialects } from '../dialects/dialect.js';
import { type DomainError, invalid, notFound } from '../domain/errors.js';
import { normalSlug } from '../domain/slugs.js';
import type { Soon } from '../domain/soon.js';
import type { NamespaceRow } from '../projections/namespaces.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { type Reached, reachNamespace } from './namespace-access.js';
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

/** Where a request is made: in a workspace, and in a namespace where it names one. */
export type Context = { readonly workspace: WorkspaceRow; readonly namespace: NamespaceRow | undefined };

const given = (...values: readonly (string | string[] | undefined)[]): string[] =>
  values.filter((value) => value !== undefined).map(String);

/**
 * What header or query name, else the key's own workspace, which is the usual case and costs nothing. A namespace alone
 * brings its workspace with it. What the key's user does not reach looks like what does not exist. Throws 404, or 422
 * when header and query, or workspace and namespace, are at odds. `deleted` finds, by its id, a workspace that is gone:
 * for the repetition of its deletion.
 */
export const contextOf = (
  readModels: ReadModels,
  caller: Caller,
  headers: IncomingHttpHeaders,
  parameters: Parameters,
  deleted = false,
): Soon<Context> => {
  const { workspace_id: id, workspace: slug, namespace_id: namespaceId, namespace } = parameters;
  const workspaces = given(headers['x-workspace-id'], id);
  const namespaces = given(headers['x-namespace-id'], headers['x-namespace'], namespaceId, namespace);
  const named = workspaces.length > 0 || slug !== undefined;
  if (namespaces.length === 0 && !named) return { workspace: caller.home, namespace: undefined };
  const workspace = named
    ? namedWorkspace(readModels, caller.userId, workspaces, slug, deleted)
    : Promise.resolve(undefined);
  return placed(caller, workspace, namedNamespace(readModels, caller.userId, namespaces));
};

const placed = async (
  { home, userId }: Caller,
  workspaceNamed: Promise<WorkspaceRow | undefined>,
  namespaceNamed: Promise<Reached | undefined>,
): Promise<Context> => {
  const [workspace, reached] = await Promise.all([workspaceNamed, namespaceNamed]);
  const namespace = reached?.row;
  if (!workspace) return { workspace: reached?.workspaces[0] ?? home, namespace };
  // A user's own namespace that nobody pays for fits everywhere.
  const fits =
    !namespace ||
    namespace.reach.includes(workspace.id) ||
    (namespace.workspaceId === null && namespace.ownerId === userId);
  if (!fits)
    throw invalid({ namespace_id: 'The namespace does not belong to the workspace that the request names.' });
  return { workspace, namespace };
};

const namedNamespace = async (
  readModels: ReadModels,
  userId: string,
  ids: readonly string[],
): Promise<Reached | undefined> => {
  if (ids.length === 0) return undefined;
  const found = await Promise.all(ids.map((id) => reachNamespace(readModels, userId, id)));
  const [first] = found;
  if (!first || found.includes(undefined)) throw notFound('Namespace');
  if (found.some((reached) => reached?.row.id !== first.row.id))
    throw invalid({ namespace_id: 'The headers and the query name different namespaces.' });
  return first;
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
