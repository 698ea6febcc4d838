// The request target as sent: its path, its query, and the absolute address that clients see.
import type { Request } from 'express';

/**
 * A target in origin form (`/path?query`), which is what Express and all that follows expect: without the scheme and
 * host of an absolute form, and without a fragment.
 */
export const originForm = (target: string): string => {
  const [whole = ''] = target.split('#', 1);
  if (whole.startsWith('/')) return whole;
  const path = whole.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
};

/** Path and query text of a target in origin form. */
export const splitTarget = (target: string): readonly [path: string, query: string] => {
  const question = target.indexOf('?');
  return question === -1 ? [target, ''] : [target.slice(0, question), target.slice(question + 1)];
};

const hostForm = /^[\w.\-:[\]]{1,255}$/;

/** Absolute URL of a request without its query; `publicUrl` (no slash at the end) wins over what the request says. */
export const urlOf = (req: Request, publicUrl: string | undefined): string => {
  const [path] = splitTarget(req.originalUrl);
  if (publicUrl !== undefined) return publicUrl + path;
  const host: string | undefined = req.host;
  return `${req.protocol}://${host !== undefined && hostForm.test(host) ? host : 'localhost'}${path}`;
};
