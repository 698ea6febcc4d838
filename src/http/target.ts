// The request target as sent: its path, its query, and the absolute address that clients see.
import type { Request } from 'express';

/** Path and query text of a target; one in absolute form (`GET http://host/path`) is the same as its path. */
export const splitTarget = (target: string): readonly [path: string, query: string] => {
  const question = target.indexOf('?');
  const [path, query] =
    question === -1 ? [target, ''] : [target.slice(0, question), target.slice(question + 1)];
  return path.startsWith('/') ? [path, query] : [path.replace(/^[a-z]+:\/\/[^/]*/i, ''), query];
};

const hostForm = /^[\w.\-:[\]]{1,255}$/;

/** Absolute URL of a request without its query; `publicUrl` (no slash at the end) wins over what the request says. */
export const urlOf = (req: Request, publicUrl: string | undefined): string => {
  const [path] = splitTarget(req.originalUrl);
  if (publicUrl !== undefined) return publicUrl + path;
  const host: string | undefined = req.host;
  return `${req.protocol}://${host !== undefined && hostForm.test(host) ? host : 'localhost'}${path}`;
};
