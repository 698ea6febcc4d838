// A key that has ended may still repeat the command that ended it, and nothing else: its owner may have lost the answer.
import type { ReadModels } from '../adapters/read-models/port.js';
import { type IdKind, parseReference } from '../domain/ids.js';
import type { ApiKeyRow } from '../projections/api-keys.js';
import type { UserRow } from '../projections/users.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { CheckedKey } from './auth.js';
import type { Asked } from './gate.js';
import type { Caller, Route } from './route.js';

type Ends = NonNullable<Route['endsKey']>;
/** What the ways of ending are told by. `gone` = the key's workspace, also when it was deleted. */
type Ended = {
  readonly params: Readonly<Record<string, string>>;
  readonly now: string;
  readonly key: ApiKeyRow;
  readonly home: WorkspaceRow | undefined;
  readonly gone: WorkspaceRow | undefined;
  readonly user: UserRow | undefined;
};

/** Whether a path parameter names a record. */
const names = (
  kind: IdKind,
  text: string | undefined,
  record: { readonly id: string; readonly number: number } | undefined,
): boolean => {
  const named = parseReference(kind, text ?? '');
  if (!named || !record) return false;
  return 'number' in named ? named.number === record.number : named.uuid === record.id;
};

/** The workspace that the key then acts in, if it has ended in just this way, by a command like the one that is asked for. */
const endings: Readonly<Record<Ends, (ended: Ended) => WorkspaceRow | undefined | false>> = {
  revoked: ({ key, params, home }) => key.revoked && names('apiKey', params['id'], key) && home,
  grace: ({ key, params, home, now }) => key.graceEndsAt <= now && names('apiKey', params['id'], key) && home,
  workspace: ({ key, params, home, gone }) =>
    home === undefined && !key.revoked && names('workspace', params['id'], gone) && gone,
  membership: ({ key, params, gone, user }) =>
    !gone?.memberIds.includes(key.userId) &&
    names('workspace', params['id'], gone) &&
    names('user', params['user_id'], user) &&
    gone,
  user: ({ params, gone, user }) => user?.erasedAt != null && names('user', params['id'], user) && gone,
};

/** The caller behind a key that has ended, where it may repeat the command that ended it. */
export const endedCaller = async (
  readModels: ReadModels,
  { headers, route, params, now }: Asked,
  checked: CheckedKey,
): Promise<Caller | undefined> => {
  if (checked.verdict !== 'REVOKED' && checked.verdict !== 'EXPIRED') return undefined;
  const way = route?.endsKey;
  if (way === undefined || headers['idempotency-key'] === undefined) return undefined;
  const { key, home } = checked;
  const [gone, user] = await Promise.all([
    home ??
      readModels
        .load<WorkspaceRow>('workspaces', [key.workspaceId])
        .then((rows) => rows.get(key.workspaceId)),
    readModels.get<UserRow>('users', key.userId),
  ]);
  const was = endings[way]({ params, now: now.toISOString(), key, home, gone, user });
  return was ? { key, userId: key.userId, home: was } : undefined;
};
