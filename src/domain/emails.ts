// E-mail addresses: what is one. Whether it exists only a message to it could tell.

/** Longest address that can be sent to (RFC 5321). */
export const MAX_EMAIL = 254;

const local = "(?!\\.)[\\p{L}\\p{M}\\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\\.)";
const label = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?';
const top = '(?:[\\p{L}\\p{M}]{2,63}|xn--[a-z0-9-]{1,59})';
const form = new RegExp(`^(?!.*\\.\\.)${local}@(?:${label}\\.)+${top}$`, 'iu');

/** `name@host.domain`, in any script. */
export const isEmail = (text: string): boolean => text.length <= MAX_EMAIL && form.test(text);
