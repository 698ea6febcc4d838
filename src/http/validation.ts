// From schema issues to one sentence per fault, keyed by dot path: `errors: { "issues.0.type": [...] }`.
import type { z } from 'zod';
import { type DomainError, invalid } from '../domain/errors.js';

type Issue = z.core.$ZodIssue;

/** Marks issues whose schema has no sentence of its own; the second one those of schemas that want an integer. */
const OURS = '\u0000';
const INTEGER = '\u0000integer';
const isOurs = ({ message }: Issue): boolean => message.startsWith(OURS);
export const MAX_FAULTS = 100;
const MAX_LABEL = 100;

const nouns: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
};
const nounOf = ({ message, expected }: { message: string; expected: string }): string =>
  nouns[message === INTEGER ? 'int' : expected] ?? 'of another type';

const typeSentence = (label: string, issue: Extract<Issue, { code: 'invalid_type' }>): string => {
  if (issue.input === undefined) return `The ${label} field is required.`;
  if (issue.input === null) return `The ${label} field may not be null.`;
  if (issue.expected === 'boolean') return `The ${label} field must be true or false.`;
  return `The ${label} must be ${nounOf(issue)}.`;
};

const sizeSentence = (
  label: string,
  issue: Extract<Issue, { code: 'too_big' }> | Extract<Issue, { code: 'too_small' }>,
): string => {
  const { origin } = issue;
  const size = 'maximum' in issue ? issue.maximum : issue.minimum;
  if (issue.code === 'too_big') {
    if (origin === 'string') return `The ${label} may not be greater than ${size} characters.`;
    if (origin === 'array') return `The ${label} may not have more than ${size} items.`;
    return `The ${label} may not be greater than ${size}.`;
  }
  if (origin === 'string' || origin === 'array') {
    if (size === 1) return `The ${label} field is required.`;
    return origin === 'string'
      ? `The ${label} must be at least ${size} characters.`
      : `The ${label} must have at least ${size} items.`;
  }
  return `The ${label} must be at least ${size}.`;
};

const formats: Readonly<Record<string, string>> = {
  email: 'must be a valid email address',
  url: 'must be a valid URL',
  uuid: 'must be a valid UUID',
  datetime: 'is not a valid date',
  date: 'is not a valid date',
  ipv4: 'must be a valid IP address',
  ipv6: 'must be a valid IP address',
};

/** The sentence for one issue at a path. */
const sentence = (label: string, issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return typeSentence(label, issue);
    case 'too_big':
    case 'too_small':
      return sizeSentence(label, issue);
    case 'invalid_format':
      return `The ${label} ${formats[issue.format] ?? 'format is invalid'}.`;
    case 'not_multiple_of':
      return `The ${label} must be a multiple of ${issue.divisor}.`;
    case 'invalid_value':
      return issue.input === undefined
        ? `The ${label} field is required.`
        : `The selected ${label} is invalid. It must be one of: ${issue.values.map(String).join(', ')}.`;
    default:
      return `The ${label} is invalid.`;
  }
};

type Fault = readonly [path: string, sentence: string];

const join = (path: readonly PropertyKey[]): string => path.map(String).join('.');
const labelOf = (path: string): string => (path.length > MAX_LABEL ? `${path.slice(0, MAX_LABEL)}…` : path);

const faultOf = (path: readonly PropertyKey[], issue: Issue): Fault => {
  const key = labelOf(path.length === 0 ? 'body' : join(path));
  return [key, isOurs(issue) ? sentence(key, issue) : issue.message.replaceAll(':attribute', key)];
};

const depth = (issues: readonly Issue[]): number => Math.max(0, ...issues.map(({ path }) => path.length));

/** Of a union the branch that went deepest speaks: the caller most likely meant that one. */
const unionFaults = (
  path: readonly PropertyKey[],
  issue: Extract<Issue, { code: 'invalid_union' }>,
): Fault[] => {
  if (issue.input === undefined)
    return [faultOf(path, { ...issue, code: 'invalid_type', expected: 'object' })];
  const branches = issue.errors;
  const atRoot = branches.every((issues) =>
    issues.every((inner) => inner.code === 'invalid_type' && inner.path.length === 0),
  );
  if (branches.length > 0 && atRoot && isOurs(issue)) {
    const expected = branches.flat().map((inner) => ('expected' in inner ? nounOf(inner) : ''));
    const key = labelOf(path.length === 0 ? 'body' : join(path));
    return [[key, `The ${key} must be ${[...new Set(expected)].join(' or ')}.`]];
  }
  const [best] = branches.toSorted((left, right) => depth(right) - depth(left) || left.length - right.length);
  return best ? best.flatMap((inner) => faultsOf(inner, path)) : [faultOf(path, issue)];
};

const faultsOf = (issue: Issue, base: readonly PropertyKey[] = []): Fault[] => {
  const path = [...base, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(join([...path, key])));
    case 'invalid_key':
      return issue.issues.map((inner) => faultOf(path, inner));
    case 'invalid_union':
      return unionFaults(path, issue);
    default:
      return [faultOf(path, issue)];
  }
};

/** A field that would silently do nothing. */
const unknownField = (path: string): Fault => {
  const label = labelOf(path);
  return [label, `The ${label} field is not known.`];
};

/** 422 with all faults, several at one path together; a flood of them is cut. */
export const invalidFaults = (faults: readonly Fault[]): DomainError => {
  const byPath = new Map<string, string[]>();
  for (const [path, text] of faults.slice(0, MAX_FAULTS)) {
    const texts = byPath.get(path);
    if (!texts) byPath.set(path, [text]);
    else if (!texts.includes(text)) texts.push(text);
  }
  return invalid(Object.fromEntries(byPath));
};

/** 422 for fields where none are known. */
export const unknownFields = (names: readonly string[]): DomainError =>
  invalidFaults(names.map(unknownField));

const wantsInteger = ({ inst }: z.core.$ZodRawIssue): boolean =>
  (inst?._zod.def as { format?: string } | undefined)?.format === 'safeint';
const options: z.core.ParseContext<z.core.$ZodIssue> = {
  error: (issue) => (wantsInteger(issue) ? INTEGER : OURS),
  reportInput: true,
};

/** What the schema makes of the input. Throws 422 with a sentence for every fault. */
export const validate = <T>(schema: z.ZodType<T>, input: unknown): T => {
  // Options make zod several times as slow: only what has faults is parsed with them, for their sentences.
  const plain = schema.safeParse(input);
  if (plain.success) return plain.data;
  const parsed = schema.safeParse(input, options);
  if (parsed.success) return parsed.data;
  throw invalidFaults(parsed.error.issues.flatMap((issue) => faultsOf(issue)));
};
