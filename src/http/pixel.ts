// Endpoints of the pixel: no keys, called by pages of any site.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { PixelHits } from '../commands/pixel.js';
import { pixelConfig } from '../dialects/pixel.js';
import { uuidOf } from '../domain/ids.js';
import { deviceOf, type Hit, hostIn, keptReferrer, keptUrl } from '../domain/pixel.js';
import { oldestClaim, type PixelSiteRow } from '../projections/pixel.js';
import { ConfigQuery, ImageQuery, MAX_HIT_BYTES, MAX_URL, pixelDocs, TrackBody } from './pixel-forms.js';
import { pixelScript } from './pixel-script.js';
import { type Exchange, type Route, route } from './route.js';

/** Each route has a bucket of its own, by client address. */
const openTo = (name: string) =>
  ({ scope: 'none', cors: true, bucket: { name: `pixel-${name}`, perMinute: 300 } }) as const;

/** Transparent, 1 × 1 (GIF89a). */
const image = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/** Sites on other domains may use image and script, also where they ask for isolation. */
const forAll = { 'Cross-Origin-Resource-Policy': 'cross-origin' };

type Said = Pick<Hit, 'event' | 'url'> & {
  readonly key: string | undefined;
  /** Host of the page that the hit comes from. */
  readonly host: string | undefined;
  readonly referrer?: string | undefined;
  readonly userAgent: string | undefined;
  readonly properties?: Hit['properties'] | undefined;
};

export const pixelRoutes = ({ readModels, pixel }: { readModels: ReadModels; pixel: PixelHits }): Route[] => {
  /** The site of a key, else the oldest claim on a domain. */
  const siteOf = async (key: string | undefined, host: string | undefined) => {
    const workspaceId = key === undefined ? undefined : uuidOf('pixel', key);
    const keyed =
      workspaceId === undefined ? undefined : await readModels.get<PixelSiteRow>('pixel-sites', workspaceId);
    if (keyed || host === undefined) return keyed;
    const where = [{ field: 'domains', op: 'eq', value: host } as const];
    return oldestClaim(await readModels.find<PixelSiteRow>('pixel-sites', { where }), host);
  };

  /** Takes a hit in, unless it is nobody's or its visitor does not want to be tracked. */
  const track = async ({ header, now }: Exchange<unknown, unknown>, said: Said) => {
    if (header('dnt') === '1' || header('sec-gpc') === '1') return;
    const site = await siteOf(said.key, said.host);
    if (!site?.enabled) return;
    pixel.track({
      workspaceId: site.id,
      event: said.event,
      url: keptUrl(said.url),
      referrer: keptReferrer(said.referrer),
      device: deviceOf(said.userAgent),
      properties: said.properties ?? {},
      trackedAt: now.toISOString(),
    });
  };

  return [
    route({
      method: 'GET',
      path: '/pixel/config',
      ...openTo('config'),
      query: ConfigQuery,
      doc: pixelDocs.config,
      handle: async ({ query, header }) => {
        const host =
          hostIn(header('origin')) ?? hostIn(header('referer')) ?? hostIn(`http://${header('host') ?? ''}`);
        const site = await siteOf(query.pixel_key, host);
        return { status: 200, body: pixelConfig(site?.enabled ?? true) };
      },
    }),
    route({
      method: 'POST',
      path: '/pixel/track',
      ...openTo('track'),
      body: TrackBody,
      maxBody: MAX_HIT_BYTES,
      doc: pixelDocs.track,
      handle: async (exchange) => {
        const { body, header } = exchange;
        await track(exchange, {
          event: body.event,
          url: body.url,
          key: body.pixel_key,
          host: hostIn(header('origin')) ?? hostIn(body.url),
          referrer: body.referrer,
          userAgent: body.user_agent ?? header('user-agent'),
          properties: body.properties as Hit['properties'],
        });
        return { status: 200, body: { tracked: true } };
      },
    }),
    route({
      method: 'GET',
      path: '/pixel/:key.gif',
      ...openTo('image'),
      query: ImageQuery,
      doc: pixelDocs.image,
      handle: async (exchange) => {
        const { params, query, header } = exchange;
        const referer = header('referer')?.slice(0, MAX_URL);
        const url = query.url ?? (hostIn(referer) === undefined ? undefined : referer);
        if (url !== undefined)
          await track(exchange, {
            event: query.event,
            url,
            key: params['key'],
            host: hostIn(referer) ?? hostIn(url),
            referrer: query.referrer,
            userAgent: header('user-agent'),
          });
        return {
          status: 200,
          content: { type: 'image/gif', bytes: image },
          headers: { 'Cache-Control': 'no-store', ...forAll },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/pixel.js',
      ...openTo('script'),
      doc: pixelDocs.script,
      handle: async () => ({
        status: 200,
        content: { type: 'text/javascript; charset=utf-8', bytes: pixelScript },
        headers: { 'Cache-Control': 'public, max-age=3600', ...forAll },
      }),
    }),
  ];
};
