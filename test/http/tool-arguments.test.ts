// Arguments held against the JSON Schemas of other people's tools.
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/decider.js';
import { DomainError } from '../../src/domain/errors.js';
import { argumentChecker } from '../../src/http/tool-arguments.js';

const check = argumentChecker();
/** Sentences by field; undefined when the arguments are taken. */
const faults = (schema: JsonObject, args: JsonObject) => {
  try {
    check(schema, args);
    return undefined;
  } catch (error) {
    return error instanceof DomainError ? error.details.errors : expect.fail(String(error));
  }
};
const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...more,
});

test('takes what fits, and what the schema does not speak of', () => {
  const schema = object({ a: { type: 'integer' } }, { required: ['a'] });
  expect(faults(schema, { a: 1, b: [1] })).toBeUndefined();
  expect(faults({ type: 'object' }, { anything: 1 })).toBeUndefined();
});

test('what every object of JavaScript has is no argument', () => {
  const schema = object({ constructor: { type: 'string' } });
  expect(faults(schema, {})).toBeUndefined();
  expect(faults(object({}, { required: ['toString'] }), {})).toEqual({
    'arguments.toString': ['The arguments.toString field is required.'],
  });
});

test('schemas that are told anew again and again are not kept', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const told = Array.from({ length: 1_000 }, (_, n) => {
    const schema = object({ a: { type: 'integer' } }, { title: `the ${n}th time` });
    expect(faults(schema, { a: 1 })).toBeUndefined();
    return new WeakRef(schema);
  });
  await delay(0); // what a weak reference has shown in this turn is not collected in it
  collect();
  expect(told.filter((schema) => schema.deref()).length).toBeLessThan(400);
});

test.each<[sentence: string, schema: JsonObject, args: JsonObject, field: string]>([
  ['The arguments.a field is required.', object({}, { required: ['a'] }), {}, 'arguments.a'],
  [
    'The arguments.b field is not known.',
    object({}, { additionalProperties: false }),
    { b: 1 },
    'arguments.b',
  ],
  ['The arguments.a must be a string.', object({ a: { type: 'string' } }), { a: 1 }, 'arguments.a'],
  [
    'The arguments.a must be an integer or null.',
    object({ a: { type: ['integer', 'null'] } }),
    { a: 'x' },
    'arguments.a',
  ],
  ['It must be one of: x, y.', object({ a: { enum: ['x', 'y'] } }), { a: 'z' }, 'arguments.a'],
  [
    'must be at least 2 characters',
    object({ a: { type: 'string', minLength: 2 } }),
    { a: 'x' },
    'arguments.a',
  ],
  ['may not be greater than 1 characters', object({ a: { maxLength: 1 } }), { a: 'xy' }, 'arguments.a'],
  ['must be at least 3', object({ a: { minimum: 3 } }), { a: 2 }, 'arguments.a'],
  ['must match format "email"', object({ a: { format: 'email' } }), { a: 'x' }, 'arguments.a'],
  [
    'must be true or false',
    object({ list: { type: 'array', items: object({ 'a/b': { type: 'boolean' } }) } }),
    { list: [{ 'a/b': true }, { 'a/b': 1 }] },
    'arguments.list.1.a/b',
  ],
])('says: %s', (sentence, schema, args, field) => {
  expect(faults(schema, args)).toEqual({ [field]: [expect.stringContaining(sentence)] });
});

describe('schemas of all kinds', () => {
  test('of a union every branch says what it misses', () => {
    const schema = object({ a: { anyOf: [{ type: 'string' }, { type: 'integer' }] } });
    expect(faults(schema, { a: true })).toEqual({
      'arguments.a': ['The arguments.a must be a string.', 'The arguments.a must be an integer.'],
    });
  });
  test('of older and newer drafts are understood', () => {
    for (const $schema of [
      'http://json-schema.org/draft-07/schema#',
      'https://json-schema.org/draft/2020-12/schema',
    ])
      expect(faults({ $schema, ...object({ a: { type: 'string' } }) }, { a: 1 })).toHaveProperty(
        'arguments.a',
      );
  });
  test('with the same $id may differ', () => {
    const twice = (type: string) => ({ $id: 'https://example.com/a', ...object({ a: { type } }) });
    expect(faults(twice('string'), { a: 1 })).toHaveProperty('arguments.a');
    expect(faults(twice('integer'), { a: 1 })).toBeUndefined();
  });
  test('that cannot be understood check nothing: the tool judges', () => {
    expect(faults({ $ref: 'https://example.com/missing' }, { a: 1 })).toBeUndefined();
    expect(faults(object({ a: { type: 'no such type' } }), { a: 1 })).toBeUndefined();
  });
  test('of a hundred thousand faults some are told', () => {
    const schema = object({ list: { type: 'array', items: { type: 'string' } } });
    const told = faults(schema, { list: Array.from({ length: 100_000 }, (_, n) => n) });
    expect(Object.keys(told ?? {})).toHaveLength(100);
  });
});
