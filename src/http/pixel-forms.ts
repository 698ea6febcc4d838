// What pages may say to the pixel, and what the documentation says about it.
import { z } from 'zod';
import { fields } from './fields.js';
import type { RouteDoc } from './route.js';

const pixelKey = z.string().max(100).meta({
  description:
    'The `pixel_key` of a workspace; without it the domain of the page tells whose hit this is. `GET /workspaces/{id}?fields=pixel_key` shows it.',
});

/** Most characters of an address: pages come with all that advertisements add to theirs. */
export const MAX_URL = 8_192;
/** Most bytes of a hit: as many as `sendBeacon` sends. */
export const MAX_HIT_BYTES = 65_536;
export const TrackBody = z.strictObject({
  event: fields.text(100),
  url: fields.webUrl(MAX_URL),
  referrer: fields.prose(MAX_URL).optional(),
  user_agent: fields.prose(1_024).optional(),
  properties: fields.smallObject.optional(),
  pixel_key: pixelKey.optional(),
});
export const ConfigQuery = z.object({ pixel_key: pixelKey.optional() });
export const ImageQuery = z.object({
  url: fields
    .webUrl(MAX_URL)
    .optional()
    .meta({ description: 'The page; without it the Referer header tells.' }),
  event: fields.text(100).default('pageview'),
  referrer: fields.prose(MAX_URL).optional(),
  _: fields.prose(100).optional().meta({ description: 'Anything: keeps caches from answering.' }),
});

const tag = 'Pixel';
const privacy =
  'Neither the visitor’s address nor their user agent is kept: of the latter, the kind of device. Where the request says `DNT: 1` or `Sec-GPC: 1`, nothing is.';

export const pixelDocs = {
  config: {
    id: 'getPixelConfig',
    tag,
    summary: 'Get the configuration for a page',
    description:
      'For the domain in `Origin`, `Referer` or `Host`. `enabled` is false where the workspace has switched its pixel off: `PATCH /workspaces/{id} {"settings": {"pixel": {"enabled": false}}}`.',
    success: {
      status: 200,
      description: 'What the pixel does there; for a domain that nobody has registered, everything.',
      example: {
        enabled: true,
        features: { pageviews: true, events: true, sessions: true },
        sample_rate: 1,
      },
    },
  },
  track: {
    id: 'trackPixel',
    tag,
    summary: 'Report a hit',
    description: `The hit belongs to the workspace of the \`pixel_key\`, else to the one whose settings name the domain of the page in \`domains\`: \`PATCH /workspaces/{id} {"settings": {"domains": ["example.com"]}}\`. A hit of nobody’s is answered like any other, and not counted. It is in the log about a second later. JSON as \`application/json\` or as \`text/plain\`, which browsers send without a preflight. ${privacy}`,
    requestExample: {
      event: 'pageview',
      url: 'https://example.com/page',
      referrer: 'https://google.com',
      user_agent: 'Mozilla/5.0',
      properties: { title: 'Page Title' },
    },
    success: { status: 200, description: 'Taken in.', example: { tracked: true } },
  },
  image: {
    id: 'trackPixelImage',
    tag,
    summary: 'Report a hit by an image',
    description: `For pages without scripts, and for mail: \`<img src="…/pixel/px_….gif" alt="">\`. ${privacy}`,
    params: {
      key: { description: 'The `pixel_key` of a workspace.', example: 'px_01kf0d92j0fgyag8mxvs5w3s0c' },
    },
    success: { status: 200, description: 'A transparent image of one pixel.', type: 'image/gif' },
  },
  script: {
    id: 'getPixelScript',
    tag,
    summary: 'Get the script for pages',
    description:
      'Sends a pageview when a page is shown, and leaves `pixel(event, properties)` for events of the page’s own: `<script defer src="…/pixel.js" data-key="px_…"></script>`. The key may be left out on registered domains. Does nothing where Do Not Track or Global Privacy Control is on.',
    success: { status: 200, description: 'The script, under 2 KB.', type: 'text/javascript' },
  },
} satisfies Record<string, RouteDoc>;
