// Who reaches a namespace, and who may change it: its owner changes it; whoever pays for it sees and uses it, and may end
// paying.
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import { DomainError, notFound } from '../domain/errors.js';
import { requireRole } from '../domain/members.js';
import type { NamespaceRow } from '../projections/namespaces.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import { findByReference } from './records.js';
import type { Exchange } from './route.js';
import { workspacesOf } from './user-access.js';

/** A namespace with those of its workspaces that the caller belongs to: the one that pays first. */
export type Reached = { readonly row: NamespaceRow; readonly workspaces: readonly WorkspaceRow[] };

/** What the namespaces have in common that a user reaches: their own ones, and those of their workspaces. */
export const reachableNamespaces = async (readModels: ReadModels, userId: string): Promise<Term> => {
  const mine = await workspacesOf(readModels, userId);
  return { field: 'reach', op: 'in', value: [userId, ...mine.map(({ id }) => id)] };
};

/** The namespace that an id names, if the user reaches it; any other is like one that does not exist. */
export const reachNamespace = async (
  readModels: ReadModels,
  userId: string,
  id: string,
  options: { deleted?: boolean } = {},
): Promise<Reached | undefined> => {
  const row = await findByReference<NamespaceRow>(readModels, 'namespaces', 'namespace', id, [], options);
  if (!row) return undefined;
  const mine = await readModels.find<WorkspaceRow>('workspaces', {
    where: [
      { field: 'id', op: 'in', value: row.reach },
      { field: 'memberIds', op: 'eq', value: userId },
    ],
  });
  if (mine.length === 0 && row.ownerId !== userId) return undefined;
  const workspaces = mine.toSorted((left) => (left.id === row.workspaceId ? -1 : 1));
  return { row, workspaces };
};

type Asked = Pick<Exchange<unknown, unknown>, 'caller' | 'params' | 'command'>;

/** The namespace that the path names. A retried write finds a deleted one too. Throws 404. */
export const namespaceOfPath = async (
  readModels: ReadModels,
  { caller, params, command }: Asked,
): Promise<Reached> => {
  const id = params['id'] ?? '';
  const reached = await reachNamespace(readModels, caller.userId, id, { deleted: command.retry });
  if (!reached) throw notFound();
  return reached;
};

const isOwner = ({ row, workspaces }: Reached, userId: string): boolean =>
  row.ownerId === userId || workspaces.some(({ id }) => id === row.ownerId);

/** Throws 403 to whoever only pays for it. */
export const requireOwner = (reached: Reached, { caller }: Asked): NamespaceRow => {
  if (!isOwner(reached, caller.userId))
    throw new DomainError('access_denied', 'Only the owner of a namespace may change it.');
  return reached.row;
};

/**
 * The workspace that no longer wants to pay for a namespace of somebody else: `workspace_id: null` and nothing more, sent
 * by an owner or admin of it. Throws 403 to its other members.
 */
export const leavingPayer = (
  reached: Reached,
  { caller }: Asked,
  changes: object,
): WorkspaceRow | undefined => {
  const { row, workspaces } = reached;
  const payer = workspaces.find(({ id }) => id === row.billing?.id);
  const [only, ...more] = Object.entries(changes);
  const leaves = only?.[0] === 'workspace_id' && only[1] === null && more.length === 0;
  if (!payer || !leaves || isOwner(reached, caller.userId)) return undefined;
  requireRole(payer.members, caller.userId, ['owner', 'admin']);
  return payer;
};
