// What the log may keep of a caller's free-form values: no secrets, no addresses of people, no long texts.
import type { Json, JsonObject } from './decider.js';

export const REDACTED = '[redacted]';
/** Longer texts are kept as their length only. */
export const MAX_KEPT_TEXT = 256;
/** Items of a list, and fields of an object, that are kept. */
const MAX_KEPT_PARTS = 50;
const MAX_DEPTH = 6;
const MAX_KEPT_KEY = 100;
/** A value whose rest is still longer is kept as its length only. */
const MAX_KEPT_LENGTH = 16_384;

const secretKey =
  /pass(?:word|wd|phrase|code)?$|secret|token|credential|authorization|(?:^|[-_])auth(?:$|[-_])|cookie|session|signature|bearer|(?:api|access|private|encryption|signing)[-_]?key|^pin$|^otp$|^cvv?c?$/i;
/** Names under which whole documents are sent. */
const contentKey = /^(?:content|contents|body|blob|data|file)$/i;
const secretText =
  /\b(?:sk|pk|rk)_(?:live|test)_\w+|\bwhsec_\S+|\bBearer\s+\S+|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b|:\/\/[^\s/:@]+:[^\s/@]+@/i;
const emailText = /[^\s@<>"']+@[^\s@<>"']+\.[^\s@<>"'.]+/g;

const measured = (text: string): string => `[${[...text].length} characters]`;

const redactText = (text: string): string => {
  if (secretText.test(text)) return REDACTED;
  return text.length > MAX_KEPT_TEXT ? measured(text) : text.replaceAll(emailText, '[e-mail]');
};

const redactValue = (value: Json, depth: number): Json => {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '[nested]';
  if (!Array.isArray(value)) return redactFields(value, depth);
  const kept = value.slice(0, MAX_KEPT_PARTS).map((item) => redactValue(item, depth + 1));
  return value.length > MAX_KEPT_PARTS ? [...kept, `[${value.length - MAX_KEPT_PARTS} more]`] : kept;
};

const redactFields = (fields: JsonObject, depth: number): JsonObject => {
  const entries = Object.entries(fields);
  const kept = entries.slice(0, MAX_KEPT_PARTS).map(([key, value]): [string, Json] => {
    const name = key.length > MAX_KEPT_KEY ? measured(key) : redactText(key);
    if (secretKey.test(key)) return [name, REDACTED];
    return [
      name,
      contentKey.test(key) && typeof value === 'string' ? measured(value) : redactValue(value, depth + 1),
    ];
  });
  const left = entries.length - kept.length;
  return Object.fromEntries(left > 0 ? [...kept, ['…', `[${left} more]`]] : kept);
};

/**
 * The same value with `[redacted]` for what looks like a secret by its name or its form, with `[n characters]` for
 * long texts and whole documents, and cut where it is long or deep. Deterministic.
 */
export const redacted = (value: JsonObject): JsonObject => {
  const kept = redactFields(value, 0);
  const { length } = JSON.stringify(kept);
  return length > MAX_KEPT_LENGTH ? { '…': `[${length} characters]` } : kept;
};

/** The same for one text, such as a message of somebody else's. */
export const redactedText = (text: string): string => redactText(text);
