// Paths as callers of the filesystem server write them: `/` is the workspace's own root, and nothing leads out of it.
import { type DomainError, invalid } from '../../domain/errors.js';

const MAX_PATH = 1024;
const MAX_NAME_BYTES = 255;
const MAX_DEPTH = 32;

/** A refusal of the path, in the words of all refusals. */
export const badPath = (what: string): DomainError =>
  invalid({ 'arguments.path': `The arguments.path ${what}.` });

export const leadsOut = (): DomainError => badPath('leads out of the workspace’s folder');

/** Percent-encoded dots, slashes, backslashes and NUL: nobody writes them but to get past a check. */
const encoded = /%(?:2e|2f|5c|00|25)/i;

/** The names on the way from the root; none = the root itself. Throws 422 for what would lead out of it, or nowhere. */
export const namesOf = (path: string): string[] => {
  if (path.length > MAX_PATH) throw badPath(`may not be greater than ${MAX_PATH} characters`);
  if (/\p{Cc}/u.test(path)) throw badPath('may not contain control characters');
  if (path.includes('\\') || encoded.test(path)) throw leadsOut();
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw leadsOut();
  if (names.length > MAX_DEPTH) throw badPath(`may not have more than ${MAX_DEPTH} parts`);
  if (names.some((name) => Buffer.byteLength(name) > MAX_NAME_BYTES))
    throw badPath(`has a name of more than ${MAX_NAME_BYTES} bytes`);
  return names;
};
