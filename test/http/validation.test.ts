// Sentences for what schemas refuse, and the fields that areas share.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DomainError } from '../../src/domain/errors.js';
import { notModified, parseIfMatch } from '../../src/http/etag.js';
import { fields, parseInstant } from '../../src/http/fields.js';
import { parseQuery } from '../../src/http/query.js';
import { originForm } from '../../src/http/target.js';
import { validate } from '../../src/http/validation.js';

const errorsOf = (work: () => unknown): Record<string, string[]> => {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return { ...error.details.errors };
    throw error;
  }
  return {};
};
const refused = (schema: z.ZodType, input: unknown) => errorsOf(() => validate(schema, input));

describe('a sentence for every fault, keyed by its path', () => {
  test.each<[string, z.ZodType, unknown, Record<string, string[]>]>([
    ['missing', z.object({ a: z.string() }), {}, { a: ['The a field is required.'] }],
    ['missing choice', z.object({ a: z.enum(['x']) }), {}, { a: ['The a field is required.'] }],
    [
      'missing union',
      z.object({ a: z.union([z.string(), z.int()]) }),
      {},
      { a: ['The a field is required.'] },
    ],
    ['null', z.object({ a: z.int() }), { a: null }, { a: ['The a field may not be null.'] }],
    ['empty list', z.object({ a: z.array(z.int()).min(1) }), { a: [] }, { a: ['The a field is required.'] }],
    ['integer, not text', z.object({ a: z.int() }), { a: '7' }, { a: ['The a must be an integer.'] }],
    ['integer', z.object({ a: z.int() }), { a: 1.5 }, { a: ['The a must be an integer.'] }],
    ['number', z.object({ a: z.number() }), { a: '1' }, { a: ['The a must be a number.'] }],
    ['boolean', z.object({ a: z.boolean() }), { a: 1 }, { a: ['The a field must be true or false.'] }],
    ['object', z.object({ a: z.object({}) }), { a: [] }, { a: ['The a must be an object.'] }],
    ['list', z.object({ a: z.array(z.int()) }), { a: {} }, { a: ['The a must be an array.'] }],
    ['too small', z.object({ a: z.int().min(1) }), { a: 0 }, { a: ['The a must be at least 1.'] }],
    ['too big', z.object({ a: z.int().max(100) }), { a: 101 }, { a: ['The a may not be greater than 100.'] }],
    [
      'too short',
      z.object({ a: z.string().min(3) }),
      { a: 'x' },
      { a: ['The a must be at least 3 characters.'] },
    ],
    [
      'too long',
      z.object({ a: z.string().max(1) }),
      { a: 'xy' },
      { a: ['The a may not be greater than 1 characters.'] },
    ],
    [
      'too few',
      z.object({ a: z.array(z.int()).min(2) }),
      { a: [1] },
      { a: ['The a must have at least 2 items.'] },
    ],
    [
      'too many',
      z.object({ a: z.array(z.int()).max(1) }),
      { a: [1, 2] },
      { a: ['The a may not have more than 1 items.'] },
    ],
    [
      'e-mail',
      z.object({ email: z.email() }),
      { email: 'x' },
      { email: ['The email must be a valid email address.'] },
    ],
    ['URL', z.object({ url: z.url() }), { url: 'x' }, { url: ['The url must be a valid URL.'] }],
    ['UUID', z.object({ id: z.uuid() }), { id: 'x' }, { id: ['The id must be a valid UUID.'] }],
    ['date', z.object({ at: z.iso.datetime() }), { at: 'x' }, { at: ['The at is not a valid date.'] }],
    ['pattern', z.object({ a: z.string().regex(/^x$/) }), { a: 'y' }, { a: ['The a format is invalid.'] }],
    ['step', z.object({ a: z.int().multipleOf(5) }), { a: 4 }, { a: ['The a must be a multiple of 5.'] }],
    [
      'choice',
      z.object({ a: z.enum(['x', 'y']) }),
      { a: 'z' },
      { a: ['The selected a is invalid. It must be one of: x, y.'] },
    ],
    [
      'unknown',
      z.strictObject({ a: z.int() }),
      { a: 1, b: 2, c: 3 },
      { b: ['The b field is not known.'], c: ['The c field is not known.'] },
    ],
    [
      'two types',
      z.object({ a: z.union([z.string(), z.int()]) }),
      { a: true },
      { a: ['The a must be a string or an integer.'] },
    ],
    ['own words', z.object({ a: z.string('No :attribute.') }), { a: 1 }, { a: ['No a.'] }],
    ['check', z.object({ a: z.string().refine(() => false) }), { a: 'x' }, { a: ['The a is invalid.'] }],
    [
      'key',
      z.object({ m: z.record(z.string().max(1), z.int()) }),
      { m: { xy: 1 } },
      { 'm.xy': ['The m.xy may not be greater than 1 characters.'] },
    ],
    ['no object', z.object({}), 7, { body: ['The body must be an object.'] }],
  ])('%s', (_, schema, input, expected) => {
    expect(refused(schema, input)).toEqual(expected);
  });

  test('deep paths, several faults at once, and unions by the branch that was meant', () => {
    const issue = z.strictObject({ type: z.string(), severity: z.enum(['info', 'error']) });
    const scores = z.object({ performance: z.int().max(100) });
    const target = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('url'), url: z.url() }),
      z.object({ kind: z.literal('id'), id: z.int() }),
    ]);
    const schema = z.strictObject({
      scores,
      issues: z.array(issue),
      target,
      either: z.union([z.string(), z.object({ deep: z.int() })]),
    });
    const input = {
      scores: { performance: 101 },
      issues: [{ severity: 'info' }, { type: 'x', severity: 'bad', extra: 1 }],
      target: { kind: 'id', id: 'x' },
      either: { deep: 'x' },
    };
    expect(refused(schema, input)).toEqual({
      'scores.performance': ['The scores.performance may not be greater than 100.'],
      'issues.0.type': ['The issues.0.type field is required.'],
      'issues.1.severity': ['The selected issues.1.severity is invalid. It must be one of: info, error.'],
      'issues.1.extra': ['The issues.1.extra field is not known.'],
      'target.id': ['The target.id must be an integer.'],
      'either.deep': ['The either.deep must be an integer.'],
    });
  });

  test('gives back what the schema makes of good input', () => {
    expect(validate(z.object({ a: z.string().transform(Number) }), { a: '7' })).toEqual({ a: 7 });
  });
});

