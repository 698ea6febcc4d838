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

/** Address and port that a connection came in on. */
const boundTo = ({ localAddress = 'localhost', localPort }: Request['socket']): string => {
  const address = localAddress.replace(/^::ffff:(?=\d+\.)/, '');
  const host = address.includes(':') ? `[${address}]` : address;
  return localPort === undefined ? host : `${host}:${localPort}`;
};

/** Absolute addresses that answers name, as whoever asks reaches this server. */
export type Links = {
  /** Of this server, without a slash at the end. */
  base(req: Request): string;
  /** Of the endpoint that was asked, without its query. */
  url(req: Request): string;
  /** Where a higher limit can be had. */
  upgrade(req: Request): string;
};

/**
 * `publicUrl` (no slash at the end) wins over what the request says, and that over where it came in; `upgradeUrl` over
 * the documentation page.
 */
export const createLinks = (publicUrl?: string, upgradeUrl?: string): Links => {
  const base = (req: Request): string => {
    if (publicUrl !== undefined) return publicUrl;
    const host: string | undefined = req.host;
    return `${req.protocol}://${host !== undefined && hostForm.test(host) ? host : boundTo(req.socket)}`;
  };
  return {
    base,
    url: (req) => base(req) + splitTarget(req.originalUrl)[0],
    upgrade: (req) => upgradeUrl ?? `${base(req)}/docs`,
  };
};
