// Hits that web pages report, what is kept of them, and which sites a workspace takes them from. Pure.
import { z } from 'zod';
import { event, Instant, type JsonObject } from './decider.js';

export const devices = ['desktop', 'mobile', 'tablet', 'bot', 'unknown'] as const;
export type Device = (typeof devices)[number];

export const PixelEvent = z.discriminatedUnion('type', [
  /** Neither the visitor's address nor their user agent is kept: of the latter, the kind of device. */
  event('PixelTracked', {
    workspaceId: z.uuid(),
    /** What happened, such as `pageview`. */
    event: z.string(),
    /** The page, without user name, password and fragment. */
    url: z.string(),
    /** Where the visitor came from, without query and fragment; null when that is not known. */
    referrer: z.string().nullable(),
    device: z.enum(devices),
    properties: z.record(z.string(), z.json()),
    /** When it was received; it is appended a moment later. */
    trackedAt: Instant,
  }),
]);
export type PixelEvent = z.infer<typeof PixelEvent>;
export type Hit = PixelEvent['data'];

/** The kind of device that a user agent names; a rough guess by design. */
export const deviceOf = (userAgent: string | undefined): Device => {
  if (userAgent === undefined || userAgent === '') return 'unknown';
  if (/bot\b|crawl|spider|slurp|headless|preview/i.test(userAgent)) return 'bot';
  if (/ipad|tablet|android(?!.*mobile)/i.test(userAgent)) return 'tablet';
  if (/mobi|iphone|ipod/i.test(userAgent)) return 'mobile';
  return 'desktop';
};

const webUrl = (address: string): URL | undefined => {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
};

/** The host that a web address names, as a URL writes it (lower case, punycode, no port); undefined when it is none. */
export const hostIn = (address: string | undefined): string | undefined =>
  address === undefined ? undefined : webUrl(address)?.hostname;

/** The address of a page as it is kept. */
export const keptUrl = (address: string): string => {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
};

/** A referrer as it is kept: what stands in its query is another site's business. */
export const keptReferrer = (address: string | undefined): string | null => {
  const url = address === undefined ? undefined : webUrl(address);
  return url ? `${url.origin}${url.pathname}` : null;
};

/** The normal form of a domain as a setting names it: a bare host name; undefined when it is none. */
export const domainOf = (text: string): string | undefined => {
  if (text.length > 253 || /[\s/\\?#@:*%[\]]|^\.|\.$/u.test(text)) return undefined;
  return hostIn(`https://${text}`);
};

/** What the settings of a workspace say about its sites. */
export type SiteSettings = {
  /** Normal forms of the domains that belong to it. */
  readonly domains: readonly string[];
  readonly enabled: boolean;
};

/** Most domains of one workspace. */
export const MAX_DOMAINS = 50;

/** Reads the settings of a workspace: what was stored before these had a meaning is passed over. */
export const siteSettings = ({ domains, pixel }: JsonObject): SiteSettings => {
  const named = Array.isArray(domains) ? domains : [];
  const normal = named.flatMap((domain) => (typeof domain === 'string' ? (domainOf(domain) ?? []) : []));
  const off =
    typeof pixel === 'object' && pixel !== null && !Array.isArray(pixel) && pixel['enabled'] === false;
  return { domains: [...new Set(normal)].slice(0, MAX_DOMAINS), enabled: !off };
};