describe('names', () => {
  const name = z.object({ name: fields.name });

  test('any text of 1 to 255 code points without control characters is kept byte for byte', () => {
    const good = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => text.trim() !== '' && !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(good, (text) => {
        expect(validate(name, { name: text })).toEqual({ name: text });
      }),
    );
  });

  test('control characters are refused, wherever they stand', () => {
    for (const code of [0, 7, 9, 10, 13, 27, 0x7f, 0x85, 0x9f])
      expect(refused(name, { name: `a${String.fromCodePoint(code)}b` })).toEqual({
        name: ['The name may not contain control characters.'],
      });
  });
});

describe('slugs', () => {
  test.each([
    ['New-Slug', 'new-slug'],
    ['ÉCOLE', 'école'],
    ['e\u0301cole', 'école'],
    ['東京-2', '東京-2'],
  ])('%s is %s', (given, expected) => {
    expect(validate(z.object({ slug: fields.slug }), { slug: given })).toEqual({ slug: expected });
  });

  test.each(['', '-a', 'a-', 'a--b', 'a b', 'a_b', 'a/b', '😀'])('%j is none', (slug) => {
    expect(Object.keys(refused(z.object({ slug: fields.slug }), { slug }))).toEqual(['slug']);
  });
});

describe('instants', () => {
  test.each([
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T10:30Z', '2026-01-31T10:30:00.000Z'],
    ['2026-01-31T10:30:15Z', '2026-01-31T10:30:15.000Z'],
    ['2026-01-31 10:30:15z', '2026-01-31T10:30:15.000Z'],
    ['2026-01-31T10:30:15.123456Z', '2026-01-31T10:30:15.123Z'],
    ['2026-01-31T10:30:15+02:00', '2026-01-31T08:30:15.000Z'],
    ['2026-01-31T00:30:15+0100', '2026-01-30T23:30:15.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (given, expected) => {
    expect(validate(z.object({ at: fields.instant }), { at: given })).toEqual({ at: expected });
  });

  test.each([
    '2026-02-30',
    '2026-02-29',
    '2026-00-10',
    '2026-13-01',
    '2026-01-32',
    '2026-01-31T24:00:00Z',
    '2026-01-31T10:60:00Z',
    '2026-01-31T10:30:60Z',
    '2026-01-31T10:30:00',
    '2026-01-31T10:30:00+15:00',
    '2026-1-1',
    '26-01-01',
    '10000-01-01',
    '9999-12-31T23:59:59-01:00',
    'tomorrow',
    '',
    ' 2026-01-31',
    '1767225600',
  ])('%j is none', (at) => {
    expect(refused(z.object({ at: fields.instant }), { at })).toEqual({
      at: ['The at is not a valid date.'],
    });
  });

  test('what is printed is read as the same instant, and exactly the days that exist are days', () => {
    const date = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true });
    fc.assert(
      fc.property(date, (instant) => {
        expect(parseInstant(instant.toISOString())?.ms).toBe(instant.getTime());
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 0, max: 99 }),
        (year, month, day) => {
          const text = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
          const printed = new Date(`${text}T00:00:00.000Z`);
          const exists = !Number.isNaN(printed.getTime()) && printed.toISOString().startsWith(text);
          expect(parseInstant(text) !== undefined).toBe(exists);
        },
      ),
    );
  });
});

