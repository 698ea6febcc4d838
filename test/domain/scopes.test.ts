import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, covers, holds, isScope } from '../../src/domain/scopes.js';

describe('canonical', () => {
  it.each([
    ['*', '*:*'],
    ['*:*', '*:*'],
    ['*:manage', '*:*'],
    ['read', '*:read'],
    ['write', '*:write'],
    ['delete', '*:delete'],
    ['posts:read', 'posts:read'],
    ['posts:*', 'posts:*'],
    ['*:read', '*:read'],
    ['read:all', '*:read'],
    ['write:resources', '*:write'],
    ['read:posts', 'posts:read'],
    ['read:*', '*:read'],
    ['verify:keys', 'api-keys:verify'],
    ['keys:read', 'api-keys:read'],
    ['workspace:write', 'workspaces:write'],
    ['write:workspace', 'workspaces:write'],
    ['entitlements:manage', 'entitlements:*'],
    ['manage:posts', 'posts:*'],
    ['manage:all', '*:*'],
    ['posts:publish', 'posts:publish'],
    ['read:write', 'write:read'],
    // A caller's own resources may have these names: they open nothing else.
    ['all:read', 'all:read'],
    ['resources:write', 'resources:write'],
  ])('%s is read as %s', (scope, expected) => {
    expect(canonical(scope)).toBe(expected);
  });

  it.each([
    '',
    'posts',
    'manage',
    ':',
    'posts:',
    ':read',
    'a:b:c',
    'a b:read',
    'po*:read',
    'a,b:read',
    'a\u0000:read',
    '**',
    `${'a'.repeat(255)}:b`,
  ])('%j is no scope', (scope) => {
    expect(isScope(scope)).toBe(false);
    expect(holds([scope], 'posts:read')).toBe(false);
    expect(holds(['*'], scope)).toBe(false);
  });
});

describe('holds', () => {
  it.each<[string[], string, boolean]>([
    [[], 'posts:read', false],
    [['*'], 'entitlements:manage', true],
    [['workspaces:*'], 'workspaces:delete', true],
    [['workspaces:*'], 'webhooks:read', false],
    [['*:read'], 'webhooks:read', true],
    [['*:read'], 'webhooks:write', false],
    [['read', 'write'], 'workspaces:read', true],
    [['read', 'write'], 'workspaces:delete', false],
    [['read', 'write'], 'entitlements:manage', false],
    [['read', 'write'], 'api-keys:verify', false],
    [['read:all'], 'workspaces:read', true],
    [['write:resources'], 'workspaces:write', true],
    [['resources:write'], 'workspaces:write', false],
    [['entitlements:*'], 'entitlements:manage', true],
    [['entitlements:manage'], 'entitlements:read', true],
    [['keys:read'], 'api-keys:read', true],
    [['constructor:read'], 'posts:read', false],
    [['__proto__:*'], 'posts:read', false],
  ])('%j for %s: %s', (scopes, required, expected) => {
    expect(holds(scopes, required)).toBe(expected);
  });
});

describe('covers', () => {
  it.each<[string[], string[], boolean]>([
    [['posts:read'], [], true],
    [['posts:read', 'posts:write', 'posts:delete'], ['posts:*'], false],
    [['*:read'], ['*:read', 'posts:read', 'read:all', 'read'], true],
    [['*:read', 'posts:*'], ['posts:write'], true],
    [['*:read', 'posts:*'], ['*:write'], false],
    [['*:read', '*:write', '*:delete'], ['*'], false],
    [['manage:all'], ['*'], true],
  ])('%j covers %j: %s', (have, wanted, expected) => {
    expect(covers(have, wanted)).toBe(expected);
  });
});

const word = fc.constantFrom(
  '*',
  'posts',
  'users',
  'keys',
  'api-keys',
  'all',
  'resources',
  'read',
  'write',
  'delete',
  'manage',
  'verify',
  'x',
);
const scope = fc.oneof(
  fc.constantFrom('*', 'read', 'write', 'delete'),
  fc.tuple(word, word).map(([a, b]) => `${a}:${b}`),
);
const scopes = fc.array(scope, { maxLength: 6 });
const concrete = fc.tuple(
  fc.constantFrom('posts', 'users', 'api-keys', 'all', 'x'),
  fc.constantFrom('read', 'write', 'delete', 'verify', 'publish'),
);

/** The same rule written the slow way: some scope opens exactly this resource and action. */
const opens = (granted: readonly string[], resource: string, action: string) =>
  granted.some((one) => {
    const [r, a] = (canonical(one) ?? '').split(':');
    return (r === '*' || r === resource) && (a === '*' || a === action);
  });

describe('for any scopes', () => {
  it('a key holds exactly what some scope of it opens', () => {
    fc.assert(
      fc.property(scopes, concrete, (granted, [resource, action]) => {
        expect(holds(granted, `${resource}:${action}`)).toBe(opens(granted, resource, action));
      }),
    );
  });

  it('what a covered key may do, the covering key may do', () => {
    fc.assert(
      fc.property(scopes, scopes, concrete, (have, wanted, [resource, action]) => {
        fc.pre(covers(have, wanted));
        if (opens(wanted, resource, action)) expect(opens(have, resource, action)).toBe(true);
      }),
    );
  });

  it('covering is reflexive and transitive', () => {
    fc.assert(
      fc.property(scopes, scopes, scopes, (a, b, c) => {
        expect(covers(a, a)).toBe(true);
        if (covers(a, b) && covers(b, c)) expect(covers(a, c)).toBe(true);
      }),
    );
  });

  it('any text is read without throwing, and no text opens more than it says', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const normal = canonical(text);
        if (
          text !== '*' &&
          !/^(\*|manage|all|resources):/.test(text) &&
          !/:(\*|manage|all|resources)$/.test(text)
        )
          expect(normal).not.toBe('*:*');
      }),
    );
  });
});
