// Fields that several areas share, with the sentences that refuse them. `:attribute` stands for the field's path.
import { z } from 'zod';
import type { Json } from '../domain/decider.js';
import { isEmail, MAX_EMAIL } from '../domain/emails.js';
import { isSlug, normalSlug } from '../domain/slugs.js';

/** Characters as users count them: code points. */
const longerThan = (text: string, most: number): boolean =>
  text.length > most && (text.length > 2 * most || [...text].length > most);

/** Text of at most `most` characters, kept byte for byte; control characters and blank text are refused. */
export const text = (most: number) =>
  z
    .string()
    .superRefine((value, context) => {
      if (value.trim() === '') context.addIssue('The :attribute field is required.');
      else if (longerThan(value, most))
        context.addIssue(`The :attribute may not be greater than ${most} characters.`);
      else if (/\p{Cc}/u.test(value)) context.addIssue('The :attribute may not contain control characters.');
    })
    .meta({ minLength: 1, maxLength: most });

/** Text of at most `most` characters that may be empty and have several lines. */
export const prose = (most: number) =>
  z
    .string()
    .superRefine((value, context) => {
      if (longerThan(value, most))
        context.addIssue(`The :attribute may not be greater than ${most} characters.`);
      else if (/[^\P{Cc}\t\n\r]/u.test(value))
        context.addIssue('The :attribute may not contain control characters.');
    })
    .meta({ maxLength: most });

/** Name of a record. */
export const name = text(255);

const isWebUrl = (written: string): boolean =>
  /^https?:\/\/[^\s\p{C}]+$/iu.test(written) && URL.canParse(written);

/** Address of a page: http or https, at most `most` characters, kept as it was written. */
export const webUrl = (most: number) =>
  z
    .string()
    .max(most)
    .refine(isWebUrl, 'The :attribute must be a valid URL.')
    .meta({ format: 'uri', maxLength: most, examples: ['https://example.com/page'] });

/** E-mail address, kept as it was written. */
export const email = z
  .string()
  .superRefine((value, context) => {
    if (value.trim() === '') context.addIssue('The :attribute field is required.');
    else if (!isEmail(value)) context.addIssue('The :attribute must be a valid email address.');
  })
  .meta({ format: 'email', maxLength: MAX_EMAIL, examples: ['john@example.com'] });

/** Slug in its normal form: NFC, lower case. */
export const slug = z
  .string()
  .transform(normalSlug)
  .refine(
    isSlug,
    'The :attribute may only contain letters, numbers and single hyphens, at most 100 characters.',
  )
  .meta({ minLength: 1, maxLength: 100, examples: ['acme-corp'] });

/** Up to 20 tags of up to 50 characters. */
export const tags = z.array(text(50)).max(20);

const metadataKey = text(40);
const metadataValue = prose(500);
const tooManyKeys = 'The :attribute may not have more than 50 keys.';
const atMost50 = (value: object): boolean => Object.keys(value).length <= 50;

/** Up to 50 keys of up to 40 characters, with texts of up to 500. */
export const metadata = z.record(metadataKey, metadataValue).refine(atMost50, tooManyKeys);

/** A change of metadata: merges by key, null removes one. */
export const metadataPatch = z.record(metadataKey, metadataValue.nullable()).refine(atMost50, tooManyKeys);

/** Check and sentence of what may have at most `kibibytes` as JSON. */
const atMostKiB = (kibibytes: number) =>
  [
    (value: unknown): boolean => Buffer.byteLength(JSON.stringify(value)) <= kibibytes * 1024,
    `The :attribute may not be larger than ${kibibytes} KiB.`,
  ] as const;

const smallJson = atMostKiB(256);

/** Free-form JSON object. What is in it was JSON before: there is nothing left to check. */
const freeForm = z.record(z.string(), z.custom<Json>());

/** Free-form JSON object of at most 256 KiB. */
export const jsonObject = freeForm.refine(...smallJson);

/** Free-form JSON object of at most 16 KiB, for what comes often. */
export const smallObject = freeForm.refine(...atMostKiB(16));

const instantForm =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2}))?$/i;

const offsetMinutes = (zone: string): number => {
  if (/^z$/i.test(zone)) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith('-') ? -minutes : minutes;
};

/** An instant as written, and how exactly. */
export type ParsedInstant = { readonly ms: number; readonly precision: 'day' | 'second' | 'ms' };

/** Reads a date (UTC) or a timestamp with its zone; undefined when it is none, or none that exists. */
export const parseInstant = (written: string): ParsedInstant | undefined => {
  const found = instantForm.exec(written);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0));
  const [fraction, zone] = found.slice(7);
  const parts = [year ?? 0, (month ?? 0) - 1, day ?? 0, hour ?? 0, minute ?? 0, second ?? 0] as const;
  const local = new Date(0);
  local.setUTCFullYear(parts[0], parts[1], parts[2]);
  local.setUTCHours(parts[3], parts[4], parts[5], Number((fraction ?? '').padEnd(3, '0').slice(0, 3)));
  // A date that does not exist rolls over into another one.
  const real =
    local.getUTCMonth() === parts[1] &&
    local.getUTCDate() === parts[2] &&
    parts[3] < 24 &&
    parts[4] < 60 &&
    parts[5] < 60;
  const offset = zone === undefined ? 0 : offsetMinutes(zone);
  const ms = local.getTime() - offset * 60_000;
  if (!real || Math.abs(offset) > 14 * 60 || new Date(ms).getUTCFullYear() > 9999 || ms < -62_135_596_800_000)
    return undefined;
  return { ms, precision: zone === undefined ? 'day' : fraction === undefined ? 'second' : 'ms' };
};

/** ISO 8601 date or timestamp with zone; comes out in UTC with milliseconds. */
export const instant = z
  .string()
  .transform((written, context): string => {
    const parsed = parseInstant(written);
    if (parsed) return new Date(parsed.ms).toISOString();
    context.addIssue('The :attribute is not a valid date.');
    return z.NEVER;
  })
  .meta({ format: 'date-time', examples: ['2027-01-01T00:00:00Z'] });

/** A record as any of its ids names it; comes out as text. */
export const reference = z
  .union([z.int(), z.string()])
  .transform(String)
  .meta({ description: 'Integer id, prefixed id or UUID.', examples: [1] });

export const fields = {
  name,
  text,
  prose,
  webUrl,
  email,
  slug,
  tags,
  metadata,
  metadataPatch,
  jsonObject,
  smallObject,
  smallJson,
  instant,
  reference,
};
