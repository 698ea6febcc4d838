// Whose key a request carries, and whether it still counts.
import type { ReadModels, Surely } from '../adapters/read-models/port.js';
import { environmentOf, hashOfKey } from '../commands/key-secrets.js';
import { ipAllowed } from '../domain/ip-ranges.js';
import { type Soon, whenThere } from '../domain/soon.js';
import type { ApiKeyRow } from '../projections/api-keys.js';
import type { WorkspaceRow } from '../projections/workspaces.js';

/** Why a key does not count; the wire tells only those who verify keys of their own workspace. */
export type KeyVerdict = 'VALID' | 'NOT_FOUND' | 'REVOKED' | 'EXPIRED' | 'DISABLED' | 'IP_NOT_ALLOWED';

export type CheckedKey =
  | { readonly verdict: 'NOT_FOUND' }
  | { readonly verdict: 'VALID' | 'IP_NOT_ALLOWED'; readonly key: ApiKeyRow; readonly home: WorkspaceRow }
  | {
      readonly verdict: 'REVOKED' | 'EXPIRED' | 'DISABLED';
      readonly key: ApiKeyRow;
      /** The key's workspace, unless it was deleted. */
      readonly home: WorkspaceRow | undefined;
    };

const unknownKey: CheckedKey = { verdict: 'NOT_FOUND' };

const verdictOf = (
  key: ApiKeyRow,
  home: WorkspaceRow | undefined,
  now: string,
  ip: string | undefined,
): CheckedKey => {
  // A key ends with its workspace, and with its user's membership.
  if (key.revoked || !home?.memberIds.includes(key.userId)) return { verdict: 'REVOKED', key, home };
  if (key.endsAt <= now) return { verdict: 'EXPIRED', key, home };
  if (!key.isEnabled) return { verdict: 'DISABLED', key, home };
  if (ip !== undefined && !ipAllowed(key.allowedIps, ip)) return { verdict: 'IP_NOT_ALLOWED', key, home };
  return { verdict: 'VALID', key, home };
};

/**
 * Looks a key up by its hash and says whether it counts at `now` (ISO, ms) from the address `ip` (undefined = any).
 * The hash is not secret to its owner and of 238 random bits, so finding it by an index tells an attacker nothing.
 */
export const checkKey = (
  readModels: ReadModels,
  secret: string,
  now: string,
  ip?: string,
): Soon<CheckedKey> => {
  if (environmentOf(secret) === undefined) return unknownKey;
  const keys = readModels.find<ApiKeyRow>('api-keys', {
    where: [{ field: 'secretHash', op: 'eq', value: hashOfKey(secret) }],
    limit: 1,
  });
  return whenThere(keys, ([key]) => {
    if (!key) return unknownKey;
    const homes = readModels.get<WorkspaceRow>('workspaces', key.workspaceId);
    return whenThere(homes, (home) => verdictOf(key, home, now, ip));
  });
};

const rowsOfKeys = ['api-keys', 'workspaces'];
/** One that was not found was looked for until that was sure. */
const isSure = ({ verdict }: CheckedKey): boolean => verdict === 'VALID' || verdict === 'NOT_FOUND';

/** The same, made sure of where a key is refused. Throws StoreUnavailable while its rows are not whole. */
export const checkKeySurely = (
  surely: Surely,
  readModels: ReadModels,
  secret: string,
  now: string,
  ip?: string,
): Soon<CheckedKey> => surely(rowsOfKeys, () => checkKey(readModels, secret, now, ip), isSure);

const basic = (encoded: string): string | undefined => {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  // The key is the user name; there is no password.
  return text.endsWith(':') && text.indexOf(':') === text.length - 1 ? text.slice(0, -1) : undefined;
};

/** The key in an `Authorization` header (Bearer, or Basic with an empty password); '' when it holds none. */
export const secretIn = (authorization: string): string => {
  if (authorization.startsWith('Bearer ')) return authorization.slice(7).trim();
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  return scheme.toLowerCase() === 'basic' ? (basic(credentials) ?? '') : '';
};
