// Where webhooks may be sent: public https addresses only, checked before every attempt and then pinned.
import { lookup, Resolver } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { invalid } from '../domain/errors.js';

export type Address = { readonly address: string; readonly family: 4 | 6 };

/** The checked addresses of a target, IPv4 first; a connection goes to one of these and nowhere else. */
export type Target = readonly [Address, ...Address[]];

export type TargetOptions = {
  /** Opens http and private addresses, for development and tests. */
  readonly allowPrivate: boolean;
  /** Bound of name resolution, ms. Default 5000. */
  readonly timeoutMs?: number;
  /** Name servers (`address:port`) instead of the system's. */
  readonly servers?: readonly string[];
};

/** An attempt cannot be made. The message is a clean sentence that may be shown. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
  /** True when it can never be made, false when it may work later. */
  readonly forbidden: boolean;
  constructor(message: string, forbidden: boolean) {
    super(message);
    this.forbidden = forbidden;
  }
}

export const MAX_URL_LENGTH = 2048;
export const DNS_TIMEOUT_MS = 5000;

/** Names that never stand for something public (RFC 6761, 6762, 8375, ICANN's reserved `internal`, and usual habits). */
const localName =
  /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|private|lan|home|corp|home\.arpa)\.?$/;

/** Public by its range, yet a cloud's metadata service (Azure's wire server). */
const metadataAddresses: ReadonlySet<string> = new Set(['168.63.129.16']);
/** What is routed on the public IPv6 internet (RFC 4291: global unicast as allocated by IANA). */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
/** NAT64's well-known prefix (RFC 6052): the last 32 bits are the IPv4 address that is reached. */
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** True for an address of the public internet: only `unicast` of ipaddr.js passes; embedded IPv4 is judged as such. */
export const isPublicAddress = (text: string): boolean => {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv4)
    return address.range() === 'unicast' && !metadataAddresses.has(address.toString());
  if (address.isIPv4MappedAddress()) return isPublicAddress(address.toIPv4Address().toString());
  if (address.match(nat64)) return isPublicAddress(address.toByteArray().slice(12).join('.'));
  // Zone ids name an interface of this machine.
  return !text.includes('%') && address.range() === 'unicast' && address.match(globalUnicast);
};

/** Host of a URL without the brackets of an IPv6 literal. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** The address that a host writes out; the URL parser has normalised every notation (octal, hex, short, mapped). */
const literal = (host: string): Address | undefined => {
  if (!ipaddr.isValid(host)) return undefined;
  return { address: host, family: ipaddr.parse(host).kind() === 'ipv4' ? 4 : 6 };
};

/** Why a URL can never be a target; undefined when it may be one. */
export const targetFault = (text: string, { allowPrivate }: TargetOptions): string | undefined => {
  if (text.length > MAX_URL_LENGTH) return `The url may not be greater than ${MAX_URL_LENGTH} characters.`;
  // The parser would drop line breaks and outer spaces without a word.
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return 'The url must be a valid URL.';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
    return 'The url must use https.';
  if (url.username !== '' || url.password !== '') return 'The url may not contain a user name or password.';
  if (allowPrivate) return undefined;
  const host = hostOf(url);
  const address = literal(host);
  if (address) return isPublicAddress(address.address) ? undefined : 'The url must have a public address.';
  return localName.test(host) || !/.\../.test(host) ? 'The url may not name a local host.' : undefined;
};

const withinTime = async <T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([work, bound]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Every A and AAAA answer. Asks the name servers directly: the system's resolver would occupy the threads that also
 * sync the log, so that slow names could stall writes. In development it is used all the same, for /etc/hosts.
 */
const addressesOf = async (host: string, options: TargetOptions): Promise<Address[]> => {
  const { allowPrivate, servers, timeoutMs = DNS_TIMEOUT_MS } = options;
  const late = () => new TargetRefused('Name resolution timed out', false);
  if (allowPrivate && servers === undefined) {
    const found = await withinTime(lookup(host, { all: true }), timeoutMs, late);
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  }
  const resolver = new Resolver({ timeout: Math.max(500, Math.floor(timeoutMs / 3)), tries: 2 });
  if (servers) resolver.setServers(servers);
  try {
    const [v4, v6] = await withinTime(
      Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]),
      timeoutMs,
      late,
    );
    return [
      ...(v4.status === 'fulfilled' ? v4.value : []).map((address): Address => ({ address, family: 4 })),
      ...(v6.status === 'fulfilled' ? v6.value : []).map((address): Address => ({ address, family: 6 })),
    ];
  } finally {
    resolver.cancel();
  }
};

/** The addresses to connect to, all checked. Throws TargetRefused: forbidden, or the name does not resolve (now). */
export const resolveTarget = async (text: string, options: TargetOptions): Promise<Target> => {
  if (targetFault(text, options) !== undefined) throw new TargetRefused('Address not allowed', true);
  const host = hostOf(new URL(text));
  const written = literal(host);
  const found = written
    ? [written]
    : await addressesOf(host, options).catch((error: unknown) => {
        if (error instanceof TargetRefused) throw error;
        return [];
      });
  const [first, ...others] = found.sort((left, right) => left.family - right.family);
  if (first === undefined) throw new TargetRefused('Name does not resolve', false);
  if (!options.allowPrivate && !found.every(({ address }) => isPublicAddress(address)))
    throw new TargetRefused('Address not allowed', true);
  return [first, ...others];
};

/**
 * For create and update: throws a validation error on `url` when it can never be a target. A name that does not
 * resolve (yet) is accepted; each attempt looks again.
 */
export const checkTargetUrl = async (text: string, options: TargetOptions): Promise<void> => {
  const fault = targetFault(text, options);
  if (fault !== undefined) throw invalid({ url: fault });
  try {
    await resolveTarget(text, options);
  } catch (error) {
    if (!(error instanceof TargetRefused)) throw error;
    if (error.forbidden) throw invalid({ url: 'The url must have a public address.' });
  }
};
