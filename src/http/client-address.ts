// The address of a client: that of the connection, or what a trusted proxy says of it.
import type { Request } from 'express';
import { isIpAddress } from '../domain/ip-ranges.js';

/** Some proxies tell the port too, `192.0.2.1:4711` or `[2001:db8::1]:4711`, which is another one each time. */
const withoutPort = (told: string): string =>
  told.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1').replace(/^\[([^\]]*)\](?::\d+)?$/, '$1');

/** `trustProxy`: as Express understands it. What a proxy tells that is no address does not count. */
export const clientAddress = (req: Request, trustProxy: boolean | number | readonly string[]): string => {
  const own = req.socket.remoteAddress ?? 'unknown';
  if (trustProxy === false) return own;
  const told = withoutPort(req.ip ?? '');
  return isIpAddress(told) ? told : own;
};
