import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isEventType, isReserved, isSubscribable, matches } from '../../src/domain/event-types.js';

describe('names', () => {
  test.each(['post.created', 'seo.report.created', 'api_key.rotated', 'Post-2.done'])(
    '%s is an event type',
    (name) => {
      expect(isEventType(name)).toBe(true);
      expect(isSubscribable(name)).toBe(true);
    },
  );
  test.each(['*', 'post.*', 'seo.report.*'])('%s may be subscribed to, not published', (name) => {
    expect(isSubscribable(name)).toBe(true);
    expect(isEventType(name)).toBe(false);
  });
  test.each([
    '',
    'post',
    '.created',
    'post.',
    'a.b.c.d',
    'po st.created',
    'post.created\n',
    '*.created',
    'post*',
    '**',
    'post.*.x',
    'pöst.created',
    `a.${'b'.repeat(99)}`,
  ])('%j is neither', (name) => {
    expect(isEventType(name)).toBe(false);
    expect(isSubscribable(name)).toBe(false);
  });
  test.each(['workspace.created', 'api_key.x', 'seo.report.created', 'PIXEL.tracked', 'usage.recorded'])(
    '%s is reserved',
    (name) => expect(isReserved(name)).toBe(true),
  );
  test.each(['post.created', 'workspaces.created', 'apikey.created', 'my.workspace'])('%s is free', (name) =>
    expect(isReserved(name)).toBe(false),
  );
});

describe('matches', () => {
  test('exact names, a resource, or everything', () => {
    expect(matches(['post.created'], 'post.created', false)).toBe(true);
    expect(matches(['post.created'], 'post.updated', false)).toBe(false);
    expect(matches(['post.*'], 'post.updated', false)).toBe(true);
    expect(matches(['post.*'], 'poster.updated', false)).toBe(false);
    expect(matches(['seo.*'], 'seo.report.created', false)).toBe(true);
    expect(matches(['*'], 'anything.at.all', false)).toBe(true);
    expect(matches([], 'post.created', false)).toBe(false);
  });
  test('high-volume types are not part of everything', () => {
    expect(matches(['*'], 'pixel.tracked', true)).toBe(false);
    expect(matches(['*', 'pixel.*'], 'pixel.tracked', true)).toBe(true);
    expect(matches(['*', 'pixel.tracked'], 'pixel.tracked', true)).toBe(true);
  });
  test('agrees with looking at each pattern by itself, however often a list is used', () => {
    const word = fc.constantFrom('a', 'b', 'ab', 'c_d');
    const name = fc.array(word, { minLength: 2, maxLength: 3 }).map((words) => words.join('.'));
    const pattern = fc.oneof(
      name,
      word.map((text) => `${text}.*`),
      fc.constant('*'),
    );
    const plain = (one: string, type: string) =>
      one === '*' || one === type || (one.endsWith('.*') && type.split('.')[0] === one.slice(0, -2));
    fc.assert(
      fc.property(fc.array(pattern), fc.array(name, { minLength: 1 }), (patterns, types) => {
        for (const type of types)
          expect(matches(patterns, type, false)).toBe(patterns.some((one) => plain(one, type)));
      }),
    );
  });
});
