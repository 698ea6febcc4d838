// Slugs: letters and digits of any script, lower-cased and in NFC, joined by single hyphens.

/** 1–100 characters; what only marks others (an accent, the selector of an emoji) begins no part. */
export const isSlug = (text: string): boolean =>
  /^[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:-[\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*$/u.test(text) &&
  [...text].length <= 100;

/** The normal form of what a caller wrote: NFC, lower case. */
export const normalSlug = (text: string): string => text.normalize('NFC').toLowerCase().normalize('NFC');

/** A slug from a name; empty when the name has no letter or digit. Leaves room for a suffix. */
export const slugFrom = (name: string): string =>
  [
    ...normalSlug(name)
      .replace(/(?:[^\p{L}\p{M}\p{N}]+\p{M}*)+/gu, '-')
      .replace(/^[-\p{M}]+|-+$/gu, ''),
  ]
    .slice(0, 80)
    .join('')
    .replace(/-+$/, '');
