// The query parameters that all lists share, from text to terms of rows.
import { z } from 'zod';
import type { Sort, Term } from '../adapters/read-models/port.js';
import { invalid } from '../domain/errors.js';
import { parseInstant } from './fields.js';

const MAX_PER_PAGE = 100;

/** Refusal of one value among several. */
const unknownValue = (parameter: string, value: string, known: readonly string[]): string => {
  const which = known.length === 0 ? '' : ` It must be one of: ${known.join(', ')}.`;
  return `The selected ${parameter} is invalid: ${value}.${which}`;
};

/** Throws 422 naming the first value that is not known. */
export const requireKnown = (
  parameter: string,
  values: readonly string[],
  known: readonly string[],
): void => {
  const unknown = values.find((value) => !known.includes(value));
  if (unknown !== undefined) throw invalid({ [parameter]: unknownValue(parameter, unknown, known) });
};

const integer = (most: number) =>
  z.string().transform((text, context): number => {
    if (!/^[+-]?\d{1,300}$/.test(text)) context.addIssue('The :attribute must be an integer.');
    else if (Number(text) < 1) context.addIssue('The :attribute must be at least 1.');
    else return Math.min(Number(text), most);
    return z.NEVER;
  });
export const page = integer(Number.MAX_SAFE_INTEGER).meta({
  type: 'integer',
  minimum: 1,
  description: 'Page number.',
});
export const perPage = integer(MAX_PER_PAGE).meta({
  type: 'integer',
  minimum: 1,
  maximum: MAX_PER_PAGE,
  description: 'Items per page; more than 100 are 100.',
});

const names = z.string().transform((text) => text.split(',').map((name) => name.trim()));
export const fieldNames = names.meta({
  description: 'Only these fields, separated by commas.',
  examples: ['id,name'],
});
export const includeNames = names.meta({
  description: 'Related resources to show too, separated by commas.',
});

const DAY_MS = 86_400_000;

/** A bound in whole milliseconds: an upper one holds all of the day or second that it names. */
export const bound = (field: string, op: 'gte' | 'lte') =>
  z
    .string()
    .transform((text, context): Term => {
      // An offset's `+` that was not percent-encoded arrives as a space.
      const parsed = parseInstant(text.replace(/(T.*) (\d{2}:?\d{2})$/i, '$1+$2'));
      if (!parsed) {
        context.addIssue('The :attribute is not a valid date. Use 2026-01-31 or 2026-01-31T10:30:00Z.');
        return z.NEVER;
      }
      const width = { day: DAY_MS, second: 1_000, ms: 1 }[parsed.precision];
      const ms = op === 'gte' ? parsed.ms : parsed.ms + width - 1;
      return { field, op, value: new Date(ms).toISOString() };
    })
    .meta({ format: 'date-time', description: 'ISO 8601 date or timestamp, inclusive.' });

const MAX_SEARCH = 255;
export const search = z
  .string()
  .max(MAX_SEARCH)
  .transform((text) => text.toLowerCase().split(/\s+/).filter(Boolean))
  .meta({ description: 'Words that must all occur, in any case.' });

/** `fields`: wire name → row field. */
export const sortOf = (fields: Readonly<Record<string, string>>) => {
  const known = Object.keys(fields);
  return z
    .string()
    .transform((text, context): Sort => {
      const keys: [string, 'asc' | 'desc'][] = [];
      for (const part of text.split(',').map((word) => word.trim())) {
        const name = part.startsWith('-') ? part.slice(1) : part;
        const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
        if (field === undefined) context.addIssue(unknownValue('sort', part, known));
        else keys.push([field, part.startsWith('-') ? 'desc' : 'asc']);
      }
      return keys;
    })
    .meta({
      description: `Fields to sort by, separated by commas, \`-\` first for descending: ${known.join(', ')}.`,
      examples: [known.includes('created_at') ? '-created_at' : (known[0] ?? 'id')],
    });
};
