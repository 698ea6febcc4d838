// Who is asked for a feature: a namespace's own packages, then the workspace that pays for it, then its user's tier.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { Chain, Holder } from '../../commands/entitlements/standing.js';
import type { NamespaceCommands } from '../../commands/namespaces.js';
import type { Soon } from '../../domain/soon.js';
import type { NamespaceRow } from '../../projections/namespaces.js';
import type { UserRow } from '../../projections/users.js';
import type { WorkspaceRow } from '../../projections/workspaces.js';
import type { Exchange } from '../route.js';
import { workspacesOf } from '../user-access.js';

type Asked = Pick<Exchange<unknown, unknown>, 'workspace' | 'namespace'>;

/** A chain, and the workspace that its usage is about: the one that pays. */
export type Chained = { readonly chain: Chain; readonly payer: WorkspaceRow };
export type Chains = {
  /** Of the context: its namespace, else its workspace. */
  of(asked: Asked): Soon<Chained>;
  ofNamespace(row: NamespaceRow, asked: Asked): Promise<Chained>;
};

/**
 * The workspaces (UUIDs) that may have paid for a namespace since an instant. Where nobody was named it was one of its
 * user's: those that they belong to now are told.
 */
export const payersSince =
  (readModels: ReadModels, { paidSince }: Pick<NamespaceCommands, 'paidSince'>) =>
  async ({ id, ownerId }: NamespaceRow, since: string): Promise<string[]> => {
    const paid = await paidSince(id, since);
    const named = paid.filter((one) => one !== null);
    if (named.length === paid.length) return named;
    const theirs = await workspacesOf(readModels, ownerId);
    return [...named, ...theirs.map((row) => row.id)];
  };

const poolOf = ({ id, tier }: WorkspaceRow): Holder => ({
  owner: { type: 'workspace', id },
  workspaceId: id,
  tier,
});

/** Sorts what a user founded before what they joined, and either by when that was. */
const standingIn = ({ members }: WorkspaceRow, userId: string): string => {
  const at = members.findIndex((member) => member.userId === userId);
  return `${at === 0 ? 0 : 1} ${members[at]?.since ?? ''}`;
};
const compare = (left: string, right: string): number => (left < right ? -1 : Number(left > right));

export const chains = (readModels: ReadModels): Chains => {
  /**
   * The workspace that pays for a namespace; for a user's own one that nobody pays for, the first that this user founded,
   * else the one that they joined first: nobody becomes the payer by making them a member.
   */
  const payerOf = async ({ workspaceId, ownerId }: NamespaceRow, { workspace }: Asked) => {
    if (workspaceId === workspace.id) return workspace;
    if (workspaceId !== null)
      return (await readModels.get<WorkspaceRow>('workspaces', workspaceId)) ?? workspace;
    const theirs = await workspacesOf(readModels, ownerId);
    const [first] = theirs.toSorted(
      (left, right) =>
        compare(standingIn(left, ownerId), standingIn(right, ownerId)) || left.number - right.number,
    );
    return first ?? workspace;
  };

  /** A user gives nothing that is counted: else every namespace would bring a pool of its own. */
  const userOf = async ({ ownerType, ownerId }: NamespaceRow, workspaceId: string): Promise<Holder[]> => {
    const user = ownerType === 'User' ? await readModels.get<UserRow>('users', ownerId) : undefined;
    if (!user) return [];
    return [{ owner: { type: 'user', id: user.id }, workspaceId, tier: user.tier, flagsOnly: true }];
  };

  const ofNamespace: Chains['ofNamespace'] = async (row, asked) => {
    const payer = await payerOf(row, asked);
    const own: Holder = {
      owner: { type: 'namespace', id: row.id },
      workspaceId: payer.id,
      tier: null,
    };
    return { chain: [own, poolOf(payer), ...(await userOf(row, payer.id))], payer };
  };

  return {
    of: (asked) =>
      asked.namespace
        ? ofNamespace(asked.namespace, asked)
        : { chain: [poolOf(asked.workspace)], payer: asked.workspace },
    ofNamespace,
  };
};