describe('query strings', () => {
  test('any parameters are read as they were written', () => {
    const pairs = fc.uniqueArray(
      fc.tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' })),
      {
        selector: ([name]) => name,
      },
    );
    fc.assert(
      fc.property(pairs, (given) => {
        fc.pre(given.every(([name, value]) => !`${name}${value}`.includes('\0')));
        const text = given.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
        expect(Object.entries(parseQuery(text)).toSorted()).toEqual(given.toSorted());
      }),
    );
  });

  test('names that mean something to JavaScript are just names', () => {
    expect(Object.keys(parseQuery('__proto__=1&constructor=2'))).toEqual(['__proto__', 'constructor']);
    expect(errorsOf(() => parseQuery('toString=1&toString=2'))).toEqual({
      toString: ['The toString parameter may be given only once.'],
    });
  });
});

test.each([
  ['/path?query', '/path?query'],
  ['/path#fragment', '/path'],
  ['http://host/path?q', '/path?q'],
  ['http://host?q', '/?q'],
  ['http://host', '/'],
  ['HTTPS://user@[::1]:80/path', '/path'],
  ['*', '/*'],
  ['', '/'],
  ['path', '/path'],
  ['//double/slash', '//double/slash'],
])('the target %j is %j', (target, expected) => {
  expect(originForm(target)).toBe(expected);
});

describe('conditions', () => {
  test.each([
    [undefined, undefined],
    ['*', undefined],
    ['"3"', 3],
    ['W/"3"', 3],
    [' "0" ', 0],
    ['"abc"', -2],
    ['"99999999999999999999"', -2],
    ['""', -2],
  ])('If-Match %j names revision %j', (header, revision) => {
    expect(parseIfMatch(header)).toBe(revision);
  });

  test.each(['3', 'abc', '"3', '"3", "4"', '', 'w/"3"', '"a"b"'])('If-Match %j is malformed', (header) => {
    expect(Object.keys(errorsOf(() => parseIfMatch(header)))).toEqual(['If-Match']);
  });

  test.each([
    ['"3"', true],
    ['W/"3"', true],
    ['"1", "3"', true],
    ['*', true],
    ['"33"', false],
    ['3', false],
    ['', false],
  ])('If-None-Match %j matches revision 3: %j', (header, matches) => {
    expect(notModified(header, 3)).toBe(matches);
  });
});
