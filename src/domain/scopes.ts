// What a key may do: scopes as callers write them, read as one grammar of `resource:action`. Pure.

/** Actions that may stand alone (`read`) or come first (`read:posts`). */
const bareVerbs: ReadonlySet<string> = new Set(['read', 'write', 'delete']);
const actions: ReadonlySet<string> = new Set([...bareVerbs, 'manage', 'verify']);
/** What the action-first form says for "every resource": `read:all`, `write:resources`. */
const everything: ReadonlySet<string> = new Set(['all', 'resources']);
const synonyms: ReadonlyMap<string, string> = new Map([
  ['keys', 'api-keys'],
  ['workspace', 'workspaces'],
]);

/** One side of a scope: `*`, or a name without spaces, commas (they separate scopes), colons and wildcards. */
const form = /^(?:\*|[^\s:,*\p{C}]+):(?:\*|[^\s:,*\p{C}]+)$/u;
const MAX_LENGTH = 255;
const ALL = '*:*';

/**
 * The one normal form of a scope, `resource:action` with `*` for "any"; undefined when it is no scope.
 * `manage` as an action means every action, a bare verb every resource, and an action that is known may come first.
 */
export const canonical = (scope: string): string | undefined => {
  if (scope === '*') return ALL;
  if (bareVerbs.has(scope)) return `*:${scope}`;
  if (scope.length > MAX_LENGTH || !form.test(scope)) return undefined;
  const colon = scope.indexOf(':');
  const first = scope.slice(0, colon);
  const second = scope.slice(colon + 1);
  const actionFirst = actions.has(first);
  // Only the action-first form has words for "all": `resources:read` may be about a caller's own resource.
  const named = actionFirst ? (everything.has(second) ? '*' : second) : first;
  const action = actionFirst ? first : second;
  return `${synonyms.get(named) ?? named}:${action === 'manage' ? '*' : action}`;
};

/** True for what may be stored as a scope: `*`, a bare verb, or any `a:b`. */
export const isScope = (scope: string): boolean => canonical(scope) !== undefined;

/** Normal forms by the array that holds the scopes: rows are immutable and live long, so each is read once. */
const read = new WeakMap<readonly string[], ReadonlySet<string>>();
const grantsOf = (scopes: readonly string[]): ReadonlySet<string> => {
  const known = read.get(scopes);
  if (known) return known;
  const grants = new Set(scopes.map(canonical).filter((scope) => scope !== undefined));
  read.set(scopes, grants);
  return grants;
};

/**
 * True when a key with these scopes may do what `required` names. The array must not be changed afterwards.
 * A wildcard in `required` is held only as a whole: `posts:*` by `posts:*` or `*`, never by `posts:read` and others.
 */
export const holds = (scopes: readonly string[], required: string): boolean => {
  const grants = grantsOf(scopes);
  if (grants.size === 0) return false;
  const wanted = canonical(required);
  if (wanted === undefined) return false;
  if (grants.has(ALL) || grants.has(wanted)) return true;
  const colon = wanted.indexOf(':');
  return grants.has(`*${wanted.slice(colon)}`) || grants.has(`${wanted.slice(0, colon)}:*`);
};

/** True when everything that `wanted` opens is opened by `have`: a key gives away only what it holds. */
export const covers = (have: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((scope) => holds(have, scope));
